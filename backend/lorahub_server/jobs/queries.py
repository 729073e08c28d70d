"""All SQL of the jobs table."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Interval,
    Update,
    func,
    literal,
    select,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session

from lorahub_server.jobs.tables import IS_UNFINISHED, Job, State
from lorahub_server.kit import upsert
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import UtcDateTime


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at one job. `lease` is the right to write its outcome."""

    id: int
    kind: str
    args: dict[str, Any]
    attempt: int
    lease: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a worker takes: jobs of these queues and kinds, but for those of the lanes `barred`."""

    queues: Collection[str]
    kinds: Collection[str]
    barred: Collection[str] = ()


def db_now(session: Session, plus_s: float = 0) -> ColumnElement[datetime]:
    """Return the moment `plus_s` from now, by the clock that all workers share.

    Hosts' clocks differ, so PostgreSQL's decides; SQLite is only ever used on one host.
    """
    shift = timedelta(seconds=plus_s)
    if session.get_bind().dialect.name == "postgresql":
        return type_coerce(func.clock_timestamp() + literal(shift, Interval()), UtcDateTime())
    return literal(now() + shift, UtcDateTime())


def insert_unless_there(session: Session, values: dict[str, Any]) -> Job | None:
    """Insert a job; None when an unfinished one holds the same dedup key."""
    statement = (
        upsert.insert(session, Job)
        .values(values)
        .on_conflict_do_nothing(index_elements=[Job.dedup], index_where=IS_UNFINISHED)
        .returning(Job)
    )
    return session.scalars(statement).one_or_none()


def unfinished_with(session: Session, dedup: str) -> Job | None:
    return session.scalars(select(Job).where(Job.dedup == dedup, IS_UNFINISHED)).one_or_none()


def unfinished_among(session: Session, dedups: Collection[str]) -> Sequence[Job]:
    return session.scalars(select(Job).where(Job.dedup.in_(dedups), IS_UNFINISHED)).all()


def parked_among(session: Session, dedups: Collection[str]) -> Sequence[Job]:
    statement = select(Job).where(Job.state == State.PARKED, Job.dedup.in_(dedups))
    return session.scalars(statement.order_by(Job.id)).all()


def is_due(session: Session, wanted: Wanted) -> ColumnElement[bool]:
    due = (
        Job.queue.in_(wanted.queues)
        & Job.kind.in_(wanted.kinds)
        & Job.due_at.is_not(None)
        & (Job.due_at <= db_now(session))
    )
    return due & is_open(wanted.barred) if wanted.barred else due


def is_open(barred: Collection[str]) -> ColumnElement[bool]:
    return Job.lane.is_(None) | Job.lane.not_in(barred)


def any_due(session: Session, wanted: Wanted) -> bool:
    """Tell whether a claim may find something; takes no lock, so that waiting costs nothing."""
    return session.scalar(select(Job.id).where(is_due(session, wanted)).limit(1)) is not None


def lock_due(session: Session, wanted: Wanted, job_id: int | None) -> Job | None:
    """Return a due job, locked until the transaction ends; jobs others have locked are passed by.

    The caller's transaction is a writing one: on SQLite its BEGIN IMMEDIATE is the lock.
    """
    statement = select(Job).where(is_due(session, wanted))
    if job_id is not None:
        statement = statement.where(Job.id == job_id)
    statement = statement.order_by(Job.due_at, Job.id).limit(1).with_for_update(skip_locked=True)
    return session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def start(session: Session, job: Job, *, worker: str, lease_s: float) -> Claim:
    """Turn a locked due job into a running attempt of `worker`."""
    lease = secrets.token_hex(16)
    job.state = State.RUNNING
    job.attempts += 1
    job.lease = lease
    job.worker = worker
    job.started_at = now()
    job.sent_at = None
    job.progress = None
    session.flush()
    session.execute(set_due(session, job.id, lease_s))
    return Claim(job.id, job.kind, dict(job.args), job.attempts, lease)


def update_held(session: Session, claim: Claim, **values: Any) -> bool:
    """Change the job if `claim` still holds it; False when it was cancelled or taken over."""
    result = session.execute(
        update(Job)
        .where(Job.id == claim.id, Job.lease == claim.lease, Job.state == State.RUNNING)
        .values(values),
        execution_options={"synchronize_session": False},
    )
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


def drop_dedup(session: Session, job_id: int) -> None:
    session.execute(
        update(Job).where(Job.id == job_id).values(dedup=None),
        execution_options={"synchronize_session": False},
    )


def end_leases(session: Session) -> None:
    session.execute(
        update(Job).where(Job.state == State.RUNNING).values(due_at=db_now(session)),
        execution_options={"synchronize_session": False},
    )


def finished(state: State, **values: Any) -> dict[str, Any]:
    """Return the columns of a job that ends in `state`."""
    return {"state": state, "due_at": None, "lease": None, "finished_at": now(), **values}


def to_send(session: Session, queue: str, *, sent_before_s: float, limit: int) -> Sequence[int]:
    """Return ids of due jobs the broker has not been given lately, oldest first."""
    return session.scalars(
        select(Job.id)
        .where(
            Job.queue == queue,
            Job.due_at.is_not(None),
            Job.due_at <= db_now(session),
            Job.sent_at.is_(None) | (Job.sent_at <= db_now(session, -sent_before_s)),
        )
        .order_by(Job.due_at, Job.id)
        .limit(limit)
    ).all()


def mark_sent(session: Session, job_ids: Sequence[int]) -> None:
    session.execute(
        update(Job).where(Job.id.in_(job_ids)).values(sent_at=db_now(session)),
        execution_options={"synchronize_session": False},
    )


def search(
    session: Session,
    *,
    states: Collection[str] = (),
    kind: str | None = None,
    repo_id: int | None = None,
    limit: int = 50,
) -> Sequence[Job]:
    """Return jobs, newest first."""
    statement = select(Job).order_by(Job.id.desc()).limit(limit)
    if states:
        statement = statement.where(Job.state.in_([str(state) for state in states]))
    if kind is not None:
        statement = statement.where(Job.kind == kind)
    if repo_id is not None:
        statement = statement.where(Job.repo_id == repo_id)
    return session.scalars(statement).all()


def ids_in_state(session: Session, state: State) -> Sequence[int]:
    return session.scalars(select(Job.id).where(Job.state == state).order_by(Job.id)).all()


def lock_job(session: Session, job_id: int) -> Job | None:
    return session.get(Job, job_id, with_for_update=True, populate_existing=True)


def set_due(session: Session, job_id: int, plus_s: float) -> Update:
    """Return the statement that makes a job due `plus_s` from now."""
    return (
        update(Job)
        .where(Job.id == job_id)
        .values(due_at=db_now(session, plus_s))
        .execution_options(synchronize_session=False)
    )
