"""What is known of adapter files before and after a change."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lorahub_server.access import Tx
from lorahub_server.blobs import service as blobs
from lorahub_server.blobs.tables import Blob
from lorahub_server.insight import queries_sides
from lorahub_server.insight.likeness.tables import Likeness
from lorahub_server.insight.reports import service as reports
from lorahub_server.insight.states import Known, standings
from lorahub_server.insight.tables import Inspection
from lorahub_server.jobs.tables import Job


@dataclass(frozen=True, slots=True)
class Side:
    """A file that the caller may have. `likenesses`: to others of the pairs that it is in."""

    blob: Blob
    inspection: Inspection | None
    report: dict[str, Any] | None
    job: Job | None
    likenesses: dict[str, Likeness] = field(default_factory=dict)


def sides(tx: Tx, shas: Collection[str], pairs: Sequence[tuple[str, str]] = ()) -> dict[str, Side]:
    """Return what is known of files by their SHA-256, as far as the caller may have them.

    One statement. `pairs`, old and new, are those whose reports and likeness are wanted.
    """
    found: dict[str, Side] = {}
    rows = queries_sides.sides(tx.session, tx.caller, blobs.hashes(shas), pairs)
    for blob, inspection, data, likeness, job in rows:
        if blob.sha256 not in found:
            report = None if data is None else reports.read(data)
            found[blob.sha256] = Side(blob, inspection, report, job)
        if likeness is not None:
            found[blob.sha256].likenesses[likeness.other] = likeness
    return found


def errors(tx: Tx, some: Iterable[Side]) -> dict[str, str]:
    """Return by SHA-256 why files could not be inspected, of those that could not."""
    known = {side.blob.sha256: side for side in some}
    told = Known(
        {sha256: one.inspection for sha256, one in known.items() if one.inspection is not None},
        {},
        {sha256: one.job for sha256, one in known.items() if one.job is not None},
    )
    found = standings(tx.session, known, told)
    return {sha256: one.error["message"] for sha256, one in found.items() if one.error}
