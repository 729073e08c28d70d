"""What the rest of the hub may do with jobs: owe one, look, try again, cancel."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lorahub_server.jobs import carrier, queries, registry
from lorahub_server.jobs.errors import JobNotChangeable, JobNotFound
from lorahub_server.jobs.tables import UNFINISHED, Job, State
from lorahub_server.kit.db import on_commit

_DEDUP_TRIES = 5


def enqueue(
    session: Session,
    kind: str,
    args: dict[str, Any],
    *,
    dedup: str | None = None,
    repo_id: int | None = None,
    account_id: int | None = None,
    queue: str | None = None,
    run_after: datetime | None = None,
    lane: str | None = None,
    urgent: bool = False,
) -> Job:
    """Owe a job, in the caller's transaction; a worker hears of it when that commits.

    `dedup`: while a job with this key is queued or running, that one is returned and nothing is
    added. `queue` is `cpu` unless given or the kind is registered with another in this process.
    `args` must be JSON.
    """
    if queue is None:
        known = registry.find(kind)
        queue = known.queue if known else "cpu"
    values = {
        "kind": kind,
        "args": args,
        "queue": queue,
        "state": State.QUEUED,
        "dedup": dedup,
        "lane": lane,
        "urgent": urgent,
        "repo_id": repo_id,
        "account_id": account_id,
        "due_at": run_after or queries.db_now(session),
    }
    for _ in range(_DEDUP_TRIES):
        job = queries.insert_unless_there(session, values)
        if job is not None:
            if run_after is None:
                _announce(session, job)
            return job
        assert dedup is not None
        there = queries.unfinished_with(session, dedup)
        if there is not None:
            return there
        # It finished between the two statements, so the key is free again.
    raise JobNotChangeable(f"Jobs with the key {dedup!r} come and go too fast; try again.")


def get_job(session: Session, job_id: int) -> Job:
    """Raises JobNotFound."""
    job = session.get(Job, job_id)
    if job is None:
        raise JobNotFound(f"There is no job {job_id}; `lorahub-server jobs list` shows them.")
    return job


def jobs_of_repo(session: Session, repo_id: int, limit: int = 50) -> Sequence[Job]:
    """Return a repository's jobs, newest first."""
    return queries.search(session, repo_id=repo_id, limit=limit)


def list_jobs(
    session: Session,
    *,
    states: Collection[str] = (),
    kind: str | None = None,
    limit: int = 50,
) -> Sequence[Job]:
    """Return jobs, newest first; no `states` means all."""
    return queries.search(session, states=states, kind=kind, limit=limit)


def unfinished_with(session: Session, dedups: Collection[str]) -> Sequence[Job]:
    """Return the queued and running jobs that hold these keys."""
    return queries.unfinished_among(session, dedups)


def unfinished_of_repo(session: Session, repo_id: int, kind: str) -> Sequence[Job]:
    """Return a repository's queued and running jobs of a kind, newest first."""
    return queries.search(session, states=UNFINISHED, kind=kind, repo_id=repo_id)


def let_owe_anew(session: Session, job_id: int) -> None:
    """Give up the key of a running job: it is about to look at what it works on.

    What changes from now on is owed again, in place of being taken for what this job will see.
    """
    queries.drop_dedup(session, job_id)


def parked_with(session: Session, dedups: Collection[str]) -> Sequence[Job]:
    """Return the jobs with these keys that were given up, the oldest first."""
    return queries.parked_among(session, dedups)


def parked_ids(session: Session) -> Sequence[int]:
    return queries.ids_in_state(session, State.PARKED)


def end_leases(session: Session) -> None:
    """Let running jobs be taken at once: for a start after which no earlier worker can be alive."""
    queries.end_leases(session)


def retry(session: Session, job_id: int) -> Job:
    """Queue a parked or cancelled job again with all its attempts.

    Raises JobNotFound, or JobNotChangeable when the job is not of those or its work is owed anew.
    """
    job = _locked(session, job_id)
    if job.state not in (State.PARKED, State.CANCELLED):
        raise JobNotChangeable(
            f"Job {job_id} is {job.state}; only a parked or cancelled job can be tried again."
        )
    try:
        with session.begin_nested():
            job.state = State.QUEUED
            job.attempts = 0
            job.due_at = None
            job.sent_at = None
            job.finished_at = None
            job.progress = None
            session.flush()
    except IntegrityError as error:
        raise JobNotChangeable(
            f"Another job already does the work of job {job_id}; there is nothing to try again."
        ) from error
    session.execute(queries.set_due(session, job_id, 0))
    session.refresh(job)
    _announce(session, job)
    return job


def cancel(session: Session, job_id: int) -> Job:
    """Cancel an unfinished or parked job; a worker that runs it drops it at its next report.

    Cancelling a cancelled job changes nothing. Raises JobNotFound; JobNotChangeable for a done one.
    """
    job = _locked(session, job_id)
    if job.state == State.DONE:
        raise JobNotChangeable(f"Job {job_id} is done; there is nothing left to cancel.")
    if job.state in (*UNFINISHED, State.PARKED):
        for name, value in queries.finished(State.CANCELLED).items():
            setattr(job, name, value)
        session.flush()
    return job


def _locked(session: Session, job_id: int) -> Job:
    job = queries.lock_job(session, job_id)
    return job if job is not None else get_job(session, job_id)


def _announce(session: Session, job: Job) -> None:
    queue, job_id = job.queue, job.id
    on_commit(session, lambda: carrier.announce(queue, job_id))
