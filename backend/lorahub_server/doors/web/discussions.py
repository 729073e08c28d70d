"""Discussions and pull requests of a repository: lists, threads, what they would change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, can_read_files, can_write, require_login
from lorahub_server.community.discussions import changes, pulls, service
from lorahub_server.community.discussions.errors import (
    BadText,
    HeadMoved,
    MergeConflict,
    NothingToMerge,
    ThreadFull,
    ThreadNotFound,
    TooManyThreads,
    WrongStatus,
)
from lorahub_server.community.discussions.service import Wish
from lorahub_server.community.discussions.tables import CommentVersion, Thread, ThreadEvent
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx, base_url
from lorahub_server.doors.web import facts
from lorahub_server.doors.web.comments import html_of
from lorahub_server.doors.web.forms import Form, Posted, faults_of, no_faults
from lorahub_server.doors.web.repo_pages import head_of, repo_of
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import HubError
from lorahub_server.kit.markdown import SafeHtml
from lorahub_server.kit.ratelimit import RateLimited
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import BadCommit, RevisionNotFound
from lorahub_server.repos.tables import Repository

router = APIRouter(prefix="/{owner}/{name}/discussions")

_TAB = "discussions"
_ROWS = 30
_DIGITS = 18
_STATUSES = ("open", "closed")
_KINDS = ("all", "discussion", "pull_request")
# What a person can mend on the page that they sent the form from.
_MENDABLE = (
    BadText, BadCommit, HeadMoved, MergeConflict, NothingToMerge, RateLimited, RevisionNotFound,
    ThreadFull, TooManyThreads, WrongStatus,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Happened:
    """One event, as the page shows it."""

    event: ThreadEvent
    author: str
    html: SafeHtml | None
    before: Sequence[CommentVersion]
    may_edit: bool
    may_hide: bool
    is_edited_now: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that was refused: why, and what was written in it."""

    error: HubError
    text: str = ""


@router.get("")
def show_list(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    status: str = "open",
    kind: str = "all",
    after: str = "",
) -> Response:
    repo = repo_of(tx, owner, name)
    status = status if status in _STATUSES else "open"
    kind = kind if kind in _KINDS else "all"
    wish = Wish(cast("service.Kind", kind), cast("service.Status", status))
    found = service.page_threads(tx, repo, wish, after or None, _ROWS)
    here = links.repo(repo.owner.name, repo.name, "discussions")
    return page(
        request,
        "discussions.html",
        **head_of(tx, repo, _TAB),
        threads=found.items,
        which=status,
        kind=kind,
        here_at=here,
        next=links.query(here, status=status, kind=kind, after=found.next_cursor)
        if found.next_cursor
        else None,
    )


@router.get("/new")
def show_form(
    request: Request, tx: ReadTx, owner: str, name: str, kind: str = "discussion"
) -> Response:
    repo = repo_of(tx, owner, name)
    if tx.caller.is_anonymous:
        return redirect(links.login(links.repo(repo.owner.name, repo.name, "discussions", "new")))
    return _form(request, tx, repo, Form({"kind": kind}))


