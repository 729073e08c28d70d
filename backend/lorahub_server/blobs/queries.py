"""All SQL of blobs and uploads, but for collection's."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from lorahub_server.access import Caller, files_visible
from lorahub_server.accounts.tables import Account
from lorahub_server.blobs.tables import Blob, BlobRef, Upload, UploadPart
from lorahub_server.kit import upsert
from lorahub_server.kit.many import among
from lorahub_server.repos.tables import Repository

_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


def usable(session: Session, caller: Caller, shas: Collection[str]) -> dict[str, Blob]:
    """Return those blobs that the caller uploaded, or may have from some repository."""
    rows = session.scalars(select(Blob).where(is_usable(session, caller, shas)))
    return {blob.sha256: blob for blob in rows}


def usable_and_staged(
    session: Session, caller: Caller, account_id: int, shas: Collection[str]
) -> tuple[dict[str, Blob], int]:
    """Return what `usable` and `staged_bytes` do, in one statement."""
    staged = select(_staged(account_id).label("total")).subquery()
    rows = session.execute(
        select(staged.c.total, Blob)
        .select_from(staged)
        .outerjoin(Blob, is_usable(session, caller, shas))
    ).all()
    return {blob.sha256: blob for _, blob in rows if blob is not None}, int(rows[0][0] or 0)


def is_usable(session: Session, caller: Caller, shas: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a Blob is one of these, and that `usable` returns it."""
    readable = (
        select(BlobRef.sha256)
        .join(Repository, Repository.id == BlobRef.repo_id)
        .where(
            BlobRef.sha256 == Blob.sha256,
            files_visible(
                caller,
                repo_id=Repository.id,
                owner_id=Repository.owner_id,
                private=Repository.private,
                deleted_at=Repository.deleted_at,
                gated=Repository.gated,
            ),
        )
        .correlate(Blob)
    )
    allowed: ColumnElement[bool] = exists(readable)
    if caller.account_id is not None:
        own = (
            select(Upload.id)
            .where(
                Upload.blob_sha256 == Blob.sha256,
                Upload.account_id == caller.account_id,
                Upload.state == "done",
            )
            .correlate(Blob)
        )
        allowed = or_(exists(own), allowed)
    return and_(among(session, Blob.sha256, shas), allowed)


def keep(session: Session, shas: Collection[str]) -> set[str]:
    """Lock blobs against collection till the end of the transaction; return those still there."""
    statement = (
        select(Blob.sha256)
        .where(among(session, Blob.sha256, shas))
        .order_by(Blob.sha256)
        .with_for_update(read=True, key_share=True)
    )
    return set(session.scalars(statement))


def add_refs(session: Session, repo_id: int, shas: Collection[str], moment: datetime) -> None:
    if shas:
        rows = [
            {"repo_id": repo_id, "sha256": sha256, "created_at": moment} for sha256 in sorted(shas)
        ]
        insert = upsert.insert(session, BlobRef).on_conflict_do_nothing()
        session.execute(insert, rows)


def bytes_of_repos(session: Session, repo_ids: Collection[int]) -> dict[int, int]:
    rows = session.execute(
        select(BlobRef.repo_id, func.sum(Blob.size))
        .join(Blob, BlobRef.sha256 == Blob.sha256)
        .where(BlobRef.repo_id.in_(repo_ids))
        .group_by(BlobRef.repo_id)
    )
    return {repo_id: int(total) for repo_id, total in rows}


def touch_of_repo(session: Session, repo_id: int, moment: datetime) -> None:
    """Let the wait of collection begin now for every blob that the repository refers to."""
    held = select(BlobRef.sha256).where(BlobRef.repo_id == repo_id)
    session.execute(
        update(Blob).where(Blob.sha256.in_(held)).values(touched_at=moment),
        execution_options={"synchronize_session": False},
    )


def delete_refs(session: Session, repo_id: int) -> None:
    session.execute(
        delete(BlobRef).where(BlobRef.repo_id == repo_id),
        execution_options={"synchronize_session": False},
    )


def insert_blob(session: Session, values: dict[str, Any]) -> None:
    """Insert a blob, or say of the one that is there that it is needed."""
    insert = upsert.insert(session, Blob).values(values)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=[Blob.sha256], set_={"touched_at": values["touched_at"]}
        )
    )


def lock_account(session: Session, account_id: int) -> None:
    """Let one account's decisions about its quota wait for each other."""
    session.execute(
        select(Account.id).where(Account.id == account_id).with_for_update(key_share=True)
    )


def upload_of(session: Session, account_id: int, upload_id: str) -> Upload | None:
    if not _UPLOAD_ID.fullmatch(upload_id):
        return None
    return session.scalar(
        select(Upload).where(Upload.id == upload_id, Upload.account_id == account_id)
    )


def lock_upload(session: Session, upload_id: str) -> Upload | None:
    if not _UPLOAD_ID.fullmatch(upload_id):
        return None
    return session.get(Upload, upload_id, with_for_update=True, populate_existing=True)


def open_upload_of(session: Session, account_id: int, sha256: str, size: int) -> Upload | None:
    """Return the open upload of the same bytes that has got farthest."""
    return session.scalars(
        select(Upload)
        .where(
            Upload.account_id == account_id,
            Upload.sha256 == sha256,
            Upload.size == size,
            Upload.state == "open",
        )
        .order_by(Upload.received.desc(), Upload.id)
        .limit(1)
    ).one_or_none()


def done_upload_of(session: Session, account_id: int, sha256: str) -> Upload | None:
    return session.scalars(
        select(Upload)
        .where(
            Upload.account_id == account_id,
            Upload.blob_sha256 == sha256,
            Upload.state == "done",
        )
        .limit(1)
    ).one_or_none()


def refused_upload_of(session: Session, account_id: int, sha256: str) -> Upload | None:
    """Return the last upload of these bytes that was refused."""
    return session.scalars(
        select(Upload)
        .where(
            Upload.account_id == account_id,
            Upload.sha256 == sha256,
            Upload.state == "refused",
        )
        .order_by(Upload.touched_at.desc(), Upload.id)
        .limit(1)
    ).one_or_none()


def staged_bytes(session: Session, account_id: int, *, but: str = "") -> int:
    """Return the bytes that the account's open uploads have or were promised."""
    return int(session.scalar(select(_staged(account_id, but=but))) or 0)


def _staged(account_id: int, *, but: str = "") -> ScalarSelect[Any]:
    promised = func.sum(func.coalesce(Upload.size, Upload.received))
    open_ones = (Upload.account_id == account_id) & (Upload.state == "open") & (Upload.id != but)
    return select(promised).where(open_ones).scalar_subquery()


def delete_parts(session: Session, upload_id: str) -> None:
    session.execute(
        delete(UploadPart).where(UploadPart.upload_id == upload_id),
        execution_options={"synchronize_session": False},
    )


def parts_of(session: Session, upload_id: str) -> Sequence[UploadPart]:
    return session.scalars(
        select(UploadPart).where(UploadPart.upload_id == upload_id).order_by(UploadPart.offset)
    ).all()


def part_at(session: Session, upload_id: str, offset: int) -> UploadPart | None:
    return session.get(UploadPart, (upload_id, offset))


def count_parts(session: Session, upload_id: str) -> int:
    count = select(func.count()).select_from(UploadPart).where(UploadPart.upload_id == upload_id)
    return session.scalar(count) or 0
