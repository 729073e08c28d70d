"""SQL of who follows whom."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, literal, select, tuple_
from sqlalchemy.orm import Session

from lorahub_server.accounts.tables import Account
from lorahub_server.community.tables import Follow
from lorahub_server.kit import upsert


def insert(session: Session, follower_id: int, account_id: int, moment: datetime) -> None:
    session.execute(
        upsert.insert(session, Follow)
        .values(follower_id=follower_id, account_id=account_id, created_at=moment)
        .on_conflict_do_nothing()
    )


def remove(session: Session, follower_id: int, account_id: int) -> None:
    session.execute(
        delete(Follow).where(Follow.follower_id == follower_id, Follow.account_id == account_id)
    )


def count_following(session: Session, follower_id: int) -> int:
    return _count(session, Follow.follower_id == follower_id, Follow.account_id)


def count_followers(session: Session, account_id: int) -> int:
    return _count(session, Follow.account_id == account_id, Follow.follower_id)


def is_following(session: Session, follower_id: int, account_ids: Sequence[int]) -> set[int]:
    return set(
        session.scalars(
            select(Follow.account_id).where(
                Follow.follower_id == follower_id, Follow.account_id.in_(account_ids)
            )
        )
    )


def followers(
    session: Session, account_id: int, after: tuple[datetime, int] | None, limit: int
) -> Sequence[tuple[Follow, Account]]:
    """Return who follows the account, the latest first."""
    return _page(session, Follow.account_id == account_id, Follow.follower_id, after, limit)


def following(
    session: Session, follower_id: int, after: tuple[datetime, int] | None, limit: int
) -> Sequence[tuple[Follow, Account]]:
    """Return whom the account follows, the latest first."""
    return _page(session, Follow.follower_id == follower_id, Follow.account_id, after, limit)


def _count(session: Session, condition: Any, other: Any) -> int:
    statement = (
        select(func.count())
        .select_from(Follow)
        .join(Account, Account.id == other)
        .where(condition, Account.deleted_at.is_(None))
    )
    return session.scalar(statement) or 0


def _page(
    session: Session, condition: Any, other: Any, after: tuple[datetime, int] | None, limit: int
) -> Sequence[tuple[Follow, Account]]:
    statement = (
        select(Follow, Account)
        .join(Account, Account.id == other)
        .where(condition, Account.deleted_at.is_(None))
        .order_by(Follow.created_at.desc(), other.desc())
        .limit(limit)
    )
    if after is not None:
        moment, row_id = after
        statement = statement.where(
            tuple_(Follow.created_at, other)
            < tuple_(literal(moment, Follow.created_at.type), literal(row_id, other.type))
        )
    return [(row, account) for row, account in session.execute(statement)]
