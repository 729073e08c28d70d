"""SQL of collection."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from lorahub_server.blobs.tables import Blob, BlobRef, Upload


def expired_uploads(
    session: Session, open_before: datetime, other_before: datetime
) -> Sequence[str]:
    return session.scalars(
        select(Upload.id).where(_expired(open_before, other_before)).order_by(Upload.id)
    ).all()


def delete_expired_upload(
    session: Session, upload_id: str, open_before: datetime, other_before: datetime
) -> bool:
    """Delete the upload and its parts' rows if it is expired still."""
    upload = session.scalars(
        select(Upload)
        .where(Upload.id == upload_id, _expired(open_before, other_before))
        .with_for_update()
    ).one_or_none()
    if upload is None:
        return False
    session.delete(upload)
    session.flush()
    return True


def _expired(open_before: datetime, other_before: datetime) -> ColumnElement[bool]:
    return or_(
        and_(Upload.state == "open", Upload.touched_at < open_before),
        and_(Upload.state != "open", Upload.touched_at < other_before),
    )


def has_upload(session: Session, upload_id: str) -> bool:
    return session.scalar(select(Upload.id).where(Upload.id == upload_id)) is not None


def unused_blobs(session: Session, before: datetime) -> Sequence[str]:
    return session.scalars(
        select(Blob.sha256)
        .where(
            Blob.touched_at < before,
            ~exists().where(BlobRef.sha256 == Blob.sha256),
            ~exists().where(Upload.blob_sha256 == Blob.sha256),
        )
        .order_by(Blob.sha256)
    ).all()


def delete_unused_blob(session: Session, sha256: str, before: datetime) -> bool:
    """Delete the blob's row if nothing refers to it, leaving it locked for everybody else."""
    blob = session.scalars(
        select(Blob).where(Blob.sha256 == sha256, Blob.touched_at < before).with_for_update()
    ).one_or_none()
    # Only now: before the lock was held, a commit may have been about to refer to it.
    if blob is None or _is_used(session, sha256):
        return False
    session.delete(blob)
    session.flush()
    return True


def _is_used(session: Session, sha256: str) -> bool:
    used = or_(
        exists().where(BlobRef.sha256 == sha256), exists().where(Upload.blob_sha256 == sha256)
    )
    return bool(session.scalar(select(used)))
