"""SQL of memberships."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lorahub_server.accounts.tables import Account, Membership


def membership(session: Session, org_id: int, account_id: int) -> Membership | None:
    return session.get(Membership, (org_id, account_id), populate_existing=True)


def org_roles(session: Session, account_id: int) -> dict[str, str]:
    found = session.scalar(select(Account.org_roles).where(Account.id == account_id))
    return dict(found or {})


def rows_of(session: Session, account_id: int) -> Sequence[Membership]:
    return session.scalars(select(Membership).where(Membership.account_id == account_id)).all()


def organizations(session: Session, ids: Sequence[int]) -> Sequence[Account]:
    """Return those that are there still, by their name."""
    return session.scalars(
        select(Account)
        .where(Account.id.in_(ids), Account.deleted_at.is_(None))
        .order_by(Account.name_lower)
    ).all()


def members(
    session: Session, org_id: int, after: str | None, limit: int
) -> Sequence[tuple[Membership, Account]]:
    """Return members by their name, from behind `after` (in lower case) on."""
    statement = (
        select(Membership, Account)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.org_id == org_id, Account.deleted_at.is_(None))
        .order_by(Account.name_lower)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Account.name_lower > after)
    return [(row, account) for row, account in session.execute(statement)]


def count_members(session: Session, org_id: int, role: str | None = None) -> int:
    statement = (
        select(func.count())
        .select_from(Membership)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.org_id == org_id, Account.deleted_at.is_(None))
    )
    if role is not None:
        statement = statement.where(Membership.role == role)
    return session.scalar(statement) or 0


def member_ids(session: Session, org_id: int) -> Sequence[int]:
    return session.scalars(
        select(Membership.account_id)
        .where(Membership.org_id == org_id)
        .order_by(Membership.account_id)
    ).all()


def count_made(session: Session, creator_id: int) -> int:
    """Return how many organisations somebody made, deleted ones too."""
    count = select(func.count()).select_from(Account).where(Account.creator_id == creator_id)
    return session.scalar(count) or 0
