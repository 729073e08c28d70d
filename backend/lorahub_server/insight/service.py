"""What the hub learned from adapter files: recorded by the worker, asked by everybody."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from lorahub.adapters.inspect import Inspection as Findings
from lorahub_server.access import Tx
from lorahub_server.insight import queries
from lorahub_server.insight.likeness import service as likeness
from lorahub_server.insight.reports import service as reports
from lorahub_server.insight.states import INSPECT, dedup_key
from lorahub_server.insight.tables import Inspection
from lorahub_server.jobs import service as jobs
from lorahub_server.jobs.tables import Job
from lorahub_server.kit.clock import now

_HASH = re.compile(r"[0-9a-f]{8,64}")
_MAX_FOUND = 100
# AutoV1 of every file below 1 MiB: the hash of no bytes names nothing.
_OF_NOTHING = "e3b0c442"
# Characters of the SHA-256 that are the AutoV2.
_AUTOV2 = 10
_CODE_MAX, _MESSAGE_MAX = 64, 2000
# Warnings of a report that say that what is declared is not what the weights have.
_CONTRADICTIONS = frozenset({"header_differs", "config_other_method"})


@dataclass(frozen=True, slots=True)
class Measures:
    """What measuring the weights gave: the report of adapters.inspect_file, and the sketch."""

    report: dict[str, Any]
    sketched: likeness.Sketched


def record_inspection(
    session: Session, sha256: str, inspection: Findings, measures: Measures | None = None
) -> None:
    """Keep what a pass over the file found, and let the library show it.

    Recording the same again changes nothing but the time. A file that was collected meanwhile is
    left alone.
    """
    if not queries.keep_blob(session, sha256):
        return
    summary = inspection.summary.to_dict()
    if measures is not None:
        summary["warnings"] = [*inspection.summary.warnings, *_told(measures.report)]
    values: dict[str, Any] = {
        "state": "done",
        "summary": summary,
        "health": inspection.health,
        "data_sha256": inspection.data_sha256,
        "error_code": None,
        "error_message": None,
        "inspected_at": now(),
    }
    queries.put_inspection(session, sha256, values)
    hashes = {
        kind: value.lower()
        for kind, value in inspection.hashes.items()
        if not value.lower().startswith(_OF_NOTHING)
    }
    queries.replace_hashes(session, sha256, hashes)
    if measures is not None:
        reports.put(session, sha256, measures.report)
        likeness.record(session, sha256, measures.sketched)
    _refresh_library(session, sha256)


def record_failure(session: Session, sha256: str, code: str, message: str) -> None:
    """Keep why the file can't be inspected; the reason is for everybody who may see the file."""
    if not queries.keep_blob(session, sha256):
        return
    values: dict[str, Any] = {
        "state": "failed",
        "summary": None,
        "health": None,
        "data_sha256": None,
        "error_code": code[:_CODE_MAX],
        "error_message": message[:_MESSAGE_MAX].replace("\0", ""),
        "inspected_at": now(),
    }
    queries.put_inspection(session, sha256, values)
    queries.replace_hashes(session, sha256, {})
    _refresh_library(session, sha256)


def record_given_up(session: Session, sha256: str, code: str, message: str) -> None:
    """Keep why nobody inspects the file any more, unless an earlier inspection went well."""
    there = queries.inspections(session, [sha256]).get(sha256)
    if there is None or (there.state == "failed" and there.error_code != code):
        record_failure(session, sha256, code, message)


def forget_failure(session: Session, sha256: str) -> None:
    """Take back that the inspection failed, as it is owed again."""
    if queries.delete_failure(session, sha256):
        _refresh_library(session, sha256)


def note_retry(session: Session, job: Job) -> None:
    """Let the library show that a job which somebody tries again is owed."""
    if job.kind == INSPECT:
        forget_failure(session, str(job.args.get("sha256")))


def try_again(session: Session, shas: Collection[str]) -> None:
    """Owe the inspections again that failed; those that are done or owed are left alone.

    The caller answers for who may ask.
    """
    keys = {dedup_key(sha256) for sha256 in shas}
    owed = {job.dedup for job in jobs.unfinished_with(session, keys)}
    parked = {job.dedup: job for job in jobs.parked_with(session, keys - owed)}
    for job in sorted(parked.values(), key=lambda job: job.id):
        note_retry(session, jobs.retry(session, job.id))


def get_inspections(tx: Tx, shas: Collection[str]) -> dict[str, Inspection]:
    """Return the inspections of those files that the caller may read somewhere."""
    seen = queries.visible_shas(tx.session, tx.caller, shas)
    return queries.inspections(tx.session, seen)


def hashes_of(tx: Tx, sha256: str) -> dict[str, str]:
    """Return by their kind the names that tools know a file by: all of them once it is inspected.

    The caller answers for who may ask.
    """
    known = queries.hashes(tx.session, [sha256]).get(sha256, {})
    return {"SHA256": sha256, "AutoV2": sha256[:_AUTOV2]} | known


def find_by_hash(tx: Tx, value: str) -> Sequence[str]:
    """Return the SHA-256 of files that go by this hash of any kind, if the caller may read them.

    Short hashes may name several files. What is no hash names none.
    """
    wanted = value.strip().lower().removeprefix("0x").removeprefix("sha256:")
    if not _HASH.fullmatch(wanted):
        return []
    return queries.shas_by_hash(tx.session, tx.caller, wanted, _MAX_FOUND)


def _told(report: dict[str, Any]) -> list[dict[str, str]]:
    """Return what the weights contradict, for pages that don't load the whole report."""
    return [
        {"code": one["code"], "key": ", ".join(one["keys"]), "message": one["message"]}
        for one in report["warnings"]
        if one["code"] in _CONTRADICTIONS
    ]


def _refresh_library(session: Session, sha256: str) -> None:
    # The library stands on insight's facts, so insight only knows it when it has news.
    from lorahub_server.library.service import refresh_for_blob

    refresh_for_blob(session, sha256)
