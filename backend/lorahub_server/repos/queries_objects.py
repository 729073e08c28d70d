"""SQL of git objects and commits. `data` is read only where it is asked for."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session, aliased

from lorahub_server.kit import upsert
from lorahub_server.kit.many import among
from lorahub_server.repos.objects import NewObject
from lorahub_server.repos.tables import CommitRow, GitObject


@dataclass(frozen=True, slots=True)
class BlobFacts:
    """What a listing tells of a file, without its bytes."""

    size: int
    sha256: str | None
    large: bool


def insert_objects(session: Session, repo_id: int, objects: Iterable[NewObject]) -> None:
    rows = [made.row(repo_id) for made in objects]
    if rows:
        session.execute(upsert.insert(session, GitObject).on_conflict_do_nothing(), rows)


def data_of(session: Session, repo_id: int, oids: Collection[str]) -> dict[str, bytes]:
    if not oids:
        return {}
    rows = session.execute(
        select(GitObject.oid, GitObject.data).where(
            GitObject.repo_id == repo_id, among(session, GitObject.oid, oids)
        )
    )
    return {row.oid: row.data for row in rows}


def small_data(session: Session, repo_id: int, oid: str, most: int) -> bytes | None:
    """Return a file's bytes, if it is none of the large ones and has `most` bytes at most."""
    size = func.coalesce(GitObject.content_size, GitObject.size)
    return session.scalar(
        select(GitObject.data).where(
            GitObject.repo_id == repo_id,
            GitObject.oid == oid,
            GitObject.large.is_not(True),
            size <= most,
        )
    )


def facts_of(session: Session, repo_id: int, oids: Collection[str]) -> dict[str, BlobFacts]:
    if not oids:
        return {}
    size = func.coalesce(GitObject.content_size, GitObject.size).label("bytes")
    rows = session.execute(
        select(GitObject.oid, size, GitObject.content_sha256, GitObject.large).where(
            GitObject.repo_id == repo_id, among(session, GitObject.oid, oids)
        )
    )
    return {row.oid: BlobFacts(row.bytes, row.content_sha256, row.large) for row in rows}


def root_of(session: Session, repo_id: int, commit_oid: str) -> tuple[str, bytes] | None:
    """Return the id and the bytes of a commit's tree; None when there is no such commit."""
    row = session.execute(
        select(GitObject.oid, GitObject.data)
        .join(
            CommitRow,
            (CommitRow.repo_id == GitObject.repo_id) & (CommitRow.tree_oid == GitObject.oid),
        )
        .where(CommitRow.repo_id == repo_id, CommitRow.oid == commit_oid)
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def commit_with_root(session: Session, repo_id: int, oid: str) -> tuple[CommitRow, bytes] | None:
    """Return a commit and the bytes of its tree."""
    row = session.execute(
        select(CommitRow, GitObject.data)
        .join(
            GitObject,
            (GitObject.repo_id == CommitRow.repo_id) & (GitObject.oid == CommitRow.tree_oid),
        )
        .where(CommitRow.repo_id == repo_id, CommitRow.oid == oid)
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def commit_row(session: Session, repo_id: int, oid: str) -> CommitRow | None:
    return session.get(CommitRow, (repo_id, oid))


def trees_of(session: Session, repo_id: int, oids: Collection[str]) -> dict[str, str]:
    """Return the trees of commits."""
    rows = session.execute(
        select(CommitRow.oid, CommitRow.tree_oid).where(
            CommitRow.repo_id == repo_id, among(session, CommitRow.oid, oids)
        )
    )
    return {row.oid: row.tree_oid for row in rows}


def insert_commit(session: Session, values: dict[str, Any]) -> None:
    """Insert the row of a commit; the same one may be there from another branch."""
    session.execute(upsert.insert(session, CommitRow).values(values).on_conflict_do_nothing())


def line_of(
    session: Session, repo_id: int, start: str, limit: int, skip: int = 0
) -> Sequence[CommitRow]:
    """Return the commit and its first parents, newest first, at most `limit` after `skip`."""
    step = (
        select(CommitRow.oid, CommitRow.parent_oid, literal(1).label("depth"))
        .where(CommitRow.repo_id == repo_id, CommitRow.oid == start)
        .cte("line", recursive=True)
    )
    before = aliased(CommitRow)
    step = step.union_all(
        select(before.oid, before.parent_oid, step.c.depth + 1).where(
            before.repo_id == repo_id, before.oid == step.c.parent_oid, step.c.depth < skip + limit
        )
    )
    return session.scalars(
        select(CommitRow)
        .join(step, step.c.oid == CommitRow.oid)
        .where(CommitRow.repo_id == repo_id, step.c.depth > skip)
        .order_by(step.c.depth)
    ).all()
