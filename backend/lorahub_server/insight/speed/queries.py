"""SQL of speeds."""

from typing import Any

from sqlalchemy import exists, literal, select, union_all
from sqlalchemy.orm import Session, aliased

from lorahub_server.insight.bases.tables import BaseModel
from lorahub_server.insight.speed.tables import Speed
from lorahub_server.kit.upsert import insert

_KEY = ("sha256", "base_id", "device")
_COLUMNS: tuple[Any, ...] = tuple(Speed.__table__.columns)


def put(session: Session, row: dict[str, Any]) -> None:
    """Insert the figures, or put them in the place of older ones."""
    statement = insert(session, Speed).values(row)
    newer = {name: statement.excluded[name] for name in row if name not in _KEY}
    session.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=newer))


def has_any(session: Session, sha256: str, base_id: str) -> bool:
    wanted = (Speed.sha256 == sha256, Speed.base_id == base_id)
    return session.scalar(select(Speed.sha256).where(*wanted).limit(1)) is not None


def beside_family(
    session: Session, sha256: str, family: str | None, most: int, compared: int
) -> tuple[list[Any], list[Any]]:
    """Return a file's rows, at most `most`, with `title`, its base's, and its family's.

    Those are of the `compared` that were measured last, the file's own among them, and none before
    it has any itself. Each has the columns of Speed.
    """
    own = (
        select(*_COLUMNS, BaseModel.title, literal(1).label("is_own"))
        .outerjoin(BaseModel, BaseModel.id == Speed.base_id)
        .where(Speed.sha256 == sha256)
        .order_by(Speed.base_id, Speed.device)
        .limit(most)
        .subquery()
    )
    measured = aliased(Speed)
    others = (
        select(*_COLUMNS, BaseModel.title, literal(0).label("is_own"))
        .join(BaseModel, BaseModel.id == Speed.base_id)
        # Of most files nothing is measured, and nothing more is read then.
        .where(exists().where(measured.sha256 == sha256), BaseModel.family == (family or ""))
        .order_by(Speed.measured_at.desc(), Speed.sha256)
        .limit(compared)
        .subquery()
    )
    rows = session.execute(union_all(select(own), select(others))).all()
    return [row for row in rows if row.is_own], [row for row in rows if not row.is_own]
