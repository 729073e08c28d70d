"""All SQL of Xet uploads."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from lorahub_server.accounts.tables import Account
from lorahub_server.blobs.xet.tables import XetSpace, XetXorb
from lorahub_server.repos.tables import Repository


def newest_space(session: Session, account_id: int, repo_id: int) -> XetSpace | None:
    return session.scalars(
        select(XetSpace)
        .where(
            XetSpace.account_id == account_id,
            XetSpace.repo_id == repo_id,
            XetSpace.closed.is_(False),
        )
        .order_by(XetSpace.created_at.desc(), XetSpace.id)
        .limit(1)
    ).one_or_none()


def space_and_owner(session: Session, space_id: str) -> tuple[XetSpace, Account, Repository] | None:
    row = session.execute(
        select(XetSpace, Account, Repository)
        .join(Account, Account.id == XetSpace.account_id)
        .join(Repository, Repository.id == XetSpace.repo_id)
        .where(XetSpace.id == space_id)
    ).one_or_none()
    if row is None:
        return None
    space, account, repo = row
    return space, account, repo


def lock_space(session: Session, space_id: str) -> XetSpace | None:
    return session.get(XetSpace, space_id, with_for_update=True, populate_existing=True)


def sent_bytes(session: Session, account_id: int) -> int:
    total = select(func.sum(XetSpace.sent)).where(XetSpace.account_id == account_id)
    return int(session.scalar(total) or 0)


def gained_bytes(session: Session, account_id: int) -> int:
    """Return by how much the account's files are longer than the chunks that it sent."""
    more = func.sum(XetSpace.built - XetSpace.sent)
    return int(session.scalar(select(more).where(XetSpace.account_id == account_id)) or 0)


def idle_spaces(
    session: Session, account_id: int, before: datetime, but: str
) -> Sequence[XetSpace]:
    """Return the account's spaces that were not used lately, the longest unused first."""
    return session.scalars(
        select(XetSpace)
        .where(
            XetSpace.account_id == account_id,
            XetSpace.touched_at < before,
            XetSpace.id != but,
        )
        .order_by(XetSpace.touched_at)
    ).all()


def xorb_of(session: Session, space_id: str, name: str) -> XetXorb | None:
    return session.get(XetXorb, (space_id, name))


def expired_spaces(session: Session, before: datetime) -> Sequence[str]:
    return session.scalars(select(XetSpace.id).where(XetSpace.touched_at < before)).all()


def delete_expired_space(session: Session, space_id: str, before: datetime) -> bool:
    """Delete the space if it is still unused; a writer holds its lock till then."""
    space = lock_space(session, space_id)
    if space is None or space.touched_at >= before:
        return False
    delete_space(session, space)
    return True


def delete_space(session: Session, space: XetSpace) -> None:
    session.execute(
        delete(XetXorb).where(XetXorb.space_id == space.id),
        execution_options={"synchronize_session": False},
    )
    session.delete(space)
    session.flush()


def has_space(session: Session, space_id: str) -> bool:
    return session.get(XetSpace, space_id) is not None
