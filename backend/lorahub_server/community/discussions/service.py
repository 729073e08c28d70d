"""Threads: found, begun, talked in, closed. What is about commits is in `pulls`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from lorahub_server.access import Tx, can_write, require_read, require_scope
from lorahub_server.access.errors import NotAllowed
from lorahub_server.accounts.tables import Account
from lorahub_server.community.discussions import log, queries, tell
from lorahub_server.community.discussions.errors import (
    CommentNotFound,
    ThreadFull,
    ThreadNotFound,
    TooManyThreads,
    WrongStatus,
)
from lorahub_server.community.discussions.limits import (
    EDITS_MAX,
    OPEN_MAX,
    PAGE_MAX,
    TEXT_MAX,
    THREADS_MAX,
)
from lorahub_server.community.discussions.queries import Filter
from lorahub_server.community.discussions.tables import CommentVersion, Thread, ThreadEvent
from lorahub_server.community.discussions.texts import check_comment, check_title
from lorahub_server.kit import names, pagination
from lorahub_server.kit.pagination import Page
from lorahub_server.repos.service import lock_for_read
from lorahub_server.repos.tables import Repository

Kind = Literal["all", "discussion", "pull_request"]
Status = Literal["all", "open", "closed"]
_STATUSES = {
    "all": frozenset[str](),
    "open": frozenset({"open", "draft"}),
    "closed": frozenset({"closed", "merged"}),
}
_KINDS = {"all": None, "discussion": False, "pull_request": True}
_NUMBER_MAX = 2**31 - 1
_ORDER, _EVENTS = "threads", "events"


@dataclass(frozen=True, slots=True)
class Wish:
    """Which threads are wanted; open ones may be drafts, and closed ones merged."""

    kind: Kind = "all"
    status: Status = "all"
    author: str | None = None

    def filter(self) -> Filter:
        author = None if self.author is None else names.lower(self.author)
        return Filter(_KINDS[self.kind], _STATUSES[self.status], author)


def list_threads(
    tx: Tx, repo: Repository, wish: Wish, *, skip: int, limit: int
) -> tuple[Sequence[Thread], int]:
    """Return some threads, the newest first, and how many there are in all."""
    require_read(tx.caller, repo)
    wanted = wish.filter()
    found = queries.threads(tx.session, repo.id, wanted, skip=skip, limit=limit)
    return found, queries.count_threads(tx.session, repo.id, wanted)


def page_threads(
    tx: Tx, repo: Repository, wish: Wish, cursor: str | None, limit: int
) -> Page[Thread]:
    require_read(tx.caller, repo)
    before = None
    if cursor:
        (before,) = pagination.decode(cursor, _ORDER, int)
    rows = queries.threads_before(
        tx.session, repo.id, wish.filter(), _integer(before), _limit(limit) + 1
    )
    items, following = pagination.cut(
        rows, _limit(limit), lambda last: pagination.encode(_ORDER, last.num)
    )
    return Page(items, following)


def get(tx: Tx, repo: Repository, num: int) -> Thread:
    """Return a thread of a repository that the caller may read, or raise ThreadNotFound."""
    require_read(tx.caller, repo)
    found = None
    if 0 < num <= _NUMBER_MAX:
        found = queries.thread_of(tx.session, repo.id, num)
    if found is None:
        raise ThreadNotFound
    return found


def lock(tx: Tx, repo: Repository, num: int) -> Thread:
    """Hold a thread till the transaction ends. Who locks the repository too does that before."""
    get(tx, repo, num)
    found = queries.thread_of(tx.session, repo.id, num, lock=True)
    if found is None:
        raise ThreadNotFound
    return found


def events_of(tx: Tx, thread: Thread) -> Sequence[ThreadEvent]:
    """Return everything that happened in a thread, the oldest first."""
    return queries.events_of(tx.session, thread.id)


def page_events(tx: Tx, thread: Thread, cursor: str | None, limit: int) -> Page[ThreadEvent]:
    after = None
    if cursor:
        (after,) = pagination.decode(cursor, _EVENTS, int)
    rows = queries.events_after(tx.session, thread.id, _integer(after) or 0, _limit(limit) + 1)
    items, following = pagination.cut(
        rows, _limit(limit), lambda last: pagination.encode(_EVENTS, last.id)
    )
    return Page(items, following)


def versions_of(tx: Tx, events: Collection[ThreadEvent]) -> dict[int, list[CommentVersion]]:
    """Return by event what comments said before; of hidden ones nothing."""
    edited = [event.id for event in events if event.edits and event.hidden_at is None]
    found: dict[int, list[CommentVersion]] = {}
    for version in queries.versions_of(tx.session, edited):
        found.setdefault(version.event_id, []).append(version)
    return found


def create(tx: Tx, repo: Repository, title: str, text: str) -> Thread:
    """Begin a discussion; whoever reads a repository may."""
    wanted, comment = check_title(title), check_comment(text, place="text")
    account = lock_to_begin(tx, repo)
    return begin(tx, repo, account, wanted, comment, status="open")


def lock_to_begin(tx: Tx, repo: Repository) -> Account:
    """Hold the repository, in which numbers are given, for one who may begin a thread."""
    require_read(tx.caller, repo)
    account = require_scope(tx.caller, "write")
    lock_for_read(tx, repo)
    log.check_beginning(tx, account)
    log.check_acting(tx, account)
    if not can_write(tx.caller, repo):
        open_ones = queries.count_open_of(tx.session, repo.id, account.id)
        if open_ones >= OPEN_MAX:
            message = f"You have {open_ones} open discussions here. Close some of them first."
            raise TooManyThreads(message)
    return account


def begin(
    tx: Tx,
    repo: Repository,
    account: Account,
    title: str,
    text: str,
    *,
    status: str,
    target: str | None = None,
    base: str | None = None,
) -> Thread:
    """Give the next number to a thread, a pull request if it has a target.

    The caller has called `lock_to_begin`.
    """
    num = queries.last_number(tx.session, repo.id) + 1
    if num > THREADS_MAX:
        message = f"A repository has at most {THREADS_MAX} discussions."
        raise TooManyThreads(message)
    thread = Thread(
        repo_id=repo.id,
        num=num,
        is_pull=target is not None,
        title=title,
        status=status,
        author_id=account.id,
        created_at=tx.now,
        updated_at=tx.now,
        comments=0,
        events=0,
        size=0,
        target=target,
        base_oid=base,
    )
    tx.session.add(thread)
    tx.session.flush()
    tell.began(tx, repo, thread, log.add_comment(tx, thread, account, text))
    return thread


def comment(tx: Tx, repo: Repository, num: int, text: str) -> ThreadEvent:
    wanted = check_comment(text, place="text")
    account = _account(tx, repo)
    thread = lock(tx, repo, num)
    log.check_acting(tx, account)
    made = log.add_comment(tx, thread, account, wanted)
    tell.said(tx, repo, thread, made)
    return made


def edit(tx: Tx, repo: Repository, num: int, event_id: int, text: str) -> ThreadEvent:
    """Let the caller's own comment say something else; what it said before is kept."""
    account = _account(tx, repo)
    thread = lock(tx, repo, num)
    event = _comment(tx, thread, event_id)
    if event.author_id != account.id:
        raise NotAllowed("Only who wrote a comment may edit it.")
    if event.hidden_at is not None:
        raise WrongStatus("The comment is hidden. Write another one.")
    before = event.text or ""
    # Of the description of a pull request there may be none.
    wanted = check_comment(text, place="text", may_be_empty=not before)
    if wanted == before:
        return event
    log.check_acting(tx, account)
    size = thread.size + len(wanted.encode()) - len(before.encode())
    if size > TEXT_MAX or event.edits >= EDITS_MAX:
        raise ThreadFull
    tx.session.add(
        CommentVersion(
            event_id=event.id, text=before, created_at=event.edited_at or event.created_at
        )
    )
    event.text, event.edited_at, event.edits = wanted, tx.now, event.edits + 1
    thread.size, thread.updated_at = size, tx.now
    tx.session.flush()
    tell.said(tx, repo, thread, event, "update")
    return event


