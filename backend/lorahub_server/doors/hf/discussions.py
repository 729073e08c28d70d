"""Discussions and pull requests: one numbering of both."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from lorahub_server.community.discussions import pulls, service
from lorahub_server.community.discussions.errors import CommentNotFound
from lorahub_server.community.discussions.service import Kind, Status, Wish
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.hf import threads
from lorahub_server.doors.hf.errors import NotOffered
from lorahub_server.doors.hf.shapes import Text
from lorahub_server.repos import service as repos

router = APIRouter()

_PLACE = "/api/models/{owner}/{name}/discussions"
_ONE = _PLACE + "/{num}"
_PAGE = 50
_PAGES_MAX = 10_000
_NO_DESCRIPTION = "No description."
_HEX = frozenset("0123456789abcdef")
_ID_DIGITS = 24

Num = Annotated[int, Path(ge=1, lt=2**31)]


class NewThread(BaseModel):
    model_config = ConfigDict(extra="ignore")

    title: Text
    description: Text = ""
    pull_request: Annotated[bool, Field(alias="pullRequest")] = False


class Comment(BaseModel):
    model_config = ConfigDict(extra="ignore")

    comment: Text | None = None


class Content(BaseModel):
    model_config = ConfigDict(extra="ignore")

    content: Text


class Title(BaseModel):
    model_config = ConfigDict(extra="ignore")

    title: Text


class NewStatus(Comment):
    status: Literal["open", "closed"]


@router.get(_PLACE)
def list_threads(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    p: Annotated[int, Query(ge=0, le=_PAGES_MAX)] = 0,
    kind: Annotated[Kind, Query(alias="type")] = "all",
    status: Status = "all",
    author: Text | None = None,
) -> JSONResponse:
    repo = repos.get_repo(tx, owner, name)
    wish = Wish(kind, status, author or None)
    found, count = service.list_threads(tx, repo, wish, skip=p * _PAGE, limit=_PAGE)
    items = [threads.listed(request, repo, thread) for thread in found]
    # A page beyond the last one would be asked for again and again.
    start = p * _PAGE if found else count
    return JSONResponse({"discussions": items, "count": count, "start": start})


@router.post(_PLACE)
def create_thread(tx: WriteTx, owner: str, name: str, wish: NewThread) -> JSONResponse:
    repo = repos.get_repo(tx, owner, name)
    create = pulls.open_draft if wish.pull_request else service.create
    thread = create(tx, repo, wish.title, wish.description.strip() or _NO_DESCRIPTION)
    return JSONResponse({"num": thread.num, "pullRequest": thread.is_pull})


@router.get(_ONE)
def show_thread(request: Request, tx: ReadTx, owner: str, name: str, num: Num) -> JSONResponse:
    repo = repos.get_repo(tx, owner, name)
    return JSONResponse(threads.whole(request, tx, repo, service.get(tx, repo, num)))


@router.post(_ONE + "/comment")
def comment(
    request: Request, tx: WriteTx, owner: str, name: str, num: Num, wish: Comment
) -> JSONResponse:
    repo = repos.get_repo(tx, owner, name)
    made = service.comment(tx, repo, num, wish.comment or "")
    return JSONResponse({"newMessage": threads.event(request, repo, made)})


@router.post(_ONE + "/comment/{comment_id}/edit")
def edit(
    request: Request,
    tx: WriteTx,
    owner: str,
    name: str,
    num: Num,
    comment_id: str,
    wish: Content,
) -> JSONResponse:
    repo = repos.get_repo(tx, owner, name)
    made = service.edit(tx, repo, num, _row(comment_id), wish.content)
    before = service.versions_of(tx, [made]).get(made.id, [])
    return JSONResponse({"updatedComment": threads.event(request, repo, made, before)})


@router.post(_ONE + "/comment/{comment_id}/hide")
def hide(
    request: Request, tx: WriteTx, owner: str, name: str, num: Num, comment_id: str
) -> JSONResponse:
    repo = repos.get_repo(tx, owner, name)
    made = service.hide(tx, repo, num, _row(comment_id))
    return JSONResponse({"updatedComment": threads.event(request, repo, made)})


@router.post(_ONE + "/title")
def rename(
    request: Request, tx: WriteTx, owner: str, name: str, num: Num, wish: Title
) -> JSONResponse:
    repo = repos.get_repo(tx, owner, name)
    made = service.rename(tx, repo, num, wish.title)
    return JSONResponse({"newTitle": threads.event(request, repo, made)})


@router.post(_ONE + "/status")
def set_status(
    request: Request, tx: WriteTx, owner: str, name: str, num: Num, wish: NewStatus
) -> JSONResponse:
    repo = repos.get_repo(tx, owner, name)
    made = service.set_status(tx, repo, num, wish.status, wish.comment or "")
    return JSONResponse({"newStatus": threads.event(request, repo, made)})


@router.post(_ONE + "/merge")
def merge(
    request: Request, tx: WriteTx, owner: str, name: str, num: Num, wish: Comment | None = None
) -> JSONResponse:
    repo = repos.get_repo(tx, owner, name)
    text = (wish.comment if wish else None) or ""
    thread = pulls.merge_pull(tx, repo, num, text=text)
    shown: dict[str, Any] = threads.listed(request, repo, thread)
    return JSONResponse({**shown, "mergeCommitId": thread.merge_oid})


@router.post("/uploads")
def attach() -> JSONResponse:
    raise NotOffered(
        "This hub keeps no pictures of comments. Put the picture into a repository and link to it."
    )


def _row(comment_id: str) -> int:
    """Return the number of the row that an id stands for."""
    text = comment_id.lower()
    if not text or len(text) > _ID_DIGITS or not _HEX.issuperset(text):
        raise CommentNotFound
    number = int(text, 16)
    if number >= 2**63:
        raise CommentNotFound
    return number
