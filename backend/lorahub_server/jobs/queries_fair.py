"""The SQL of fair claiming: few rows of each account, whatever waits behind them.

Every look goes through an index that holds the rows of this queue alone, an account at a time, so
that a claim costs by the number of accounts and not of jobs.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import CTE, ColumnElement, ScalarSelect, Select, func, literal, select
from sqlalchemy.orm import Session

from lorahub_server.jobs import queries
from lorahub_server.jobs.fair import Candidate, ordered
from lorahub_server.jobs.tables import (
    IS_LONG_AND_FINISHED,
    IS_LONG_AND_UNFINISHED,
    Job,
    State,
)
from lorahub_server.kit.clock import now

QUEUE = "gpu"
# Of an account, and of it in each lane that is warm: more than one, as others may hold the first.
_OF_EACH = 2
_TRIES = 20
_LATELY = timedelta(minutes=30)
# Looked at for what was served: the newest of those.
_FINISHED = 1000


def lock_fair(session: Session, wanted: queries.Wanted, favoured: Collection[str]) -> Job | None:
    """Return the due job of the gpu queue that should be next, locked; see `fair.ordered`."""
    wanted = replace(wanted, queues=[QUEUE])
    known: tuple[Counter[int | None], dict[int | None, float]] | None = None
    for urgent in (True, False):
        found = _candidates(session, wanted, favoured, urgent=urgent)
        if not found:
            continue
        known = known or (_running(session), _served(session))
        running, served_s = known
        chosen = ordered(found, running=running, served_s=served_s, warm=favoured)
        for job_id in chosen[:_TRIES]:
            job = queries.lock_due(session, wanted, job_id)
            if job is not None:
                return job
    # All of those are in other hands, or there are none: whatever is free.
    return queries.lock_due(session, wanted, None) if known else None


def is_here(session: Session, job_id: int) -> bool:
    return session.scalar(select(Job.queue).where(Job.id == job_id)) == QUEUE


def _candidates(
    session: Session, wanted: queries.Wanted, favoured: Collection[str], *, urgent: bool
) -> list[Candidate]:
    # One statement with a place in each row for each id: only that works alike on both engines.
    whose = _accounts(urgent=urgent)
    lanes = (None, *sorted(favoured))
    ids = {
        job_id
        for account, source in ((whose.c.id, whose), (None, None))
        for row in session.execute(_oldest(session, wanted, lanes, account, source, urgent=urgent))
        for job_id in row
        if job_id is not None
    }
    if not ids:
        return []
    rows = session.execute(
        select(Job.id, Job.account_id, Job.lane, Job.urgent, Job.due_at).where(Job.id.in_(ids))
    )
    return [
        Candidate(job_id, account_id, lane, urgent, due_at)
        for job_id, account_id, lane, urgent, due_at in rows
        if due_at is not None
    ]


def _accounts(*, urgent: bool) -> CTE:
    """Return the accounts with work, each found by one step in the index from the one before."""

    def next_one(*after: ColumnElement[bool]) -> ScalarSelect[int | None]:
        return (
            select(func.min(Job.account_id))
            .where(IS_LONG_AND_UNFINISHED, Job.urgent == literal(urgent), *after)
            .scalar_subquery()
        )

    whose = select(next_one(Job.account_id.is_not(None)).label("id")).cte("whose", recursive=True)
    return whose.union_all(
        select(next_one(Job.account_id > whose.c.id)).where(whose.c.id.is_not(None))
    )


def _oldest(
    session: Session,
    wanted: queries.Wanted,
    lanes: Collection[str | None],
    account: ColumnElement[int] | None,
    source: CTE | None,
    *,
    urgent: bool,
) -> Select[Any]:
    """Return the statement for the ids of the oldest due jobs of each account, or of none."""
    places = []
    for lane in lanes:
        conditions = [
            Job.urgent == literal(urgent),
            Job.account_id.is_(None) if account is None else Job.account_id == account,
            # Not as a range of an index: SQLite would go through the whole queue for it.
            func.coalesce(Job.due_at, None) <= queries.db_now(session),
            Job.kind.in_(wanted.kinds),
        ]
        if lane is not None:
            conditions.append(Job.lane == lane)
        elif wanted.barred:
            conditions.append(queries.is_open(wanted.barred))
        oldest = (
            select(Job.id).where(IS_LONG_AND_UNFINISHED, *conditions).order_by(Job.due_at).limit(1)
        )
        places += [oldest.offset(number).scalar_subquery() for number in range(_OF_EACH)]
    if source is None:
        return select(*places)
    return select(*places).select_from(source).where(source.c.id.is_not(None))


def _running(session: Session) -> Counter[int | None]:
    rows = session.execute(
        select(Job.account_id, func.count())
        .where(Job.state == State.RUNNING, Job.queue == QUEUE, Job.due_at > queries.db_now(session))
        .group_by(Job.account_id)
    )
    running: Counter[int | None] = Counter()
    for account_id, count in rows:
        running[account_id] = count
    return running


def _served(session: Session) -> dict[int | None, float]:
    """Return the seconds that each account was served for lately, whatever came of the work."""
    rows = session.execute(
        select(Job.account_id, Job.started_at, Job.finished_at)
        .where(IS_LONG_AND_FINISHED, Job.finished_at > now() - _LATELY)
        .order_by(Job.finished_at.desc())
        .limit(_FINISHED)
    )
    served: dict[int | None, float] = {}
    for account_id, started_at, finished_at in rows:
        if started_at is not None and finished_at is not None:
            seconds = max(0.0, (finished_at - started_at).total_seconds())
            served[account_id] = served.get(account_id, 0.0) + seconds
    return served
