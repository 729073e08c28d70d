"""SQL of speeds."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lorahub_server.insight.bases.tables import BaseModel
from lorahub_server.insight.speed.tables import Speed
from lorahub_server.kit.upsert import insert

_KEY = ("sha256", "base_id", "device")


def put(session: Session, row: dict[str, Any]) -> None:
    """Insert the figures, or put them in the place of older ones."""
    statement = insert(session, Speed).values(row)
    newer = {name: statement.excluded[name] for name in row if name not in _KEY}
    session.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=newer))


def has_any(session: Session, sha256: str, base_id: str) -> bool:
    wanted = (Speed.sha256 == sha256, Speed.base_id == base_id)
    return session.scalar(select(Speed.sha256).where(*wanted).limit(1)) is not None


def of_file(session: Session, sha256: str, limit: int) -> Sequence[Speed]:
    return session.scalars(
        select(Speed)
        .where(Speed.sha256 == sha256)
        .order_by(Speed.base_id, Speed.device)
        .limit(limit)
    ).all()


def of_family(
    session: Session, family: str, base_id: str | None, limit: int
) -> list[tuple[Any, ...]]:
    """Return (base, device, load, swap, unfused, memory) of the adapters measured last."""
    statement = (
        select(
            Speed.base_id,
            Speed.device,
            Speed.load_ms,
            Speed.swap_ms,
            Speed.unfused_ms,
            Speed.memory,
        )
        .join(BaseModel, BaseModel.id == Speed.base_id)
        .where(BaseModel.family == family)
        .order_by(Speed.measured_at.desc(), Speed.sha256)
        .limit(limit)
    )
    if base_id is not None:
        statement = statement.where(Speed.base_id == base_id)
    return [tuple(row) for row in session.execute(statement)]
