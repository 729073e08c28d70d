from collections.abc import Callable

from sqlalchemy.orm import Session

from lorahub_server.kit.errors import HubError


class JobFailed(Exception):
    """Raised by a handler when trying again cannot help: the job is parked at once.

    `code` and `message` are shown to the owner; `effect`, if given, runs in the transaction that
    parks the job.
    """

    def __init__(
        self, code: str, message: str, effect: Callable[[Session], None] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.effect = effect


class JobInterrupted(BaseException):
    """Ends a handler from inside `ctx.progress`.

    Not an Exception, so that a handler's own `except Exception` cannot swallow it.
    """


class JobCancelled(JobInterrupted):
    """Somebody cancelled the job, or its lease went to another worker."""


class WorkerStopping(JobInterrupted):
    """The worker was told to end; the job goes back to the queue and the attempt is not counted."""


class JobNotFound(HubError):
    status = 404
    code = "job_not_found"


class JobNotChangeable(HubError):
    status = 409
    code = "job_not_changeable"
