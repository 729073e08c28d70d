from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from lorahub_server.community.tables import Star


def insert_star(session: Session, account_id: int, repo_id: int, moment: datetime) -> bool:
    """Return whether the star is new."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(Star)
        .values(account_id=account_id, repo_id=repo_id, created_at=moment)
        .on_conflict_do_nothing()
        .returning(Star.repo_id)
    )
    return session.execute(statement).one_or_none() is not None


def delete_star(session: Session, account_id: int, repo_id: int) -> datetime | None:
    """Return when the star was given; None when there was none."""
    return session.execute(
        delete(Star)
        .where(Star.account_id == account_id, Star.repo_id == repo_id)
        .returning(Star.created_at)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()


def starred(session: Session, account_id: int, repo_ids: Collection[int]) -> set[int]:
    return set(
        session.scalars(
            select(Star.repo_id).where(Star.account_id == account_id, Star.repo_id.in_(repo_ids))
        )
    )
