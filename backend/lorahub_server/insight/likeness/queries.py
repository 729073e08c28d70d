"""SQL of sketches and likenesses."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account
from lorahub_server.blobs.tables import BlobRef
from lorahub_server.insight.likeness.tables import AdapterSketch, Likeness, SketchKey
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos

# Beside the kinds of Likeness: the very same file, which no row tells.
BYTES = "bytes"
_UNSEEN: dict[str, Any] = {"synchronize_session": False}


def put_sketch(session: Session, row: AdapterSketch, keys: Collection[int]) -> None:
    session.execute(
        delete(SketchKey).where(SketchKey.sha256 == row.sha256), execution_options=_UNSEEN
    )
    session.execute(
        delete(AdapterSketch).where(AdapterSketch.sha256 == row.sha256), execution_options=_UNSEEN
    )
    session.add(row)
    session.add_all([SketchKey(key=key, sha256=row.sha256) for key in sorted(set(keys))])
    session.flush()


def sketch(session: Session, sha256: str) -> AdapterSketch | None:
    return session.get(AdapterSketch, sha256)


def sketches(session: Session, shas: Collection[str]) -> Sequence[AdapterSketch]:
    return session.scalars(
        select(AdapterSketch).where(AdapterSketch.sha256.in_(shas)).order_by(AdapterSketch.sha256)
    ).all()


def with_tensors_of(session: Session, row: AdapterSketch, limit: int) -> Sequence[str]:
    """Return the other files that have the same tensors."""
    same = or_(
        AdapterSketch.tensors_sha256 == row.tensors_sha256,
        AdapterSketch.unnamed_sha256 == row.unnamed_sha256,
    )
    return session.scalars(
        select(AdapterSketch.sha256)
        .where(same, AdapterSketch.sha256 != row.sha256)
        .order_by(AdapterSketch.sha256)
        .limit(limit)
    ).all()


def keys_of(session: Session, sha256: str) -> Sequence[int]:
    return session.scalars(select(SketchKey.key).where(SketchKey.sha256 == sha256)).all()


def sharing_keys(
    session: Session, keys: Collection[int], without: str, limit: int
) -> Sequence[str]:
    """Return the files, but one, that have some of the keys, those that have most first."""
    return session.scalars(
        select(SketchKey.sha256)
        .where(SketchKey.key.in_(keys), SketchKey.sha256 != without)
        .group_by(SketchKey.sha256)
        .order_by(func.count().desc(), SketchKey.sha256)
        .limit(limit)
    ).all()


def others(session: Session, sha256: str) -> Sequence[str]:
    """Return the files that a file is known to be like."""
    return session.scalars(select(Likeness.other).where(Likeness.sha256 == sha256)).all()


def replace(session: Session, sha256: str, rows: Sequence[Likeness]) -> None:
    """Put these in the place of all that were known of a file."""
    session.execute(
        delete(Likeness).where(or_(Likeness.sha256 == sha256, Likeness.other == sha256)),
        execution_options=_UNSEEN,
    )
    session.add_all(rows)
    session.flush()


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is like one of those asked for, in another repository; see Likeness."""

    sha256: str
    kind: str
    cosine: float
    ratio: float
    repo: Repository


def alike(
    session: Session, caller: Caller, shas: Collection[str], repo_id: int, most: int
) -> list[Found]:
    """Return what other repositories that the caller may read have that is like these files.

    At most `most` that have the very same bytes come first, then five times as many others; each
    the oldest first, as it is more likely to be the origin.
    """
    same = select(
        BlobRef.sha256,
        literal(BYTES).label("kind"),
        literal(1.0).label("cosine"),
        literal(1.0).label("ratio"),
        literal(0).label("place"),
        BlobRef.sha256.label("other"),
        BlobRef.repo_id,
        BlobRef.created_at,
    ).where(BlobRef.sha256.in_(shas))
    like = (
        select(
            Likeness.sha256,
            Likeness.kind,
            Likeness.cosine,
            Likeness.ratio,
            literal(1).label("place"),
            Likeness.other,
            BlobRef.repo_id,
            BlobRef.created_at,
        )
        .join(BlobRef, BlobRef.sha256 == Likeness.other)
        .where(Likeness.sha256.in_(shas))
    )
    parts = [
        select(
            part.join(Repository, Repository.id == BlobRef.repo_id)
            .join(Account, Account.id == Repository.owner_id)
            .where(Repository.id != repo_id, visible_repos(caller))
            .order_by(BlobRef.created_at, "other", BlobRef.repo_id)
            .limit(limit)
            .subquery()
        )
        for part, limit in ((same, most), (like, 5 * most))
    ]
    found = union_all(*parts).subquery()
    statement = (
        select(found.c.sha256, found.c.kind, found.c.cosine, found.c.ratio, Repository)
        .join(Repository, Repository.id == found.c.repo_id)
        .order_by(found.c.place, found.c.created_at, found.c.other, Repository.id)
    )
    return [Found(*row) for row in session.execute(statement)]
