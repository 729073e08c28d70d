"""SQL of what clients of other hubs ask for of a repository's head."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, delete, func, null, select
from sqlalchemy.orm import Session, undefer

from lorahub_server.blobs.tables import Blob, BlobRef
from lorahub_server.library.tables import LibraryEntry, RepoHead, RepoTerm


def put_head(
    session: Session,
    repo_id: int,
    revision: str | None,
    facts: dict[str, Any],
    files: list[list[Any]],
) -> None:
    head = session.get(RepoHead, repo_id)
    if head is None:
        session.add(RepoHead(repo_id=repo_id, revision=revision, facts=facts, files=files))
    else:
        head.revision, head.facts, head.files = revision, facts, files
    session.flush()


def replace_terms(session: Session, repo_id: int, terms: Collection[str]) -> None:
    there = set(session.scalars(select(RepoTerm.term).where(RepoTerm.repo_id == repo_id)))
    gone, new = there - set(terms), set(terms) - there
    if gone:
        session.execute(
            delete(RepoTerm).where(RepoTerm.repo_id == repo_id, RepoTerm.term.in_(gone)),
            execution_options={"synchronize_session": False},
        )
    session.add_all([RepoTerm(repo_id=repo_id, term=term) for term in sorted(new)])
    session.flush()


def entry_and_head(
    session: Session, repo_id: int, *, with_files: bool, with_storage: bool
) -> tuple[LibraryEntry, RepoHead | None, int | None]:
    """Return also, with `with_storage`, the size of all large files that any revision has."""
    stored: ColumnElement[Any] = null()
    if with_storage:
        sizes = select(func.coalesce(func.sum(Blob.size), 0)).join(BlobRef)
        stored = sizes.where(BlobRef.repo_id == repo_id).scalar_subquery()
    options = [undefer(RepoHead.files)] if with_files else []
    row = session.execute(
        select(LibraryEntry, RepoHead, stored)
        .outerjoin(RepoHead, RepoHead.repo_id == LibraryEntry.repo_id)
        .where(LibraryEntry.repo_id == repo_id)
        .options(*options)
    ).one()
    return row[0], row[1], None if row[2] is None else int(row[2])


def heads(session: Session, repo_ids: Collection[int], *, with_files: bool) -> dict[int, RepoHead]:
    options = [undefer(RepoHead.files)] if with_files else []
    rows = session.scalars(select(RepoHead).where(RepoHead.repo_id.in_(repo_ids)).options(*options))
    return {head.repo_id: head for head in rows}
