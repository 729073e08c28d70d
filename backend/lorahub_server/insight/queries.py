"""All SQL of inspections and of the hashes that tools know files by."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from lorahub_server.access import Caller
from lorahub_server.blobs.tables import Blob, BlobRef
from lorahub_server.insight.tables import FileHash, Inspection
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos

BATCH = 500


def inspections(session: Session, shas: Collection[str]) -> dict[str, Inspection]:
    found: dict[str, Inspection] = {}
    wanted = sorted(set(shas))
    for at in range(0, len(wanted), BATCH):
        rows = session.scalars(
            select(Inspection).where(Inspection.sha256.in_(wanted[at : at + BATCH]))
        )
        found.update((row.sha256, row) for row in rows)
    return found


def hashes(session: Session, shas: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the hashes of each file by their kind."""
    found: dict[str, dict[str, str]] = {}
    wanted = sorted(set(shas))
    for at in range(0, len(wanted), BATCH):
        rows = session.scalars(
            select(FileHash)
            .where(FileHash.sha256.in_(wanted[at : at + BATCH]))
            .order_by(FileHash.sha256, FileHash.kind)
        )
        for row in rows:
            found.setdefault(row.sha256, {})[row.kind] = row.value
    return found


def keep_blob(session: Session, sha256: str) -> bool:
    """Lock the blob against collection; False when it is gone."""
    statement = (
        select(Blob.sha256).where(Blob.sha256 == sha256).with_for_update(read=True, key_share=True)
    )
    return session.scalar(statement) is not None


def put_inspection(session: Session, sha256: str, values: Mapping[str, Any]) -> None:
    """Write the inspection, over an earlier one."""
    row = session.get(Inspection, sha256, with_for_update=True, populate_existing=True)
    if row is None:
        session.add(Inspection(sha256=sha256, **values))
    else:
        for name, value in values.items():
            setattr(row, name, value)
    session.flush()


def delete_failure(session: Session, sha256: str) -> bool:
    """Delete an inspection that failed; False when there is none."""
    row = session.get(Inspection, sha256, with_for_update=True, populate_existing=True)
    if row is None or row.state != "failed":
        return False
    session.delete(row)
    session.flush()
    return True


def replace_hashes(session: Session, sha256: str, values: Mapping[str, str]) -> None:
    session.execute(
        delete(FileHash).where(FileHash.sha256 == sha256),
        execution_options={"synchronize_session": False},
    )
    session.expire_all()
    session.add_all(
        [FileHash(value=value, kind=kind, sha256=sha256) for kind, value in values.items()]
    )
    session.flush()


def visible_shas(session: Session, caller: Caller, shas: Collection[str]) -> set[str]:
    """Return those of the blobs that some repository has which the caller may read."""
    found: set[str] = set()
    wanted = sorted(set(shas))
    for at in range(0, len(wanted), BATCH):
        found.update(
            session.scalars(
                select(BlobRef.sha256)
                .join(Repository, Repository.id == BlobRef.repo_id)
                .where(BlobRef.sha256.in_(wanted[at : at + BATCH]), visible_repos(caller))
                .distinct()
            )
        )
    return found


def shas_by_hash(session: Session, caller: Caller, value: str, limit: int) -> Sequence[str]:
    """Return the files that a hash of any kind names, as far as the caller may read them."""
    named = select(FileHash.sha256).where(FileHash.value == value)
    same_data = select(Inspection.sha256).where(Inspection.data_sha256 == value)
    return session.scalars(
        select(BlobRef.sha256)
        .join(Repository, Repository.id == BlobRef.repo_id)
        .where(
            or_(
                BlobRef.sha256 == value,
                BlobRef.sha256.in_(named),
                BlobRef.sha256.in_(same_data),
            ),
            visible_repos(caller),
        )
        .distinct()
        .order_by(BlobRef.sha256)
        .limit(limit)
    ).all()
