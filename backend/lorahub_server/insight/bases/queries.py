"""All SQL of the registry of base models."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from lorahub_server.insight.bases.tables import BaseHolder, BaseModel
from lorahub_server.kit import upsert


def all_bases(session: Session, limit: int) -> Sequence[BaseModel]:
    order = (BaseModel.family, BaseModel.created_at, BaseModel.id)
    return session.scalars(select(BaseModel).order_by(*order).limit(limit)).all()


def holders(session: Session, seen_after: datetime) -> Sequence[BaseHolder]:
    return session.scalars(
        select(BaseHolder)
        .where(BaseHolder.seen_at > seen_after)
        .order_by(BaseHolder.base_id, BaseHolder.worker)
    ).all()


def held_of_family(
    session: Session, family: str, first: Any, seen_after: datetime
) -> Sequence[tuple[BaseModel, BaseHolder]]:
    rows = session.execute(
        select(BaseModel, BaseHolder)
        .join(BaseHolder, BaseHolder.base_id == BaseModel.id)
        .where(BaseModel.family == family, BaseModel.enabled, BaseHolder.seen_at > seen_after)
        # The most lately seen last: where digests differ, the newest word counts.
        .order_by(
            case((BaseModel.id == first, 0), else_=1),
            BaseModel.created_at,
            BaseModel.id,
            BaseHolder.seen_at,
        )
    ).all()
    return [(base, holder) for base, holder in rows]


def registered(
    session: Session, family: str | None, source: str | None, seen_after: datetime
) -> Sequence[tuple[BaseModel, BaseHolder | None]]:
    """Return the enabled bases of a family, or from a source, beside each live worker that has one.

    `source` in lower case.
    """
    wanted = [BaseModel.family == family] if family is not None else []
    wanted += [func.lower(BaseModel.source) == source] if source is not None else []
    rows = session.execute(
        select(BaseModel, BaseHolder)
        .outerjoin(
            BaseHolder,
            and_(BaseHolder.base_id == BaseModel.id, BaseHolder.seen_at > seen_after),
        )
        .where(or_(*wanted), BaseModel.enabled)
        .order_by(BaseModel.created_at, BaseModel.id, BaseHolder.worker)
    ).all()
    return [(base, holder) for base, holder in rows]


def has_family(session: Session, family: str) -> bool:
    condition = exists().where(BaseModel.family == family, BaseModel.enabled)
    return bool(session.scalar(select(condition)))


def held_before(session: Session, base_id: str, seen_after: datetime) -> set[str]:
    """Return the digests under which live workers hold a base."""
    return set(
        session.scalars(
            select(BaseHolder.digest).where(
                BaseHolder.base_id == base_id, BaseHolder.seen_at > seen_after
            )
        )
    )


def put_holder(session: Session, base_id: str, worker: str, values: dict[str, Any]) -> None:
    statement = upsert.insert(session, BaseHolder).values(base_id=base_id, worker=worker, **values)
    session.execute(
        statement.on_conflict_do_update(index_elements=["base_id", "worker"], set_=values)
    )


def drop_holders(session: Session, worker: str, except_for: Sequence[str] = ()) -> None:
    session.execute(
        delete(BaseHolder).where(
            BaseHolder.worker == worker, BaseHolder.base_id.not_in(except_for)
        ),
        execution_options={"synchronize_session": False},
    )


def drop_stale(session: Session, seen_before: datetime) -> None:
    session.execute(
        delete(BaseHolder).where(BaseHolder.seen_at < seen_before),
        execution_options={"synchronize_session": False},
    )


def drop(session: Session, base: BaseModel) -> None:
    session.execute(
        delete(BaseHolder).where(BaseHolder.base_id == base.id),
        execution_options={"synchronize_session": False},
    )
    session.delete(base)
    session.flush()
