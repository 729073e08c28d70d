"""SQL of files by their hashes, those of the past and of deleted repositories included."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import CTE, func, literal, select, union
from sqlalchemy.orm import Session, contains_eager

from lorahub_server.access import Caller, shown
from lorahub_server.accounts.tables import Account
from lorahub_server.insight.tables import FileHash
from lorahub_server.kit import upsert
from lorahub_server.library.tables import AdapterFile, PublishedFile, Tombstone, TombstoneHash
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos

BATCH = 500
SHA256 = "SHA256"
_SHA256_LENGTH = 64
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Held:
    """A file that a repository has or had, and the hash that named it."""

    value: str
    kind: str
    file: PublishedFile
    repo: Repository


@dataclass(frozen=True, slots=True)
class Buried:
    value: str
    kind: str
    path: str
    sha256: str
    size: int
    stone: Tombstone
    repo: Repository


def put_published(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Remember files; those that are known keep what is known of them."""
    for some in _some(rows):
        session.execute(
            upsert.insert(session, PublishedFile).values(list(some)).on_conflict_do_nothing()
        )


def published_of(session: Session, repo_id: int, limit: int) -> Sequence[PublishedFile]:
    """Return what a repository has published, the latest first."""
    return session.scalars(
        select(PublishedFile)
        .where(PublishedFile.repo_id == repo_id)
        .order_by(PublishedFile.published_at.desc(), PublishedFile.sha256)
        .limit(limit)
    ).all()


def holders(session: Session, caller: Caller, values: Collection[str], each: int) -> Sequence[Held]:
    """Return who has, or had, the files of these hashes, the first to publish one first.

    Of each file `each` repositories at most.
    """
    named = _named(values)
    place = func.row_number().over(
        partition_by=(named.c.value, named.c.sha256),
        order_by=(PublishedFile.published_at, PublishedFile.repo_id),
    )
    ranked = (
        select(
            named.c.value,
            named.c.kind,
            PublishedFile.sha256,
            PublishedFile.repo_id,
            place.label("place"),
        )
        .join(PublishedFile, PublishedFile.sha256 == named.c.sha256)
        .join(Repository, Repository.id == PublishedFile.repo_id)
        .where(visible_repos(caller))
        .subquery()
    )
    rows = session.execute(
        select(ranked.c.value, ranked.c.kind, PublishedFile, Repository)
        .join(
            PublishedFile,
            (PublishedFile.sha256 == ranked.c.sha256) & (PublishedFile.repo_id == ranked.c.repo_id),
        )
        .join(Repository, Repository.id == PublishedFile.repo_id)
        .join(Account, Account.id == Repository.owner_id)
        .options(contains_eager(Repository.owner))
        .where(ranked.c.place <= each)
        .order_by(PublishedFile.published_at, PublishedFile.repo_id)
    )
    return [Held(*row) for row in rows]


def _named(values: Collection[str]) -> CTE:
    """Return the SHA-256 that each hash stands for; one hash of a short kind has several."""
    useful = sorted(set(values))
    whole = [value for value in useful if len(value) == _SHA256_LENGTH]
    known = select(FileHash.value, FileHash.kind, FileHash.sha256).where(FileHash.value.in_(useful))
    itself = select(
        PublishedFile.sha256.label("value"),
        literal(SHA256).label("kind"),
        PublishedFile.sha256.label("sha256"),
    ).where(PublishedFile.sha256.in_(whole))
    return union(known, itself).cte("named")


def heads_of(session: Session, repo_ids: Collection[int]) -> dict[int, list[AdapterFile]]:
    """Return the adapter files that default branches have now, by repository, sorted by path."""
    found: dict[int, list[AdapterFile]] = {}
    for some in _some(sorted(set(repo_ids))):
        rows = session.scalars(
            select(AdapterFile)
            .where(AdapterFile.repo_id.in_(some))
            .order_by(AdapterFile.repo_id, AdapterFile.path)
        )
        for row in rows:
            found.setdefault(row.repo_id, []).append(row)
    return found


def buried(session: Session, caller: Caller, values: Collection[str], limit: int) -> list[Buried]:
    """Return what deleted repositories had by these names, the latest deletion first.

    Neither what was removed for cause, nor what was private to others.
    """
    useful = sorted(set(values))
    rows = session.execute(
        select(TombstoneHash, Tombstone, Repository)
        .join(Tombstone, Tombstone.repo_id == TombstoneHash.repo_id)
        .join(Repository, Repository.id == Tombstone.repo_id)
        .join(Account, Account.id == Repository.owner_id)
        .options(contains_eager(Repository.owner))
        .where(
            TombstoneHash.value.in_(useful),
            Tombstone.for_cause.is_(False),
            shown(caller, owner_id=Repository.owner_id, private=Repository.private),
        )
        .order_by(Repository.deleted_at.desc(), Repository.id)
        .limit(limit)
    )
    return [
        Buried(one.value, one.kind, one.path, one.sha256, one.size, stone, repo)
        for one, stone, repo in rows
    ]


def stone_of(session: Session, repo_id: int) -> Tombstone | None:
    return session.get(Tombstone, repo_id)


def put_stone(session: Session, stone: Tombstone, rows: Sequence[Mapping[str, Any]]) -> None:
    session.add(stone)
    session.flush()
    for some in _some(rows):
        session.execute(
            upsert.insert(session, TombstoneHash)
            .values([dict(one) for one in some])
            .on_conflict_do_nothing()
        )


def _some(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for at in range(0, len(rows), BATCH):
        yield rows[at : at + BATCH]
