"""The SQL of fair claiming: few rows of each account, whatever waits behind them."""

from collections import Counter
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lorahub_server.jobs import queries
from lorahub_server.jobs.fair import Candidate, ordered
from lorahub_server.jobs.tables import Job, State
from lorahub_server.kit.clock import now

QUEUE = "gpu"
# Of an account, for each lane.
_OF_EACH = 2
_TRIES = 20
_LATELY = timedelta(minutes=30)
# How far back finished work is looked for: rows, of all queues.
_ROWS_BACK = 5000


def lock_fair(session: Session, kinds: Collection[str], favoured: Collection[str]) -> Job | None:
    """Return the due job of the gpu queue that should be next, locked; see `fair.ordered`."""
    found = _candidates(session, kinds)
    if not found:
        return None
    chosen = ordered(found, running=_running(session), served_s=_served(session), warm=favoured)
    for job_id in chosen[:_TRIES]:
        job = queries.lock_due(session, [QUEUE], kinds, job_id)
        if job is not None:
            return job
    # All of those are in other hands: whatever is free.
    return queries.lock_due(session, [QUEUE], kinds, None)


def _candidates(session: Session, kinds: Collection[str]) -> list[Candidate]:
    number = func.row_number().over(
        partition_by=(Job.account_id, Job.lane, Job.urgent), order_by=(Job.due_at, Job.id)
    )
    due = (
        select(Job.id, Job.account_id, Job.lane, Job.urgent, Job.due_at, number.label("number"))
        .where(queries.is_due(session, [QUEUE], kinds))
        .subquery()
    )
    rows = session.execute(
        select(due.c.id, due.c.account_id, due.c.lane, due.c.urgent, due.c.due_at).where(
            due.c.number <= _OF_EACH
        )
    )
    return [Candidate(*row) for row in rows]


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


def _served(session: Session) -> Counter[int | None]:
    """Return the seconds that each account was served for lately."""
    newest = session.scalar(select(func.max(Job.id))) or 0
    rows = session.execute(
        select(Job.account_id, Job.started_at, Job.finished_at).where(
            Job.state == State.DONE,
            Job.id > newest - _ROWS_BACK,
            Job.queue == QUEUE,
            Job.finished_at > now() - _LATELY,
        )
    )
    served: Counter[int | None] = Counter()
    for account_id, started_at, finished_at in rows:
        if started_at is not None and finished_at is not None:
            served[account_id] += int((finished_at - started_at).total_seconds())
    return served
