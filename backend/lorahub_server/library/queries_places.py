"""SQL of what whole pages of addresses are made of: public things in the order of their numbers."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lorahub_server.access import anonymous
from lorahub_server.accounts.tables import Account
from lorahub_server.library.tables import LibraryEntry
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos


def last_ids(session: Session) -> tuple[int, int]:
    """Return the largest numbers of repositories and of accounts; 0 where there is none."""
    row = session.execute(
        select(
            select(func.max(Repository.id)).scalar_subquery(),
            select(func.max(Account.id)).scalar_subquery(),
        )
    ).one()
    return row[0] or 0, row[1] or 0


def public_repos(session: Session, after: int, most: int) -> Sequence[tuple[str, str, datetime]]:
    """Return owner, name and last change of public repositories numbered after+1 to after+most."""
    rows = session.execute(
        select(Account.name, Repository.name, LibraryEntry.updated_at)
        .join(Account, Account.id == Repository.owner_id)
        .join(LibraryEntry, LibraryEntry.repo_id == Repository.id)
        .where(
            Repository.id > after,
            Repository.id <= after + most,
            LibraryEntry.revision.is_not(None),
            visible_repos(anonymous()),
        )
        .order_by(Repository.id)
    )
    return [(owner, name, changed) for owner, name, changed in rows]


def public_owners(session: Session, after: int, most: int) -> Sequence[tuple[str, datetime]]:
    """Return the accounts of such numbers that own something public, and its last change."""
    rows = session.execute(
        select(Account.name, func.max(LibraryEntry.updated_at))
        .join(Repository, Repository.owner_id == Account.id)
        .join(LibraryEntry, LibraryEntry.repo_id == Repository.id)
        .where(
            Account.id > after,
            Account.id <= after + most,
            Account.deleted_at.is_(None),
            visible_repos(anonymous()),
        )
        .group_by(Account.id, Account.name)
        .order_by(Account.id)
    )
    return [(name, changed) for name, changed in rows]
