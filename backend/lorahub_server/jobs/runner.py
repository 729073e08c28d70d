"""Runs one job: claim, work, outcome. Every carrier ends here."""

import os
import secrets
import socket
import threading
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

import structlog
from sqlalchemy.orm import Session

from lorahub_server.jobs import queries, queries_fair, registry
from lorahub_server.jobs.context import Heartbeat, JobContext
from lorahub_server.jobs.errors import JobCancelled, JobFailed, WorkerStopping
from lorahub_server.jobs.fair import Streak
from lorahub_server.jobs.tables import Job, State
from lorahub_server.kit.db import Database
from lorahub_server.kit.errors import HubError
from lorahub_server.storage import ObjectStore, StorageError

_log = structlog.get_logger(__name__)

BACKOFF_FIRST_S = 2.0
BACKOFF_MOST_S = 3600.0
STOP_GRACE_S = 2.0
_DETAIL_CHARS = 8000
_random = secrets.SystemRandom()


class Outcome(Enum):
    NOTHING = auto()  # there was no such job to claim
    DONE = auto()
    RETRY = auto()
    PARKED = auto()
    DROPPED = auto()  # cancelled, or taken over by another worker
    RELEASED = auto()  # given back because the worker ends


def _worker_name() -> str:
    return f"{socket.gethostname()[:80]}:{os.getpid()}"


@dataclass(slots=True)
class Runtime:
    """What a worker process needs to run jobs."""

    db: Database
    store: ObjectStore
    stopping: threading.Event = field(default_factory=threading.Event)
    name: str = field(default_factory=_worker_name)
    # The lanes whose work this process is ready for, such as base models in its memory.
    warm: Callable[[], frozenset[str]] = frozenset
    # The lanes whose work it can't do, such as base models that are on other machines.
    barred: Callable[[], frozenset[str]] = frozenset
    streak: Streak = field(default_factory=Streak)
    # True where the process is the worker's own, so that it may end a handler that will not stop.
    may_exit: bool = False


class _LeaseLostError(Exception):
    pass


def run(runtime: Runtime, queues: Collection[str], job_id: int | None = None) -> Outcome:
    """Run the job `job_id`, or the next due one of `queues`; never raises for what a job does.

    A job that is not due, not of these queues or in other hands is left alone. One of the gpu queue
    only wakes: the job whose turn it is there is run in its place.
    """
    claim = _claim(runtime, queues, job_id)
    if isinstance(claim, Outcome):
        return claim
    known = registry.find(claim.kind)
    assert known is not None
    log = _log.bind(job=claim.id, kind=claim.kind, attempt=claim.attempt)
    log.info("job_started")
    outcome = _attempt(runtime, known, claim)
    log.info("job_ended", outcome=outcome.name.lower())
    return outcome


def backoff_s(attempt: int) -> float:
    """Return the wait after a failed `attempt` (from 1): doubling, half of it random."""
    most = min(BACKOFF_FIRST_S * 2 ** (attempt - 1), BACKOFF_MOST_S)
    return float(most * _random.uniform(0.5, 1.0))


def _claim(
    runtime: Runtime, queues: Collection[str], job_id: int | None
) -> queries.Claim | Outcome:
    wanted = queries.Wanted(queues, registry.kinds(queues), runtime.barred())
    with runtime.db.read() as session:
        if not queries.any_due(session, wanted):
            return Outcome.NOTHING
    with runtime.db.write() as session:
        job = _lock(runtime, session, wanted, job_id)
        if job is None:
            return Outcome.NOTHING
        known = registry.find(job.kind)
        assert known is not None
        if job.attempts < known.max_attempts:
            return queries.start(session, job, worker=runtime.name, lease_s=known.lease_s)
        # Failures are parked as they happen, so this job took its workers down with it.
        ending = queries.finished(
            State.PARKED,
            error_code="worker_died",
            error_message=f"The work broke off {job.attempts} times without a word: "
            "it hung, or its worker was killed.",
        )
        for name, value in ending.items():
            setattr(job, name, value)
        session.flush()
        _tell(session, known, job.args, ending["error_code"], ending["error_message"])
        _log.error("job_parked", job=job.id, kind=job.kind, code="worker_died")
        return Outcome.PARKED


