"""One file by its address: read it, write it with `curl -T`, delete it."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lorahub.adapters import HEAD_BYTES, looks_like_weights
from lorahub_server.access import Caller, Tx
from lorahub_server.access.errors import RepoNotFound
from lorahub_server.blobs import uploads
from lorahub_server.blobs.errors import FileTooLarge
from lorahub_server.blobs.limits import INLINE_MAX
from lorahub_server.doors.api.commits import UNCHANGED, CommitOut
from lorahub_server.doors.api.making import check_can_make, repo_to_write
from lorahub_server.doors.deps import ReadTx, WriteTx, hub_of, reading, writing
from lorahub_server.doors.files.answer import named_file
from lorahub_server.doors.schemas import Branch, FilePath, Owner, RepoName, Revision, Text
from lorahub_server.doors.streams import Body, pour, work
from lorahub_server.kit import names
from lorahub_server.kit.errors import HubError
from lorahub_server.repos import pulls, refs, service, trees
from lorahub_server.repos.commit import AddBlob, AddFile, DeletePath, Operation, commit
from lorahub_server.repos.errors import RefNotFound, StaleParent
from lorahub_server.repos.tables import Repository

router = APIRouter(prefix="/repos/{owner}/{name}")

Message = Annotated[Text | None, Query(description="Of the commit.")]
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string"}}},
    }
}


@dataclass(frozen=True, slots=True)
class _Wish:
    """Where the body of a PUT shall go."""

    owner: str
    name: str
    branch: str
    path: str
    message: str | None
    parent: str | None
    create: bool
    private: bool


@router.get(
    "/raw/{revision}/{path:path}",
    tags=["files and history"],
    summary="Read a file",
    response_class=Response,
    responses={200: {"description": "The bytes", "content": {"application/octet-stream": {}}}},
)
def read_file(
    request: Request,
    tx: ReadTx,
    owner: Owner,
    name: RepoName,
    revision: Revision,
    path: FilePath,
    download: Annotated[bool, Query(description="Save it instead of showing it.")] = False,
) -> Response:
    """Ranges, `If-None-Match` and HEAD work.

    Where the bytes are in S3, it redirects there, hence `-L`.

        curl -LO http://127.0.0.1:8000/api/hub/v1/repos/alice/my-style/raw/main/README.md
    """
    return named_file(request, tx, owner, name, revision, path, download=download)


@router.put(
    "/raw/{branch}/{path:path}",
    tags=["publishing"],
    summary="Publish one file",
    status_code=201,
    responses={200: UNCHANGED},
    openapi_extra=BODY,
)
async def write_file(
    request: Request,
    response: Response,
    owner: Owner,
    name: RepoName,
    branch: Branch,
    path: FilePath,
    message: Message = None,
    parent: Annotated[Text | None, Query(description="The commit to stand on, or 409.")] = None,
    create: Annotated[bool, Query(description="Make the repository if it is missing.")] = False,
    private: Annotated[bool, Query(description="Make it a private one.")] = False,
) -> CommitOut:
    r"""The body is the file, of any size, with or without a length. It is verified and committed.

    Name and rights are checked before the body is read, so `Expect: 100-continue` saves sending
    what would be refused.

        curl -T my-style.safetensors -H "Authorization: Bearer $TOKEN" \
          "http://127.0.0.1:8000/api/hub/v1/repos/alice/my-style/raw/main/my-style.safetensors?create=1"
    """
    wish = _Wish(owner, name, branch, path, message, parent, create, private)
    body = Body(request)
    await _check(request, wish, body.announced)
    operation = await _receive(request, wish, body)

    def publish(tx: Tx) -> CommitOut:
        repo = repo_to_write(tx, owner, name, create=create, private=private)
        text = wish.message or _default_message(tx, repo, wish)
        made = commit(tx, repo, wish.branch, [operation], text, parent=wish.parent)
        if not made.changed:
            response.status_code = 200
        return CommitOut.of(request, repo, wish.branch, made)

    return await writing(request, publish)


@router.delete("/raw/{branch}/{path:path}", tags=["publishing"], summary="Delete one file")
def delete_file(
    request: Request,
    tx: WriteTx,
    owner: Owner,
    name: RepoName,
    branch: Branch,
    path: FilePath,
    message: Message = None,
) -> CommitOut:
    """Or a folder with all that is in it. Earlier revisions keep it."""
    _check_branch(branch)
    repo = service.get_repo_for_write(tx, owner, name)
    made = commit(tx, repo, branch, [DeletePath(path)], message or f"Delete {path}")
    return CommitOut.of(request, repo, branch, made)


async def _check(request: Request, wish: _Wish, announced: int | None) -> None:
    """Raise whatever would refuse the file, as far as it can be known before the body is read."""
    limit = hub_of(request).settings.max_file_bytes
    if announced is not None and announced > limit:
        message = f"The file has {announced} bytes; this hub takes at most {limit}."
        raise FileTooLarge(message, limit=limit)
    _check_branch(wish.branch)
    names.check_path(wish.path)
    if not await reading(request, lambda tx: _is_there(tx, wish)):
        await check_can_make(request, wish.owner, wish.name, private=wish.private)


def _check_branch(branch: str) -> None:
    if pulls.number_of(branch) is not None:
        message = (
            f"Files go to branches this way, not to pull requests. Send a commit to {branch} "
            "instead, with `POST .../commits/` and the name with %2F for its slashes, or with git."
        )
        raise names.InvalidRef(message, place="branch")
    names.check_ref_name(branch)


def _is_there(tx: Tx, wish: _Wish) -> bool:
    try:
        repo = service.get_repo_for_write(tx, wish.owner, wish.name)
    except RepoNotFound:
        if wish.create:
            return False
        raise
    head = refs.head(tx, repo, wish.branch)
    if wish.parent is not None and head is not None and head != wish.parent.lower():
        raise StaleParent(wish.branch, head)
    if head is None and wish.parent is None and wish.branch != repo.default_branch:
        message = f"There is no branch {wish.branch}. Make it first, or name the parent."
        raise RefNotFound(message)
    return True


async def _receive(request: Request, wish: _Wish, body: Body) -> Operation:
    """Take the body in: a small file into the commit, any other through an upload."""
    head = await body.peek(INLINE_MAX)
    filename = wish.path.rpartition("/")[2]
    is_small = body.is_over and len(head) <= INLINE_MAX
    if is_small and not looks_like_weights(head[:HEAD_BYTES], filename):
        return AddFile(wish.path, head)
    hub = hub_of(request)
    upload_id, caller = await writing(request, lambda tx: _open(tx, wish, body.announced))
    try:
        await pour(
            body,
            lambda chunks: uploads.append(hub.db, hub.store, caller, upload_id, 0, chunks),
            limit=hub.settings.max_file_bytes,
        )
        verified = await work(
            request, lambda: uploads.complete(hub.db, hub.store, caller, upload_id)
        )
    except Exception:
        # Nobody can go on with it: whoever sends the file again begins anew.
        with suppress(HubError):
            await writing(request, lambda tx: uploads.cancel_upload(tx, upload_id))
        raise
    return AddBlob(wish.path, verified.sha256)


def _open(tx: Tx, wish: _Wish, size: int | None) -> tuple[str, Caller]:
    return uploads.open_upload(tx, size=size, name=wish.path).id, tx.caller


def _default_message(tx: Tx, repo: Repository, wish: _Wish) -> str:
    head = refs.head(tx, repo, wish.branch) or wish.parent
    there = head is not None and trees.find_file(tx, repo, head, wish.path) is not None
    return f"{'Update' if there else 'Add'} {wish.path}"
