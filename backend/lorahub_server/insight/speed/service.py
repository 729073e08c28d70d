"""Owing measurements, recording them, and asking what an adapter costs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.insight.speed import queries
from lorahub_server.insight.speed.model import Costs, Figures, Typical
from lorahub_server.jobs import service as jobs
from lorahub_server.jobs.tables import Job

KIND = "speed"
_SHOWN = 20
_COMPARED = 2000


def owe(
    session: Session,
    sha256: str,
    base_id: str,
    *,
    config: Mapping[str, Any] | None = None,
    repo_id: int | None = None,
    account_id: int | None = None,
) -> Job | None:
    """Owe measuring a file with a base; None when that was done on some device already."""
    if queries.has_any(session, sha256, base_id):
        return None
    return jobs.enqueue(
        session,
        KIND,
        {"sha256": sha256, "base": base_id, "config": dict(config) if config else None},
        dedup=f"speed:{base_id}:{sha256}",
        repo_id=repo_id,
        account_id=account_id,
        queue="gpu",
        lane=base_id,
    )


def record(
    session: Session,
    sha256: str,
    base_id: str,
    device: str,
    figures: Mapping[str, Any],
    moment: datetime,
) -> None:
    """Note what was measured, in the place of what was measured before on such a device."""
    key = {"sha256": sha256, "base_id": base_id, "device": device[:120]}
    queries.put(session, {**key, **figures, "measured_at": moment})


def costs_of(session: Session, sha256: str, family: str | None) -> Costs:
    """What a file costs, and what is usual in its family; for callers who may see the file."""
    own, others = queries.beside_family(session, sha256, family, _SHOWN, _COMPARED)
    return Costs([_figures(row) for row in own], _typical(others))


def _typical(rows: Sequence[Any]) -> list[Typical]:
    groups: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for row in rows:
        numbers = row.load_ms, row.swap_ms, row.unfused_ms, row.memory
        groups.setdefault((row.base_id, row.device), []).append(numbers)
    return [
        Typical(base, device, len(each), *(float(median(one)) for one in zip(*each, strict=True)))
        for (base, device), each in sorted(groups.items())
    ]


def _figures(row: Any) -> Figures:
    return Figures(
        base_id=row.base_id,
        base_title=row.title or row.base_id,
        device=row.device,
        load_ms=row.load_ms,
        swap_ms=row.swap_ms,
        base_ms=row.base_ms,
        unfused_ms=row.unfused_ms,
        fused_ms=row.fused_ms,
        memory=row.memory,
        setting=row.setting,
        measured_at=row.measured_at,
    )