@router.post("")
def create(request: Request, form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = repos.get_repo(tx, owner, name)
    begin = pulls.open_draft if form.text("kind") == "pull_request" else service.create
    try:
        with tx.session.begin_nested():
            thread = begin(tx, repo, form.text("title"), form.text("description"))
    except _MENDABLE as error:
        tx.session.refresh(repo)
        return _form(request, tx, repo, form, error)
    return redirect(links.discussion(repo.owner.name, repo.name, thread.num))


@router.get("/{num}")
def show(request: Request, tx: ReadTx, owner: str, name: str, num: str, edit: str = "") -> Response:
    repo = repo_of(tx, owner, name)
    return _thread(request, tx, repo, _number(num), edit=edit)


@router.post("/{num}/comment")
def comment(
    request: Request, form: Posted, tx: WriteTx, owner: str, name: str, num: str
) -> Response:
    text = form.text("comment")
    return _do(request, tx, (owner, name, num), service.comment, text, text=text)


@router.post("/{num}/comment/{event}")
def edit_comment(
    request: Request, form: Posted, tx: WriteTx, owner: str, name: str, num: str, event: str
) -> Response:
    place = (owner, name, num)
    return _do(request, tx, place, service.edit, _number(event), form.text("text"), edit=event)


@router.post("/{num}/comment/{event}/hide")
def hide(
    request: Request, form: Posted, tx: WriteTx, owner: str, name: str, num: str, event: str
) -> Response:
    del form
    return _do(request, tx, (owner, name, num), service.hide, _number(event))


@router.post("/{num}/title")
def rename(
    request: Request, form: Posted, tx: WriteTx, owner: str, name: str, num: str
) -> Response:
    return _do(request, tx, (owner, name, num), service.rename, form.text("title"))


@router.post("/{num}/status")
def set_status(
    request: Request, form: Posted, tx: WriteTx, owner: str, name: str, num: str
) -> Response:
    wanted: Literal["open", "closed"] = "open" if form.text("status") == "open" else "closed"
    text = form.text("comment")
    return _do(request, tx, (owner, name, num), service.set_status, wanted, text, text=text)


@router.post("/{num}/merge")
def merge(request: Request, form: Posted, tx: WriteTx, owner: str, name: str, num: str) -> Response:
    """The commit that the page showed goes with the form: nothing unseen is merged."""
    seen = form.text("head")

    def do(tx: Tx, repo: Repository, number: int) -> object:
        return pulls.merge_pull(tx, repo, number, head=seen)

    return _do(request, tx, (owner, name, num), do)


def _do(
    request: Request,
    tx: Tx,
    place: tuple[str, str, str],
    act: Callable[..., object],
    *arguments: object,
    text: str = "",
    edit: str = "",
) -> Response:
    """Do something in a thread, then show it; what can be mended is said on its page."""
    owner, name, num = place
    repo = repos.get_repo(tx, owner, name)
    number = _number(num)
    try:
        with tx.session.begin_nested():
            act(tx, repo, number, *arguments)
    except _MENDABLE as error:
        tx.session.expire_all()
        return _thread(request, tx, repo, number, sent=Sent(error, text), edit=edit)
    return redirect(links.discussion(repo.owner.name, repo.name, number))


def _form(
    request: Request, tx: Tx, repo: Repository, form: Form, error: HubError | None = None
) -> Response:
    require_login(tx.caller)
    wrong, faults = faults_of(error, "title", "text") if error else ("", no_faults())
    return page(
        request,
        "discussion_new.html",
        **{**head_of(tx, repo, _TAB), "is_private": True},
        status=error.status if error else 200,
        wrong=wrong,
        faults=faults,
        title=form.text("title"),
        description=form.text("description"),
        is_pull=form.text("kind") == "pull_request",
    )


def _thread(
    request: Request,
    tx: Tx,
    repo: Repository,
    num: int,
    *,
    sent: Sent | None = None,
    edit: str = "",
) -> Response:
    thread = service.get(tx, repo, num)
    head = head_of(tx, repo, _TAB)
    found = changes.changes_of(tx, repo, thread) if thread.is_pull else None
    return page(
        request,
        "discussion.html",
        **{**head, "is_private": head["is_private"] or sent is not None},
        status=sent.error.status if sent else 200,
        thread=thread,
        author=_name(thread),
        events=_events(tx, repo, thread, edit),
        changes=found,
        told=facts.told,
        may_handle=service.may_handle(tx, repo, thread),
        may_talk="write" in tx.caller.scopes and not tx.caller.is_anonymous,
        wrong=sent.error.message if sent else "",
        text=sent.text if sent else "",
        address=base_url(request) + links.repo(repo.owner.name, repo.name),
    )


def _events(tx: Tx, repo: Repository, thread: Thread, edit: str) -> list[Happened]:
    found = service.events_of(tx, thread)
    versions = service.versions_of(tx, found)
    return [_happened(tx, repo, event, versions.get(event.id, []), edit) for event in found]


def _happened(
    tx: Tx, repo: Repository, event: ThreadEvent, before: Sequence[CommentVersion], edit: str
) -> Happened:
    is_told = event.kind == "comment" and event.hidden_at is None
    has_files = can_read_files(tx, repo)
    is_own = is_told and event.author_id == tx.caller.account_id and "write" in tx.caller.scopes
    return Happened(
        event,
        _name(event),
        html_of(repo, event.text or "", with_pictures=has_files) if is_told else None,
        before,
        may_edit=is_own,
        may_hide=is_own or (is_told and can_write(tx.caller, repo)),
        is_edited_now=is_own and edit == str(event.id),
    )


def _name(row: Any) -> str:
    """Return who wrote it; empty for an account that is gone."""
    account = row.author
    return "" if account.deleted_at is not None else str(account.name)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise ThreadNotFound
    return int(text)
