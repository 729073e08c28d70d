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


@dataclass(frozen=True, slots=True)
class Known:
    """What is recorded of files, by their SHA-256. `owed`: unfinished jobs that inspect them."""

    inspections: Mapping[str, Inspection]
    hashes: Mapping[str, dict[str, str]]
    owed: Mapping[str, Job]


def dedup_key(sha256: str) -> str:
    """Return the key under which the job that inspects a file is owed once."""
    return f"{INSPECT}:{sha256}"


def standings(
    session: Session, shas: Collection[str], known: Known | None = None
) -> dict[str, Standing]:
    """Return where each file stands; the caller answers for who may ask.

    `known`: what is recorded of the files, from one who has read it.
    """
    wanted = set(shas)
    if not wanted:
        return {}
    if known is None:
        known = _look(session, wanted)
    done = known.inspections
    parked: dict[str, Job] = {}
    open_ends = [dedup_key(one) for one in wanted if one not in done and one not in known.owed]
    if open_ends:
        parked = {str(job.dedup): job for job in jobs.parked_with(session, open_ends)}
    return {
        sha256: _standing(
            done.get(sha256),
            known.hashes.get(sha256),
            known.owed.get(sha256),
            parked.get(dedup_key(sha256)),
        )
        for sha256 in wanted
    }


def _look(session: Session, shas: Collection[str]) -> Known:
    done = queries.inspections(session, shas)
    # Of what is done, nothing that jobs do is told.
    keys = {dedup_key(one): one for one in shas if one not in done or done[one].state != "done"}
    owed = jobs.unfinished_with(session, keys) if keys else []
    return Known(done, queries.hashes(session, shas), {keys[str(job.dedup)]: job for job in owed})


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
