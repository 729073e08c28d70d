"""How far the hub is with each adapter file: what it knows, or what it is doing about it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.orm import Session

from lorahub_server.insight import queries
from lorahub_server.insight.tables import Inspection
from lorahub_server.jobs import service as jobs
from lorahub_server.jobs.tables import Job, State

INSPECT = "inspect"
FileState = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Standing:
    """`inspection` may be an earlier one while a new one is under way."""

    state: FileState
    inspection: Inspection | None = None
    hashes: dict[str, str] | None = None
    progress: dict[str, Any] | None = None
    error: dict[str, str] | None = None


def dedup_key(sha256: str) -> str:
    """Return the key under which the job that inspects a file is owed once."""
    return f"{INSPECT}:{sha256}"


def standings(
    session: Session, shas: Collection[str], known: Mapping[str, Inspection] | None = None
) -> dict[str, Standing]:
    """Return where each file stands; the caller answers for who may ask.

    `known`: the files' inspections, from one who has read them.
    """
    wanted = set(shas)
    if not wanted:
        return {}
    done = queries.inspections(session, wanted) if known is None else known
    hashes = queries.hashes(session, wanted)
    owed = {
        job.dedup: job
        for job in jobs.unfinished_with(session, [dedup_key(sha256) for sha256 in wanted])
    }
    parked: dict[str, Job] = {}
    open_ends = {dedup_key(sha256) for sha256 in wanted if sha256 not in done} - set(owed)
    if open_ends:
        parked = {str(job.dedup): job for job in jobs.parked_with(session, open_ends)}
    return {
        sha256: _standing(
            done.get(sha256),
            hashes.get(sha256),
            owed.get(dedup_key(sha256)),
            parked.get(dedup_key(sha256)),
        )
        for sha256 in wanted
    }


def _standing(
    inspection: Inspection | None,
    hashes: dict[str, str] | None,
    owed: Job | None,
    parked: Job | None,
) -> Standing:
    if inspection is not None and inspection.state == "done":
        return Standing("done", inspection, hashes)
    if owed is not None:
        running = owed.state == State.RUNNING
        return Standing(
            "running" if running else "waiting",
            inspection,
            hashes,
            progress=owed.progress if running else None,
        )
    if inspection is not None:
        error = {
            "code": inspection.error_code or "inspection_failed",
            "message": inspection.error_message or "The file could not be inspected.",
        }
        return Standing("failed", inspection, hashes, error=error)
    if parked is not None:
        error = {
            "code": parked.error_code or "inspection_failed",
            "message": parked.error_message or "The inspection failed again and again.",
        }
        return Standing("failed", error=error)
    return Standing("waiting")
