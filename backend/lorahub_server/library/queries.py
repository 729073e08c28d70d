"""SQL of the library's rows. Lists and searches have `queries_search`."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    delete,
    exists,
    func,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session

from lorahub_server.blobs.tables import Blob
from lorahub_server.community.tables import Star
from lorahub_server.insight.likeness.tables import Likeness
from lorahub_server.insight.previews.tables import Preview
from lorahub_server.insight.queries_sides import is_inspecting
from lorahub_server.insight.tables import FileHash, Inspection
from lorahub_server.jobs.tables import Job
from lorahub_server.kit import gather, upsert
from lorahub_server.library import maturity
from lorahub_server.library.tables import (
    AdapterFile,
    EvaluationResult,
    LibraryEntry,
    Listing,
    PublishedFile,
    RepoHead,
    RepoTag,
    RepoTerm,
)
from lorahub_server.repos.tables import CommitRow, Repository

BATCH = 500
# Kinds of insight.likeness between files that people would call copies of each other.
_NEARLY_SAME = ("tensors", "same", "near")


def lock_entry(session: Session, repo_id: int) -> LibraryEntry | None:
    """Return the entry, locked till the end of the transaction."""
    return session.get(LibraryEntry, repo_id, with_for_update=True, populate_existing=True)


def lock_entries(session: Session, repo_ids: Collection[int]) -> Sequence[LibraryEntry]:
    """Return those entries that are there, locked in the order of their ids."""
    return session.scalars(
        select(LibraryEntry)
        .where(LibraryEntry.repo_id.in_(repo_ids))
        .order_by(LibraryEntry.repo_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def insert_entry(session: Session, repo_id: int, moment: datetime) -> LibraryEntry:
    """Return the entry, locked; make it when it is not there. Its star count is right."""
    entry = lock_entry(session, repo_id)
    if entry is not None:
        return entry
    values = {"repo_id": repo_id, "updated_at": moment, "stars": count_stars(session, repo_id)}
    session.execute(
        upsert.insert(session, LibraryEntry).values(**_DEFAULTS, **values).on_conflict_do_nothing()
    )
    entry = lock_entry(session, repo_id)
    assert entry is not None
    return entry


_DEFAULTS: dict[str, Any] = {
    "title": "",
    "summary": "",
    "permits": 0,
    "maturity": 0,
    "size": 0,
    "adapters": 0,
    "trigger_words": [],
    "health": "none",
    "tags": [],
    "downloads": 0,
    "trending": 0.0,
}


def count_stars(session: Session, repo_id: int) -> int:
    count = select(func.count()).select_from(Star).where(Star.repo_id == repo_id)
    return session.scalar(count) or 0


def entry_of(session: Session, repo_id: int) -> LibraryEntry | None:
    return session.get(LibraryEntry, repo_id)


def replace_tags(session: Session, repo_id: int, tags: Collection[str]) -> None:
    there = set(session.scalars(select(RepoTag.tag).where(RepoTag.repo_id == repo_id)))
    gone, new = there - set(tags), set(tags) - there
    if gone:
        session.execute(
            delete(RepoTag).where(RepoTag.repo_id == repo_id, RepoTag.tag.in_(gone)),
            execution_options={"synchronize_session": False},
        )
    session.add_all([RepoTag(repo_id=repo_id, tag=tag) for tag in sorted(new)])
    session.flush()


def files_of(session: Session, repo_id: int) -> Sequence[AdapterFile]:
    return session.scalars(
        select(AdapterFile).where(AdapterFile.repo_id == repo_id).order_by(AdapterFile.path)
    ).all()


@dataclass(frozen=True, slots=True)
class KnownFile:
    """An adapter file with what its header told, what its inspection found, and its hashes.

    `job`: the unfinished one that inspects it, of one that is not done.
    """

    file: AdapterFile
    header: dict[str, Any] | None
    inspection: Inspection | None
    hashes: dict[str, str] | None
    job: Job | None


def known_files(session: Session, repo_id: int) -> list[KnownFile]:
    """Return the adapter files of a repository with all that is recorded, in one statement."""
    rows = session.execute(
        select(AdapterFile, Blob.summary, Inspection, _hashes(session), Job)
        .join(Blob, Blob.sha256 == AdapterFile.sha256)
        .outerjoin(Inspection, Inspection.sha256 == AdapterFile.sha256)
        .outerjoin(Job, is_inspecting(AdapterFile.sha256))
        .where(AdapterFile.repo_id == repo_id)
        .order_by(AdapterFile.path)
    )
    return [KnownFile(*row) for row in rows]


def _hashes(session: Session) -> ColumnElement[Any]:
    """Return the hashes of an adapter file by their kind, as one value; None: there are none."""
    found = select(type_coerce(gather.mapping(session, FileHash.kind, FileHash.value), JSON))
    known = found.where(FileHash.sha256 == AdapterFile.sha256).group_by(FileHash.sha256)
    return known.correlate(AdapterFile).scalar_subquery()


def replace_files(session: Session, repo_id: int, files: Sequence[AdapterFile]) -> None:
    """Make these the repository's adapter files; rows that stay the same are not written."""
    there = {file.path: file for file in files_of(session, repo_id)}
    for file in files:
        old = there.pop(file.path, None)
        if old is None:
            session.add(file)
        elif (old.sha256, old.size, old.config) != (file.sha256, file.size, file.config):
            old.sha256, old.size, old.config = file.sha256, file.size, file.config
    for gone in there.values():
        session.delete(gone)
    session.flush()


