"""SQL of speeds."""

from typing import Any

from sqlalchemy import and_, case, exists, or_, select
from sqlalchemy.orm import Session, aliased

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


def beside_family(
    session: Session, sha256: str, family: str | None, most: int, compared: int
) -> tuple[list[tuple[Speed, Any]], list[Speed]]:
    """Return a file's rows, at most `most`, with the titles of their bases, and its family's.

    Those are `compared` at most, the file's own among them, and none before it has any itself.
    """
    measured = aliased(Speed)
    has_own = exists().where(measured.sha256 == sha256)
    in_family = and_(BaseModel.family == family, has_own)
    own_first = case((Speed.sha256 == sha256, 0), else_=1)
    statement = (
        select(Speed, BaseModel.title, BaseModel.family == family)
        .outerjoin(BaseModel, BaseModel.id == Speed.base_id)
        .where(or_(Speed.sha256 == sha256, in_family))
        .order_by(own_first, Speed.measured_at.desc(), Speed.sha256, Speed.base_id, Speed.device)
        .limit(compared)
    )
    rows = session.execute(statement).all()
    own = [(speed, title) for speed, title, _ in rows if speed.sha256 == sha256]
    own.sort(key=lambda one: (one[0].base_id, one[0].device))
    return own[:most], [speed for speed, _, is_family in rows if is_family]