def hide(tx: Tx, repo: Repository, num: int, event_id: int) -> ThreadEvent:
    """Hide a comment for good: its author may, and whoever may change the repository."""
    account = _account(tx, repo)
    thread = lock(tx, repo, num)
    event = _comment(tx, thread, event_id)
    if event.author_id != account.id and not can_write(tx.caller, repo):
        raise NotAllowed("Only who wrote a comment, or may change the repository, may hide it.")
    if event.hidden_at is None:
        event.hidden_at, event.hidden_by_id = tx.now, account.id
        thread.size -= len((event.text or "").encode())
        thread.comments -= 1
        thread.updated_at = tx.now
        tx.session.flush()
        tell.said(tx, repo, thread, event, "update")
    return event


def rename(tx: Tx, repo: Repository, num: int, title: str) -> ThreadEvent:
    wanted = check_title(title)
    account = _account(tx, repo)
    thread = lock(tx, repo, num)
    require_handler(tx, repo, thread)
    log.check_acting(tx, account)
    if wanted == thread.title:
        raise WrongStatus("That is the title already.")
    made = log.add_title(tx, thread, account, wanted)
    tell.changed(tx, repo, thread)
    return made


def set_status(
    tx: Tx, repo: Repository, num: int, status: Literal["open", "closed"], text: str = ""
) -> ThreadEvent:
    """Open or close a thread; opening a draft lets it be merged. `text`: a comment before."""
    said = check_comment(text, may_be_empty=True)
    account = _account(tx, repo)
    thread = lock(tx, repo, num)
    require_handler(tx, repo, thread)
    if thread.status == "merged":
        raise WrongStatus("The pull request is merged; that can't be changed.")
    if thread.status == status:
        raise WrongStatus(f"The discussion is {status} already.")
    log.check_acting(tx, account)
    if said:
        tell.said(tx, repo, thread, log.add_comment(tx, thread, account, said))
    made = log.add_status(tx, thread, account, status)
    tell.changed(tx, repo, thread)
    return made


def may_handle(tx: Tx, repo: Repository, thread: Thread) -> bool:
    """Tell whether the caller may close and rename a thread: its author, and the repository's."""
    return can_write(tx.caller, repo) or thread.author_id == tx.caller.account_id


def require_handler(tx: Tx, repo: Repository, thread: Thread) -> None:
    if not may_handle(tx, repo, thread):
        message = "Only who opened it, or may change the repository, may do this."
        raise NotAllowed(message)


def remove_all(tx: Tx, repo: Repository) -> None:
    """Remove the threads of a repository that goes."""
    queries.delete_all(tx.session, repo.id)


def _comment(tx: Tx, thread: Thread, event_id: int) -> ThreadEvent:
    found = queries.comment_of(tx.session, thread.id, event_id)
    if found is None:
        raise CommentNotFound
    return found


def _account(tx: Tx, repo: Repository) -> Account:
    require_read(tx.caller, repo)
    return require_scope(tx.caller, "write")


def _limit(limit: int) -> int:
    return max(1, min(limit, PAGE_MAX))


def _integer(value: pagination.Key) -> int | None:
    return value if isinstance(value, int) else None
