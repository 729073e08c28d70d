"""Discussions and pull requests: begun, talked in, merged."""

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from lorahub_server.access import Tx
from lorahub_server.community.discussions import pulls, service
from lorahub_server.community.discussions.changes import changes_of
from lorahub_server.community.discussions.errors import BadText, NoPullRequest
from lorahub_server.community.discussions.service import Kind, Status, Wish
from lorahub_server.community.discussions.tables import Thread, ThreadEvent
from lorahub_server.doors import links
from lorahub_server.doors.api import examples
from lorahub_server.doors.api.diffs import DiffOut
from lorahub_server.doors.deps import ReadTx, WriteTx, base_url
from lorahub_server.doors.schemas import (
    Cursor,
    Limit,
    Owner,
    RepoName,
    RowId,
    Text,
    Time,
    example,
)
from lorahub_server.repos import service as repos
from lorahub_server.repos.tables import Repository

router = APIRouter(prefix="/repos/{owner}/{name}/discussions", tags=["discussions"])

Num = Annotated[
    int, Path(ge=1, lt=2**31, description="Its number in the repository.", examples=[3])
]
_THREAD = {
    "num": 3,
    "title": "Say what it was trained on",
    "status": "open",
    "pull_request": True,
    "author": "bob",
    "comments": 2,
    "branch": "main",
    "ref": "refs/pr/3",
    "merge_revision": None,
    "created_at": examples.TIME,
    "updated_at": examples.TIME,
    "url": f"{examples.HUB}/alice/my-style/discussions/3",
}
_EVENT = {
    "id": 17,
    "kind": "comment",
    "author": "bob",
    "created_at": examples.TIME,
    "text": "The card lacks it.",
    "edited_at": None,
    "hidden": False,
    "data": None,
}


class ThreadOut(BaseModel):
    """`author` is null when the account is gone. Of a pull request `ref` has its commits."""

    model_config = example(_THREAD)

    num: int
    title: str
    status: str
    pull_request: bool
    author: str | None
    comments: int
    branch: str | None
    ref: str | None
    merge_revision: str | None
    created_at: Time
    updated_at: Time
    url: str

    @classmethod
    def of(cls, request: Request, repo: Repository, thread: Thread) -> Self:
        page = links.discussion(repo.owner.name, repo.name, thread.num)
        return cls(
            num=thread.num,
            title=thread.title,
            status=thread.status,
            pull_request=thread.is_pull,
            author=None if thread.author.deleted_at else thread.author.name,
            comments=thread.comments,
            branch=thread.target,
            ref=f"refs/pr/{thread.num}" if thread.is_pull else None,
            merge_revision=thread.merge_oid,
            created_at=thread.created_at,
            updated_at=thread.updated_at,
            url=base_url(request) + page,
        )


class ThreadList(BaseModel):
    model_config = example({"items": [_THREAD], "next": None})

    items: list[ThreadOut]
    next: str | None


class EventOut(BaseModel):
    """`kind`: `comment`, `status-change`, `title-change` or `commit`. A hidden comment has no
    `text`.
    """

    model_config = example(_EVENT)

    id: int
    kind: str
    author: str | None
    created_at: Time
    text: str | None
    edited_at: Time | None
    hidden: bool
    data: dict[str, Any] | None

    @classmethod
    def of(cls, event: ThreadEvent) -> Self:
        hidden = event.hidden_at is not None
        return cls(
            id=event.id,
            kind=event.kind,
            author=None if event.author.deleted_at else event.author.name,
            created_at=event.created_at,
            text=None if hidden else event.text,
            edited_at=event.edited_at,
            hidden=hidden,
            data=event.data,
        )


class EventList(BaseModel):
    model_config = example({"items": [_EVENT], "next": None})

    items: list[EventOut]
    next: str | None


class NewThread(BaseModel):
    """With `pull_request` it is a draft without commits, for `branch` or the default branch."""

    model_config = example(
        {"title": "Say what it was trained on", "text": "The card lacks it.", "pull_request": True}
    )

    title: Text
    text: Text
    pull_request: bool = False
    branch: Text | None = None


class ThreadChange(BaseModel):
    """`open` also publishes a draft. With a status a `comment` may be said."""

    model_config = example({"status": "closed", "comment": "Done elsewhere."})

    title: Text | None = None
    status: Literal["open", "closed"] | None = None
    comment: Text = ""


class CommentIn(BaseModel):
    model_config = example({"text": "The card lacks it."})

    text: Text


class MergeIn(BaseModel):
    """`revision`: refuse with 409 `head_moved` unless the pull request is at this commit."""

    model_config = example({"revision": examples.OID, "comment": "Thank you!"})

    revision: Text | None = None
    comment: Text = ""


@router.get("", summary="List discussions and pull requests")
def list_threads(
    request: Request,
    tx: ReadTx,
    owner: Owner,
    name: RepoName,
    kind: Annotated[Kind, Query(description="Which of both.")] = "all",
    status: Annotated[Status, Query(description="Open ones may be drafts.")] = "all",
    author: Annotated[Text | None, Query(description="Who began them.")] = None,
    limit: Limit = 30,
    cursor: Cursor = None,
) -> ThreadList:
    """The newest first. Both have one numbering in a repository, from 1."""
    repo = repos.get_repo(tx, owner, name)
    page = service.page_threads(tx, repo, Wish(kind, status, author or None), cursor, limit)
    return ThreadList(
        items=[ThreadOut.of(request, repo, thread) for thread in page.items],
        next=page.next_cursor,
    )


