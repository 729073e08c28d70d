"""SQL of variants."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from lorahub_server.blobs.tables import BlobRef
from lorahub_server.insight.variants.tables import Variant
from lorahub_server.kit import upsert


def get(session: Session, variant_id: str) -> Variant | None:
    return session.get(Variant, variant_id, populate_existing=True)


def insert_unless_there(session: Session, values: dict[str, Any]) -> None:
    session.execute(upsert.insert(session, Variant).values(values).on_conflict_do_nothing())


def lock(session: Session, variant_id: str) -> Variant | None:
    return session.get(Variant, variant_id, with_for_update=True, populate_existing=True)


def has_source(session: Session, repo_id: int, sha256: str) -> bool:
    statement = select(BlobRef.repo_id).where(BlobRef.repo_id == repo_id, BlobRef.sha256 == sha256)
    return session.scalar(statement) is not None


def touch(session: Session, variant_id: str, moment: datetime, before: datetime) -> None:
    session.execute(
        update(Variant)
        .where(Variant.id == variant_id, Variant.used_at < before)
        .values(used_at=moment)
        .execution_options(synchronize_session=False)
    )


def unused(session: Session, before: datetime) -> Sequence[str]:
    return session.scalars(
        select(Variant.id).where(Variant.used_at < before).order_by(Variant.used_at)
    ).all()


def over(session: Session, room: int) -> list[str]:
    """Return what has to go, the least lately used first, until the rest fits into `room` bytes."""
    left = int(session.scalar(select(func.sum(Variant.size))) or 0) - room
    found: list[str] = []
    rows = session.execute(
        select(Variant.id, Variant.size).where(Variant.size > 0).order_by(Variant.used_at)
    )
    for variant_id, size in rows:
        if left <= 0:
            break
        found.append(variant_id)
        left -= size
    return found


def delete_one(session: Session, variant_id: str, before: datetime) -> bool:
    """Delete it if it was not used since; False when it was, or is gone."""
    row = session.scalars(
        select(Variant).where(Variant.id == variant_id, Variant.used_at < before).with_for_update()
    ).one_or_none()
    if row is None:
        return False
    session.execute(delete(Variant).where(Variant.id == variant_id))
    return True


def known(session: Session, ids: Collection[str]) -> set[str]:
    return set(session.scalars(select(Variant.id).where(Variant.id.in_(ids))))
