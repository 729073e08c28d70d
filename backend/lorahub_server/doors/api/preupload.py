"""Before a push: what need not be sent, what rides in the commit, what is uploaded."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from lorahub.adapters import is_weight_name
from lorahub_server.access import Tx
from lorahub_server.access.errors import RepoNotFound
from lorahub_server.blobs.errors import FileTooLarge
from lorahub_server.blobs.limits import INLINE_MAX
from lorahub_server.blobs.service import is_sha256, may_use_all
from lorahub_server.doors import target
from lorahub_server.doors.api import examples
from lorahub_server.doors.api.making import check_can_make
from lorahub_server.doors.deps import reading
from lorahub_server.doors.schemas import ITEMS_MAX, Branch, Owner, RepoName, Text, example
from lorahub_server.doors.target import Target
from lorahub_server.kit import names
from lorahub_server.repos import trees
from lorahub_server.repos.errors import BadCommit
from lorahub_server.repos.tables import Repository

router = APIRouter(prefix="/repos/{owner}/{name}", tags=["publishing"])

Action = Literal["same", "inline", "known", "upload"]


class FileIn(BaseModel):
    model_config = example({"path": examples.FILE, "size": 114297640, "sha256": examples.SHA256})

    path: Text
    size: int = Field(ge=0, lt=2**63)
    sha256: Text


class PreuploadIn(BaseModel):
    """`pull_request`: the commit will open one, which readers may too.

    `create`: the commit will make the repository, `private` or not, if it is missing.
    """

    files: list[FileIn] = Field(max_length=ITEMS_MAX)
    pull_request: bool = False
    create: bool = False
    private: bool = False


class FilePlan(BaseModel):
    """`same`: the branch has it. `inline`: send it in the commit. `known`: commit it by its
    SHA-256. `upload`: upload it first.
    """

    model_config = example({"path": examples.FILE, "action": "upload"})

    path: str
    action: Action


class PreuploadOut(BaseModel):
    model_config = example(
        {"revision": examples.OID, "files": [{"path": examples.FILE, "action": "upload"}]}
    )

    revision: str | None
    files: list[FilePlan]


@router.post("/preupload/{branch}", summary="Plan a push")
async def plan_push(
    request: Request, owner: Owner, name: RepoName, branch: Branch, wish: PreuploadIn
) -> PreuploadOut:
    """The branch may be a pull request's ref, such as `refs%2Fpr%2F3`.

    `revision` is the branch's head, to be the `parent` of the commit; null: no commit yet.

    "Known" is said only about bytes that the caller uploaded or can read in some repository.
    """
    where = target.of(branch, create_pr=wish.pull_request)
    plan = await reading(request, lambda tx: _plan(tx, owner, name, where, wish))
    if plan.revision is None and wish.create:
        await check_can_make(request, owner, name, private=wish.private)
    return plan


def _plan(tx: Tx, owner: str, name: str, where: Target, wish: PreuploadIn) -> PreuploadOut:
    repo: Repository | None = None
    try:
        repo = target.open_repo(tx, owner, name, where)
    except RepoNotFound:
        if not wish.create or where.pull is not None or where.opens:
            raise
    if where.pull is None:
        names.check_ref_name(where.branch)
    for file in wish.files:
        _check(tx, file)
    head = None if repo is None else target.head_of(tx, repo, where)
    there = {} if repo is None else _files(tx, repo, head)
    wanted = [file for file in wish.files if there.get(file.path) != file.sha256.lower()]
    known = may_use_all(tx, {file.sha256.lower() for file in wanted if not _rides(file)})
    plans = []
    for file in wish.files:
        sha256 = file.sha256.lower()
        action: Action = "upload"
        if there.get(file.path) == sha256:
            action = "same"
        elif _rides(file):
            action = "inline"
        elif sha256 in known and known[sha256].size == file.size:
            action = "known"
        plans.append(FilePlan(path=file.path, action=action))
    return PreuploadOut(revision=head, files=plans)


def _check(tx: Tx, file: FileIn) -> None:
    names.check_path(file.path)
    if not is_sha256(file.sha256.lower()):
        message = "A SHA-256 has 64 hexadecimal digits; correct it."
        raise BadCommit(message, place=file.path)
    limit = tx.settings.max_file_bytes
    if file.size > limit:
        message = f"The file has {file.size} bytes; this hub takes at most {limit}."
        raise FileTooLarge(message, place=file.path, limit=limit)


def _rides(file: FileIn) -> bool:
    return file.size <= INLINE_MAX and not is_weight_name(file.path.rpartition("/")[2])


def _files(tx: Tx, repo: Repository, head: str | None) -> dict[str, str | None]:
    if head is None:
        return {}
    found = trees.list_entries(tx, repo, head, recursive=True)
    return {entry.path: entry.sha256 for entry in found}
