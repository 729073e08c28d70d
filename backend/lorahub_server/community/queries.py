from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account
from lorahub_server.community.tables import Star
from lorahub_server.kit import upsert
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos


def insert_star(session: Session, account_id: int, repo_id: int, moment: datetime) -> bool:
    """Return whether the star is new."""
    statement = (
        upsert.insert(session, Star)
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


def givers(
    session: Session, repo_id: int, after: tuple[datetime, int] | None, limit: int
) -> Sequence[tuple[Star, Account]]:
    """Return the stars of a repository with who gave them, the newest first."""
    statement = (
        select(Star, Account)
        .join(Account, Account.id == Star.account_id)
        .where(Star.repo_id == repo_id, Account.deleted_at.is_(None))
        .order_by(Star.created_at.desc(), Star.account_id.desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(_before(Star.account_id, after))
    return [(star, account) for star, account in session.execute(statement)]


def count_given(session: Session, caller: Caller, account_id: int) -> int:
    seen = visible_repos(caller)
    statement = (
        select(func.count())
        .select_from(Star)
        .join(Repository, Repository.id == Star.repo_id)
        .where(Star.account_id == account_id, seen)
    )
    return session.scalar(statement) or 0


def given(
    session: Session,
    caller: Caller,
    account_id: int,
    after: tuple[datetime, int] | None,
    limit: int,
) -> Sequence[tuple[Star, Repository]]:
    """Return the stars that an account gave, with those repositories that the caller may see."""
    seen = visible_repos(caller)
    statement = (
        select(Star, Repository)
        .join(Repository, Repository.id == Star.repo_id)
        .where(Star.account_id == account_id, seen)
        .order_by(Star.created_at.desc(), Star.repo_id.desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(_before(Star.repo_id, after))
    return [(star, repo) for star, repo in session.execute(statement)]


def _before(column: InstrumentedAttribute[int], after: tuple[datetime, int]) -> ColumnElement[bool]:
    moment, row_id = after
    return tuple_(Star.created_at, column) < tuple_(
        literal(moment, Star.created_at.type), literal(row_id, column.type)
    )


def starred(session: Session, account_id: int, repo_ids: Collection[int]) -> set[int]:
    return set(
        session.scalars(
            select(Star.repo_id).where(Star.account_id == account_id, Star.repo_id.in_(repo_ids))
        )
    )
