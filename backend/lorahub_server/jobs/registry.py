"""Which function does which kind of job. Filled by importing the modules that hold the handlers."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.jobs.context import JobContext

Effect = Callable[[Session], None]
Run = Callable[[JobContext, dict[str, Any]], Effect]
# Given the job's arguments and the code and sentence of its failure.
OnParked = Callable[[Session, dict[str, Any], str, str], None]

MAX_ATTEMPTS = 5
LEASE_S = 60.0
MAX_RUN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Handler:
    kind: str
    run: Run
    queue: str
    max_attempts: int
    # Seconds without a sign of life after which another worker may take the job.
    lease_s: float
    # Seconds after which a run counts as hung: its lease is no longer renewed.
    max_run_s: float
    on_parked: OnParked | None = None


_handlers: dict[str, Handler] = {}


def handler(
    kind: str,
    *,
    queue: str = "cpu",
    max_attempts: int = MAX_ATTEMPTS,
    lease_s: float = LEASE_S,
    max_run_s: float = MAX_RUN_S,
    on_parked: OnParked | None = None,
) -> Callable[[Run], Run]:
    """Register the decorated function for jobs of `kind`.

    It does the work without touching what others see and returns an effect, which runs in the
    transaction that marks the job done. So the work may happen twice, the effect never.
    `on_parked` runs in the transaction that parks a job, for whatever reason.
    """

    def register(run: Run) -> Run:
        there = _handlers.get(kind)
        if there is not None and there.run.__module__ != run.__module__:
            raise ValueError(f"Jobs of kind {kind!r} already have a handler.")
        _handlers[kind] = Handler(kind, run, queue, max_attempts, lease_s, max_run_s, on_parked)
        return run

    return register


def find(kind: str) -> Handler | None:
    return _handlers.get(kind)


def kinds(queues: Collection[str]) -> list[str]:
    """Return the kinds this process can do for these queues."""
    return [known.kind for known in _handlers.values() if known.queue in queues]
