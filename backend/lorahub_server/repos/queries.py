"""SQL of repositories and their names."""

from collections.abc import Sequence

from sqlalchemy import and_, delete, func, select
from sqlalchemy.orm import Session

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account, FormerName
from lorahub_server.repos.tables import CommitRow, FormerRepoName, GitObject, Ref, Repository
from lorahub_server.repos.visibility import visible_repos


def repo_by_name(session: Session, owner_lower: str, name_lower: str) -> Repository | None:
    return session.scalar(
        select(Repository)
        .join(Account, Account.id == Repository.owner_id)
        .where(Account.name_lower == owner_lower, Repository.name_lower == name_lower)
    )


def repo_by_former_name(session: Session, owner_lower: str, name_lower: str) -> Repository | None:
    """Find by a name of which the owner's part, the repository's, or both were given up."""
    owners = (
        select(Account.id)
        .where(Account.name_lower == owner_lower)
        .union(select(FormerName.account_id).where(FormerName.name_lower == owner_lower))
    )
    # Repositories may have moved to another owner since; two questions, so that each has an index.
    found = (
        select(Repository.id)
        .where(Repository.owner_id.in_(owners), Repository.name_lower == name_lower)
        .union(
            select(FormerRepoName.repo_id).where(
                FormerRepoName.owner_id.in_(owners), FormerRepoName.name_lower == name_lower
            )
        )
    )
    return session.scalars(
        select(Repository)
        .where(Repository.id.in_(found))
        .order_by(Repository.name_lower != name_lower)
        .limit(1)
    ).one_or_none()


def repo_of_owner(session: Session, owner_id: int, name_lower: str) -> Repository | None:
    return session.scalar(
        select(Repository).where(
            Repository.owner_id == owner_id, Repository.name_lower == name_lower
        )
    )


def former_name(session: Session, owner_id: int, name_lower: str) -> FormerRepoName | None:
    return session.get(FormerRepoName, (owner_id, name_lower))


def lock_account(session: Session, account_id: int) -> None:
    """Let decisions about one account's names wait for each other."""
    session.execute(
        select(Account.id).where(Account.id == account_id).with_for_update(key_share=True)
    )


def lock_repo(session: Session, repo: Repository) -> None:
    """Lock the repository till the end of the transaction, and read its row anew.

    Stars and the like, which only refer to the row, need not wait.
    """
    session.refresh(repo, with_for_update={"key_share": True, "of": Repository})


def count_repos(session: Session, owner_id: int) -> int:
    count = select(func.count()).select_from(Repository).where(Repository.owner_id == owner_id)
    return session.scalar(count) or 0


def has_repos(session: Session, owner_id: int) -> bool:
    found = select(Repository.id).where(
        Repository.owner_id == owner_id, Repository.deleted_at.is_(None)
    )
    return session.scalars(found.limit(1)).first() is not None


def repos_of(session: Session, caller: Caller, owner_id: int) -> Sequence[Repository]:
    seen = visible_repos(caller)
    return session.scalars(
        select(Repository)
        .where(and_(Repository.owner_id == owner_id, seen))
        .order_by(Repository.updated_at.desc(), Repository.id.desc())
    ).all()


def delete_content(session: Session, repo_id: int) -> None:
    for table in (Ref, CommitRow, GitObject):
        session.execute(
            delete(table).where(table.repo_id == repo_id),
            execution_options={"synchronize_session": False},
        )
