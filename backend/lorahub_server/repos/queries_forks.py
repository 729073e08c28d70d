"""SQL of forks: rows of one repository copied to another inside the database."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, literal, select
from sqlalchemy.orm import Session

from lorahub_server.access import Caller
from lorahub_server.kit.many import among
from lorahub_server.repos.tables import CommitRow, GitObject, Ref, Repository
from lorahub_server.repos.visibility import visible_repos

_AT_ONCE = 20_000


def bytes_of(session: Session, repo_id: int) -> int:
    """Return the size of all git objects of a repository."""
    total = select(func.sum(GitObject.size)).where(GitObject.repo_id == repo_id)
    return int(session.scalar(total) or 0)


def forks_since(session: Session, owner_id: int, moment: datetime) -> int:
    count = (
        select(func.count())
        .select_from(Repository)
        .where(
            Repository.owner_id == owner_id,
            Repository.forked_from_id.is_not(None),
            Repository.created_at > moment,
        )
    )
    return session.scalar(count) or 0


def copy_all(session: Session, source_id: int, repo_id: int) -> None:
    """Copy every commit and object."""
    for table in (GitObject, CommitRow):
        _copy(session, table, source_id, repo_id)


def copy_some(
    session: Session,
    source_id: int,
    repo_id: int,
    *,
    commits: Sequence[str],
    others: Sequence[str],
) -> None:
    """Copy these commits and these other objects."""
    for oids in _batches([*commits, *others]):
        _copy(session, GitObject, source_id, repo_id, oids)
    for oids in _batches(commits):
        _copy(session, CommitRow, source_id, repo_id, oids)


def insert_refs(session: Session, repo_id: int, refs: Sequence[Ref], moment: datetime) -> None:
    if refs:
        rows = [
            {
                "repo_id": repo_id,
                "name": ref.name,
                "oid": ref.oid,
                "commit_oid": ref.commit_oid,
                "updated_at": moment,
            }
            for ref in refs
        ]
        session.execute(insert(Ref), rows)


def large_files(session: Session, repo_id: int) -> set[str]:
    """Return the SHA-256 of every large file that some commit has."""
    found = session.scalars(
        select(GitObject.content_sha256)
        .where(GitObject.repo_id == repo_id, GitObject.large.is_(True))
        .distinct()
    )
    return {sha256 for sha256 in found if sha256 is not None}


def names_of(session: Session, caller: Caller, repo_ids: Collection[int]) -> dict[int, str]:
    """Return the full names of those of the repositories that the caller may see."""
    if not repo_ids:
        return {}
    seen = visible_repos(caller)
    found = session.scalars(select(Repository).where(Repository.id.in_(repo_ids), seen))
    return {repo.id: repo.full_name for repo in found}


def _copy(
    session: Session, table: Any, source_id: int, repo_id: int, oids: Collection[str] | None = None
) -> None:
    columns = [column for column in table.__table__.columns if column.key != "repo_id"]
    rows = select(literal(repo_id), *columns).where(table.repo_id == source_id)
    if oids is not None:
        rows = rows.where(among(session, table.oid, oids))
    session.execute(
        insert(table).from_select(["repo_id", *(column.key for column in columns)], rows)
    )


def _batches(oids: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(oids), _AT_ONCE):
        yield oids[at : at + _AT_ONCE]