def _lock(
    runtime: Runtime,
    session: Session,
    wanted: queries.Wanted,
    job_id: int | None,
) -> Job | None:
    """Return the job to do, locked: the one that is named, a short one, or whose turn it is."""
    if queries_fair.QUEUE not in wanted.queues:
        return queries.lock_due(session, wanted, job_id)
    if job_id is not None:
        if not queries_fair.is_here(session, job_id):
            return queries.lock_due(session, wanted, job_id)
    elif others := [name for name in wanted.queues if name != queries_fair.QUEUE]:
        job = queries.lock_due(session, replace(wanted, queues=others), None)
        if job is not None:
            return job
    favoured = runtime.streak.favoured(runtime.warm())
    job = queries_fair.lock_fair(session, wanted, favoured)
    if job is not None:
        runtime.streak.took(favoured)
    return job


def _attempt(runtime: Runtime, known: registry.Handler, claim: queries.Claim) -> Outcome:
    ctx = JobContext(
        runtime.db, runtime.store, claim, lease_s=known.lease_s, stopping=runtime.stopping
    )
    heartbeat = Heartbeat(
        ctx,
        lease_s=known.lease_s,
        max_run_s=known.max_run_s,
        stopping=runtime.stopping,
        give_up=(lambda: _release(runtime, claim)) if runtime.may_exit else None,
        grace_s=STOP_GRACE_S,
    )
    try:
        with heartbeat:
            effect = known.run(ctx, claim.args)
        return _finish(runtime, claim, effect)
    except (JobCancelled, _LeaseLostError):
        return Outcome.DROPPED
    except WorkerStopping:
        return _release(runtime, claim)
    except JobFailed as error:
        return _park(runtime, known, claim, error)
    except Exception as error:
        _log.exception("job_raised", job=claim.id, kind=claim.kind)
        return _failed(runtime, known, claim, error)


def _finish(runtime: Runtime, claim: queries.Claim, effect: Callable[[Session], None]) -> Outcome:
    with runtime.db.write() as session:
        done = queries.finished(State.DONE, error_code=None, error_message=None, error_detail=None)
        # First, so that the row stays locked while the effect runs.
        if not queries.update_held(session, claim, **done):
            raise _LeaseLostError
        effect(session)
    return Outcome.DONE


def _release(runtime: Runtime, claim: queries.Claim) -> Outcome:
    with runtime.db.write() as session:
        queries.update_held(
            session,
            claim,
            state=State.QUEUED,
            lease=None,
            attempts=claim.attempt - 1,
            due_at=queries.db_now(session),
            progress=None,
        )
    return Outcome.RELEASED


def _park(
    runtime: Runtime, known: registry.Handler, claim: queries.Claim, error: JobFailed
) -> Outcome:
    with runtime.db.write() as session:
        ending = queries.finished(
            State.PARKED, error_code=error.code, error_message=error.message, error_detail=None
        )
        if not queries.update_held(session, claim, **ending):
            return Outcome.DROPPED
        if error.effect is not None:
            error.effect(session)
        _tell(session, known, claim.args, error.code, error.message)
    _log.warning("job_parked", job=claim.id, kind=claim.kind, code=error.code)
    return Outcome.PARKED


def _failed(
    runtime: Runtime, known: registry.Handler, claim: queries.Claim, error: Exception
) -> Outcome:
    code, message = _explain(error)
    detail = "".join(traceback.format_exception(error))[-_DETAIL_CHARS:]
    last = claim.attempt >= known.max_attempts
    told = {"error_code": code, "error_message": message, "error_detail": detail}
    with runtime.db.write() as session:
        if last:
            held = queries.update_held(session, claim, **queries.finished(State.PARKED, **told))
            if held:
                _tell(session, known, claim.args, code, message)
        else:
            due = queries.db_now(session, backoff_s(claim.attempt))
            again = {"state": State.QUEUED, "lease": None, "due_at": due}
            held = queries.update_held(session, claim, **again, **told)
    if not held:
        return Outcome.DROPPED
    return Outcome.PARKED if last else Outcome.RETRY


def _tell(
    session: Session, known: registry.Handler, args: dict[str, Any], code: str, message: str
) -> None:
    """Let the kind's own subject know that the job is given up; the job is parked in any case."""
    if known.on_parked is None:
        return
    try:
        with session.begin_nested():
            known.on_parked(session, args, code, message)
    except Exception:
        _log.exception("job_on_parked_raised", kind=known.kind)


def _explain(error: Exception) -> tuple[str, str]:
    """Return the code and sentence the owner sees: nothing of the machine's inside."""
    if isinstance(error, HubError):
        return error.code, str(error)
    if isinstance(error, StorageError):
        return "storage_unavailable", "The hub could not read or write the files it keeps."
    if isinstance(error, MemoryError):
        return "out_of_memory", "The worker ran out of memory."
    return "job_crashed", f"The work failed in a way nobody foresaw ({type(error).__name__})."
