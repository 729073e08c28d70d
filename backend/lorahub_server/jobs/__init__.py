"""Work that is owed: a row in the transaction that causes it; run at least once, effective once."""

from lorahub_server.jobs.context import JobContext
from lorahub_server.jobs.errors import (
    JobCancelled,
    JobFailed,
    JobNotChangeable,
    JobNotFound,
    WorkerStopping,
)
from lorahub_server.jobs.registry import handler
from lorahub_server.jobs.service import (
    cancel,
    end_leases,
    enqueue,
    get_job,
    jobs_of_repo,
    list_jobs,
    parked_ids,
    retry,
)
from lorahub_server.jobs.tables import Job, State

__all__ = [
    "Job",
    "JobCancelled",
    "JobContext",
    "JobFailed",
    "JobNotChangeable",
    "JobNotFound",
    "State",
    "WorkerStopping",
    "cancel",
    "end_leases",
    "enqueue",
    "get_job",
    "handler",
    "jobs_of_repo",
    "list_jobs",
    "parked_ids",
    "retry",
]
