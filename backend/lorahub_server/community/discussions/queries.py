"""SQL of threads and what happened in them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, lazyload

from lorahub_server.accounts.tables import Account
from lorahub_server.community.discussions.tables import CommentVersion, Thread, ThreadEvent
from lorahub_server.repos.tables import Repository

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Filter:
    """`statuses` empty: any; `author` None: anybody, by the name in small letters."""

    is_pull: bool | None = None
    statuses: frozenset[str] = frozenset()
    author: str | None = None


def last_number(session: Session, repo_id: int) -> int:
    return session.scalar(select(func.max(Thread.num)).where(Thread.repo_id == repo_id)) or 0


def thread_of(session: Session, repo_id: int, num: int, *, lock: bool = False) -> Thread | None:
    statement = select(Thread).where(Thread.repo_id == repo_id, Thread.num == num)
    if lock:
        statement = statement.with_for_update(of=Thread).execution_options(populate_existing=True)
    return session.scalars(statement).one_or_none()


def repo_and_thread(
    session: Session, keys: tuple[str, str], num: int
) -> tuple[Repository | None, Thread | None]:
    """Return the repository of an owner's and its own name, whoever may see it, and a thread."""
    row = session.execute(
        select(Repository, Thread)
        .join(Account, Account.id == Repository.owner_id)
        .outerjoin(Thread, (Thread.repo_id == Repository.id) & (Thread.num == num))
        .where(Account.name_lower == keys[0], Repository.name_lower == keys[1])
        # Its author would have to be there, and with that the thread.
        .options(lazyload(Thread.author))
    ).one_or_none()
    return (None, None) if row is None else (row[0], row[1])


def threads_of_numbers(session: Session, repo_id: int, nums: Collection[int]) -> Sequence[Thread]:
    return session.scalars(
        select(Thread).where(Thread.repo_id == repo_id, Thread.num.in_(nums))
    ).all()


def count_threads(session: Session, repo_id: int, wanted: Filter) -> int:
    statement = select(func.count()).select_from(Thread)
    return session.scalar(_filtered(statement, repo_id, wanted)) or 0


def threads(
    session: Session, repo_id: int, wanted: Filter, *, skip: int, limit: int
) -> Sequence[Thread]:
    """Return threads, the newest first."""
    statement = select(Thread).order_by(Thread.num.desc()).offset(skip).limit(limit)
    return session.scalars(_filtered(statement, repo_id, wanted)).all()


def threads_before(
    session: Session, repo_id: int, wanted: Filter, before: int | None, limit: int
) -> Sequence[Thread]:
    statement = select(Thread).order_by(Thread.num.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Thread.num < before)
    return session.scalars(_filtered(statement, repo_id, wanted)).all()


def count_open_of(session: Session, repo_id: int, author_id: int) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(Thread)
            .where(
                Thread.repo_id == repo_id,
                Thread.author_id == author_id,
                Thread.status.in_(["open", "draft"]),
            )
        )
        or 0
    )


def began_at(session: Session, author_id: int, since: datetime, number: int) -> datetime | None:
    """Return when the account began the thread that is this many ago; None: before `since`."""
    return _nth(session, Thread.created_at, Thread.author_id == author_id, since, number)


def acted_at(session: Session, author_id: int, since: datetime, number: int) -> datetime | None:
    """Return when the account did what is this many ago, commits left out."""
    condition = (ThreadEvent.author_id == author_id) & (ThreadEvent.kind != "commit")
    return _nth(session, ThreadEvent.created_at, condition, since, number)


def events_of(session: Session, thread_id: int) -> Sequence[ThreadEvent]:
    return session.scalars(
        select(ThreadEvent).where(ThreadEvent.thread_id == thread_id).order_by(ThreadEvent.id)
    ).all()


def events_after(session: Session, thread_id: int, after: int, limit: int) -> Sequence[ThreadEvent]:
    return session.scalars(
        select(ThreadEvent)
        .where(ThreadEvent.thread_id == thread_id, ThreadEvent.id > after)
        .order_by(ThreadEvent.id)
        .limit(limit)
    ).all()


def comment_of(session: Session, thread_id: int, event_id: int) -> ThreadEvent | None:
    return session.scalars(
        select(ThreadEvent).where(
            ThreadEvent.id == event_id,
            ThreadEvent.thread_id == thread_id,
            ThreadEvent.kind == "comment",
        )
    ).one_or_none()


def versions_of(session: Session, event_ids: Collection[int]) -> Sequence[CommentVersion]:
    if not event_ids:
        return []
    return session.scalars(
        select(CommentVersion)
        .where(CommentVersion.event_id.in_(event_ids))
        .order_by(CommentVersion.id)
    ).all()


def delete_all(session: Session, repo_id: int) -> None:
    threads_there = select(Thread.id).where(Thread.repo_id == repo_id)
    events_there = select(ThreadEvent.id).where(ThreadEvent.thread_id.in_(threads_there))
    for statement in (
        delete(CommentVersion).where(CommentVersion.event_id.in_(events_there)),
        delete(ThreadEvent).where(ThreadEvent.thread_id.in_(threads_there)),
        delete(Thread).where(Thread.repo_id == repo_id),
    ):
        session.execute(statement, execution_options={"synchronize_session": False})


def _filtered(statement: Select[_T], repo_id: int, wanted: Filter) -> Select[_T]:
    statement = statement.where(Thread.repo_id == repo_id)
    if wanted.is_pull is not None:
        statement = statement.where(Thread.is_pull.is_(wanted.is_pull))
    if wanted.statuses:
        statement = statement.where(Thread.status.in_(sorted(wanted.statuses)))
    if wanted.author is not None:
        writer = select(Account.id).where(
            Account.name_lower == wanted.author, Account.deleted_at.is_(None)
        )
        statement = statement.where(Thread.author_id.in_(writer))
    return statement


def _nth(
    session: Session,
    moment: InstrumentedAttribute[datetime],
    condition: ColumnElement[bool],
    since: datetime,
    number: int,
) -> datetime | None:
    return session.scalars(
        select(moment)
        .where(condition, moment > since)
        .order_by(moment.desc())
        .offset(number - 1)
        .limit(1)
    ).one_or_none()
