"""Who is told, after the commit, that a job is there. Only haste: the table is the truth."""

from pathlib import Path
from typing import Protocol


class Carrier(Protocol):
    def announce(self, queue: str, job_id: int) -> None:
        """Tell a worker, if that can be done at once; never raise and never wait."""

    def close(self) -> None: ...


class _Nobody:
    """The carrier of a process that was told of none: workers find the job when they next look."""

    def announce(self, queue: str, job_id: int) -> None:
        pass

    def close(self) -> None:
        pass


class _Office:
    carrier: Carrier = _Nobody()


def use(carrier: Carrier | None) -> None:
    """Announce this process's jobs through `carrier` from now on (None: through nobody)."""
    _Office.carrier.close()
    _Office.carrier = carrier or _Nobody()


def announce(queue: str, job_id: int) -> None:
    _Office.carrier.announce(queue, job_id)


def open_carrier(kind: str, *, run_dir: Path, redis_url: str | None) -> Carrier:
    """Return the carrier named `local` or `celery`. Raises ValueError with what to set."""
    if kind == "local":
        from lorahub_server.jobs.wake import LocalCarrier

        return LocalCarrier(run_dir)
    if kind != "celery":
        raise ValueError(f"LORAHUB_CARRIER is `local` or `celery`, not {kind!r}.")
    if not redis_url:
        raise ValueError("LORAHUB_CARRIER=celery needs LORAHUB_REDIS_URL, redis://host:6379/0.")
    from lorahub_server.jobs.celery_app import CeleryCarrier, make_app

    return CeleryCarrier(make_app(redis_url, hasty=True))