def summaries(session: Session, shas: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return what the headers told, of those blobs that are adapter files."""
    found: dict[str, dict[str, Any]] = {}
    wanted = sorted(set(shas))
    for at in range(0, len(wanted), BATCH):
        rows = session.execute(
            select(Blob.sha256, Blob.summary).where(
                Blob.sha256.in_(wanted[at : at + BATCH]), Blob.summary.is_not(None)
            )
        )
        found.update((sha256, summary) for sha256, summary in rows if summary is not None)
    return found


def repos_with_blob(session: Session, sha256: str) -> Sequence[int]:
    """Return the repositories the head of which has the adapter file, in a fixed order."""
    return session.scalars(
        select(AdapterFile.repo_id)
        .where(AdapterFile.sha256 == sha256)
        .distinct()
        .order_by(AdapterFile.repo_id)
    ).all()


def fold_key(session: Session, sha256: str) -> str:
    """Return a name for all files that are nearly the same as this one, itself included."""
    alike = session.scalar(
        select(func.min(Likeness.other)).where(
            Likeness.sha256 == sha256, Likeness.kind.in_(_NEARLY_SAME)
        )
    )
    return min(sha256, alike or sha256)


def maturity_of(session: Session, repo_id: int) -> int:
    """Return for whom a repository is, by its previews and its tags."""
    ratings = session.scalars(
        select(Preview.maturity).where(Preview.repo_id == repo_id).distinct()
    ).all()
    marks = session.scalars(
        select(RepoTag.tag).where(RepoTag.repo_id == repo_id, RepoTag.tag.in_(maturity.ADULT_TAGS))
    ).all()
    return maturity.of(list(ratings), list(marks))


def is_unlisted(session: Session) -> bool:
    """Tell whether there are entries and none of them is in a list, as an older hub leaves them."""
    has_entry, has_listing = session.execute(
        select(exists().select_from(LibraryEntry), exists().select_from(Listing))
    ).one()
    return bool(has_entry) and not has_listing


def entries_of_deleted(session: Session) -> Sequence[int]:
    """Return the repositories that are deleted and still stand in lists."""
    return session.scalars(
        select(LibraryEntry.repo_id)
        .join(Repository, Repository.id == LibraryEntry.repo_id)
        .where(Repository.deleted_at.is_not(None))
        .order_by(LibraryEntry.repo_id)
    ).all()


def first_commit_at(session: Session, repo_id: int) -> datetime | None:
    return session.scalar(
        select(CommitRow.created_at)
        .where(CommitRow.repo_id == repo_id)
        .order_by(CommitRow.created_at)
        .limit(1)
    )


def living_repos(session: Session) -> Iterator[Repository]:
    """Yield every repository that is not deleted, some at a time; earlier ones are forgotten."""
    after = 0
    while True:
        batch = session.scalars(
            select(Repository)
            .where(Repository.id > after, Repository.deleted_at.is_(None))
            .order_by(Repository.id)
            .limit(BATCH)
        ).all()
        yield from batch
        if len(batch) < BATCH:
            return
        after = batch[-1].id
        session.flush()
        session.expunge_all()


_DERIVED = (RepoTag, RepoTerm, RepoHead, AdapterFile, PublishedFile, EvaluationResult)


def delete_rows_of_deleted(session: Session) -> None:
    gone = select(Repository.id).where(Repository.deleted_at.is_not(None))
    for table in (*_DERIVED, LibraryEntry):
        session.execute(
            delete(table).where(table.repo_id.in_(gone)),
            execution_options={"synchronize_session": False},
        )


def delete_all(session: Session, repo_id: int) -> None:
    for table in (*_DERIVED, Star, LibraryEntry):
        session.execute(
            delete(table).where(table.repo_id == repo_id),
            execution_options={"synchronize_session": False},
        )
    session.expire_all()
