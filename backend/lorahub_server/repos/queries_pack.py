"""SQL of whole histories: what packs are made from, and what comes out of them."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lorahub_server.kit import upsert
from lorahub_server.kit.many import among
from lorahub_server.repos.tables import CommitRow, GitObject

_AT_ONCE = 1000


def commits(session: Session, repo_id: int) -> Iterator[tuple[str, bytes]]:
    """Yield the id and the bytes of every commit."""
    rows = session.execute(
        select(CommitRow.oid, GitObject.data)
        .join(
            GitObject,
            (GitObject.repo_id == CommitRow.repo_id) & (GitObject.oid == CommitRow.oid),
        )
        .where(CommitRow.repo_id == repo_id)
        .execution_options(yield_per=_AT_ONCE)
    )
    for row in rows:
        yield row.oid, row.data


def objects(session: Session, repo_id: int, oids: Collection[str]) -> dict[str, tuple[str, bytes]]:
    """Return kind and bytes by id; missing ones are left out."""
    if not oids:
        return {}
    rows = session.execute(
        select(GitObject.oid, GitObject.kind, GitObject.data).where(
            GitObject.repo_id == repo_id, among(session, GitObject.oid, oids)
        )
    )
    return {row.oid: (row.kind, row.data) for row in rows}


def sizes(session: Session, repo_id: int, oids: Collection[str]) -> dict[str, int]:
    rows = session.execute(
        select(GitObject.oid, GitObject.size).where(
            GitObject.repo_id == repo_id, among(session, GitObject.oid, oids)
        )
    )
    return {row.oid: row.size for row in rows}


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """Of a commit: its tree, and how many files that has."""

    tree: str
    files: int


def facts_of_commits(
    session: Session, repo_id: int, oids: Collection[str]
) -> dict[str, CommitFacts]:
    """Return what is known of those of the ids that are commits."""
    rows = session.execute(
        select(CommitRow.oid, CommitRow.tree_oid, CommitRow.files).where(
            CommitRow.repo_id == repo_id, among(session, CommitRow.oid, oids)
        )
    )
    return {row.oid: CommitFacts(row.tree_oid, row.files) for row in rows}


def insert_commits(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows of commits; some may be there already."""
    values = list(rows)
    if values:
        session.execute(upsert.insert(session, CommitRow).on_conflict_do_nothing(), values)
