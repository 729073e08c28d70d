"""What happens in a thread is written down; limits of threads are held here."""

from datetime import datetime
from math import ceil
from typing import Any

from lorahub_server.access import Tx
from lorahub_server.accounts.tables import Account
from lorahub_server.community.discussions import queries
from lorahub_server.community.discussions.errors import ThreadFull
from lorahub_server.community.discussions.limits import (
    EVENTS_A_WINDOW,
    EVENTS_MAX,
    TEXT_MAX,
    THREADS_A_WINDOW,
    WINDOW,
)
from lorahub_server.community.discussions.tables import Thread, ThreadEvent
from lorahub_server.kit.ratelimit import RateLimited
from lorahub_server.repos.history import CommitInfo


def add_comment(tx: Tx, thread: Thread, account: Account, text: str) -> ThreadEvent:
    size = len(text.encode())
    if thread.events >= EVENTS_MAX or thread.size + size > TEXT_MAX:
        raise ThreadFull
    thread.comments += 1
    thread.size += size
    return _add(tx, thread, account, "comment", text=text)


def add_status(tx: Tx, thread: Thread, account: Account, status: str) -> ThreadEvent:
    """Set the status; said even in a thread that is full."""
    thread.status = status
    return _add(tx, thread, account, "status-change", data={"status": status})


def add_title(tx: Tx, thread: Thread, account: Account, title: str) -> ThreadEvent:
    if thread.events >= EVENTS_MAX:
        raise ThreadFull
    data = {"from": thread.title, "to": title}
    thread.title = title
    return _add(tx, thread, account, "title-change", data=data)


def add_commit(tx: Tx, thread: Thread, account: Account, commit: CommitInfo) -> None:
    """Note a commit, unless the thread is full: it is in the history anyway."""
    if thread.events < EVENTS_MAX:
        data = {"subject": commit.title, "oid": commit.oid}
        _add(tx, thread, account, "commit", data=data)


def check_beginning(tx: Tx, account: Account) -> None:
    """Raise RateLimited when the account began too many threads lately."""
    since = tx.now - WINDOW
    first = queries.began_at(tx.session, account.id, since, THREADS_A_WINDOW)
    _check(tx, first, "new discussions")


def check_acting(tx: Tx, account: Account) -> None:
    since = tx.now - WINDOW
    first = queries.acted_at(tx.session, account.id, since, EVENTS_A_WINDOW)
    _check(tx, first, "comments")


def _check(tx: Tx, first: datetime | None, what: str) -> None:
    if first is not None:
        wait = max(1, ceil((first + WINDOW - tx.now).total_seconds()))
        minutes = ceil(wait / 60)
        message = f"Too many {what} in an hour. Try again in {minutes} minutes."
        raise RateLimited(message, retry_after=wait)


def _add(
    tx: Tx,
    thread: Thread,
    account: Account,
    kind: str,
    *,
    text: str | None = None,
    data: dict[str, Any] | None = None,
) -> ThreadEvent:
    thread.events += 1
    thread.updated_at = tx.now
    event = ThreadEvent(
        thread_id=thread.id,
        kind=kind,
        author_id=account.id,
        created_at=tx.now,
        text=text,
        edits=0,
        data=data,
    )
    tx.session.add(event)
    tx.session.flush()
    return event