@router.post("", summary="Begin a discussion, or draft a pull request", status_code=201)
def create_thread(
    request: Request, tx: WriteTx, owner: Owner, name: RepoName, wish: NewThread
) -> ThreadOut:
    """Whoever reads the repository may. Commits to the draft go to its `ref`.

    A pull request with a commit at once is opened by a commit with `pull_request`.
    """
    repo = repos.get_repo(tx, owner, name)
    if wish.pull_request:
        thread = pulls.open_draft(tx, repo, wish.title, wish.text, wish.branch)
    elif wish.branch is not None:
        raise BadText("Only a pull request is for a branch. Leave it out.", place="branch")
    else:
        thread = service.create(tx, repo, wish.title, wish.text)
    return ThreadOut.of(request, repo, thread)


@router.get("/{num}", summary="Show a discussion or pull request")
def show_thread(request: Request, tx: ReadTx, owner: Owner, name: RepoName, num: Num) -> ThreadOut:
    """Its state and, for a pull request, the branch it is for. `.../events` has what was said."""
    repo = repos.get_repo(tx, owner, name)
    return ThreadOut.of(request, repo, service.get(tx, repo, num))


@router.patch("/{num}", summary="Rename, close or open a discussion")
def change_thread(
    request: Request, tx: WriteTx, owner: Owner, name: RepoName, num: Num, change: ThreadChange
) -> ThreadOut:
    """For who began it, and for those who may change the repository."""
    repo = repos.get_repo(tx, owner, name)
    if change.title is not None:
        service.rename(tx, repo, num, change.title)
    if change.status is not None:
        service.set_status(tx, repo, num, change.status, change.comment)
    elif change.comment:
        raise BadText("A comment goes with a status, or by itself.", place="comment")
    return ThreadOut.of(request, repo, service.get(tx, repo, num))


@router.get("/{num}/events", summary="List what happened in a discussion")
def list_events(
    tx: ReadTx,
    owner: Owner,
    name: RepoName,
    num: Num,
    limit: Limit = 30,
    cursor: Cursor = None,
) -> EventList:
    """The oldest first: the text it began with, comments, commits, changes of title and status."""
    repo = repos.get_repo(tx, owner, name)
    page = service.page_events(tx, service.get(tx, repo, num), cursor, limit)
    return EventList(items=[EventOut.of(event) for event in page.items], next=page.next_cursor)


@router.post("/{num}/comments", summary="Comment", status_code=201)
def comment(tx: WriteTx, owner: Owner, name: RepoName, num: Num, wish: CommentIn) -> EventOut:
    """Markdown."""
    repo = repos.get_repo(tx, owner, name)
    return EventOut.of(service.comment(tx, repo, num, wish.text))


@router.patch("/{num}/comments/{comment_id}", summary="Edit a comment")
def edit_comment(
    tx: WriteTx, owner: Owner, name: RepoName, num: Num, comment_id: RowId, wish: CommentIn
) -> EventOut:
    """Only who wrote it may; what it said before is kept."""
    repo = repos.get_repo(tx, owner, name)
    return EventOut.of(service.edit(tx, repo, num, comment_id, wish.text))


@router.delete("/{num}/comments/{comment_id}", summary="Hide a comment")
def hide_comment(
    tx: WriteTx, owner: Owner, name: RepoName, num: Num, comment_id: RowId
) -> EventOut:
    """For good. For who wrote it, and for those who may change the repository."""
    repo = repos.get_repo(tx, owner, name)
    return EventOut.of(service.hide(tx, repo, num, comment_id))


@router.get("/{num}/diff", summary="Show what a pull request would change")
def show_diff(tx: ReadTx, owner: Owner, name: RepoName, num: Num) -> DiffOut:
    """Against where it parted from its branch: files, the card's fields, adapters' facts."""
    repo = repos.get_repo(tx, owner, name)
    return DiffOut.of(changes_of(tx, repo, _pull(tx, repo, num)))


@router.post("/{num}/merge", summary="Merge a pull request")
def merge(
    request: Request,
    tx: WriteTx,
    owner: Owner,
    name: RepoName,
    num: Num,
    wish: MergeIn | None = None,
) -> ThreadOut:
    """Brings an open one into its branch, by a commit with both as parents.

    409 `merge_conflict` lists in `files` what both sides changed.
    """
    repo = repos.get_repo(tx, owner, name)
    asked = wish or MergeIn()
    thread = pulls.merge_pull(tx, repo, num, text=asked.comment, head=asked.revision)
    return ThreadOut.of(request, repo, thread)


def _pull(tx: Tx, repo: Repository, num: int) -> Thread:
    thread = service.get(tx, repo, num)
    if not thread.is_pull:
        raise NoPullRequest(num)
    return thread
