"""SQL of what the page of an account shows first."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account, Membership
from lorahub_server.community.tables import Follow, Pin
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos


@dataclass(frozen=True, slots=True)
class Numbers:
    repos: int
    followers: int
    following: int
    members: int
    is_following: bool


def numbers(session: Session, caller: Caller, account_id: int) -> Numbers:
    """Return all numbers of an account in one statement, and whether the caller follows it."""
    repos = select(func.count()).select_from(Repository)
    mine = select(func.count()).select_from(Follow)
    members = select(func.count()).select_from(Membership)
    row = session.execute(
        select(
            repos.where(Repository.owner_id == account_id, visible_repos(caller)).scalar_subquery(),
            _living(Follow.account_id == account_id, Follow.follower_id),
            _living(Follow.follower_id == account_id, Follow.account_id),
            members.where(Membership.org_id == account_id).scalar_subquery(),
            mine.where(
                Follow.account_id == account_id, Follow.follower_id == (caller.account_id or 0)
            ).scalar_subquery(),
        )
    ).one()
    return Numbers(row[0], row[1], row[2], row[3], is_following=bool(row[4]))


def pins(session: Session, caller: Caller, account_id: int) -> Sequence[Repository]:
    """Return what an account pinned, as far as it still owns it and the caller may see it."""
    return session.scalars(
        select(Repository)
        .join(Pin, Pin.repo_id == Repository.id)
        .where(
            Pin.account_id == account_id,
            Repository.owner_id == account_id,
            visible_repos(caller),
        )
        .order_by(Pin.place)
    ).all()


def owned(session: Session, caller: Caller, account_id: int, limit: int) -> Sequence[Repository]:
    return session.scalars(
        select(Repository)
        .where(Repository.owner_id == account_id, visible_repos(caller))
        .order_by(Repository.updated_at.desc(), Repository.id.desc())
        .limit(limit)
    ).all()


def named(
    session: Session, caller: Caller, account_id: int, wanted: Collection[str]
) -> Sequence[Repository]:
    return session.scalars(
        select(Repository).where(
            Repository.owner_id == account_id,
            Repository.name_lower.in_(wanted),
            visible_repos(caller),
        )
    ).all()


def replace_pins(session: Session, account_id: int, repo_ids: Sequence[int]) -> None:
    session.execute(
        delete(Pin).where(Pin.account_id == account_id),
        execution_options={"synchronize_session": False},
    )
    session.expire_all()
    session.add_all(
        [Pin(account_id=account_id, repo_id=one, place=at) for at, one in enumerate(repo_ids)]
    )
    session.flush()


def _living(condition: ColumnElement[bool], other: Any) -> Any:
    return (
        select(func.count())
        .select_from(Follow)
        .join(Account, Account.id == other)
        .where(condition, Account.deleted_at.is_(None))
        .scalar_subquery()
    )
