"""The end of an upload: what arrived is verified and becomes a blob, or is refused and dropped.

Verified bytes get their blob's row first and are moved then, so that a crash in between leaves
nothing that a second call could not finish. Until the upload is done nobody may use the blob.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lorahub_server.access import Caller, require_scope
from lorahub_server.blobs import queries
from lorahub_server.blobs.errors import (
    BadFile,
    HashMismatch,
    StoreFull,
    UploadIncomplete,
    UploadNotFound,
)
from lorahub_server.blobs.tables import Blob, Upload
from lorahub_server.blobs.verify import VerifiedBlob, verify
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Database
from lorahub_server.kit.errors import HubError
from lorahub_server.storage import ObjectMissing, ObjectStore, StorageFull
from lorahub_server.storage.keys import blob_key, staging_prefix

# How often another call may overtake this one before it gives up.
_TRIES = 3


def complete(db: Database, store: ObjectStore, caller: Caller, upload_id: str) -> VerifiedBlob:
    """Verify what arrived and make it a blob; raise BadFile or HashMismatch when it is refused.

    May be called again, and by several at once: all get the same answer.
    """
    account = require_scope(caller, "write")
    for _ in range(_TRIES - 1):
        try:
            return _complete(db, store, account.id, upload_id)
        except ObjectMissing:
            continue  # another call has moved or dropped the bytes; its row says which
    return _complete(db, store, account.id, upload_id)


@dataclass(frozen=True, slots=True)
class _Work:
    """An upload as it stands: `verified` with `is_done` False still has bytes to move."""

    name: str
    size: int
    announced: str | None
    keys: Sequence[str]
    verified: VerifiedBlob | None
    is_done: bool


def _complete(db: Database, store: ObjectStore, account_id: int, upload_id: str) -> VerifiedBlob:
    with db.read() as session:
        work = _load(session, account_id, upload_id)
    if work.verified is not None and work.is_done:
        return work.verified
    verified = work.verified
    if verified is None:
        try:
            verified = verify(
                _bytes(store, work.keys), name=work.name, size=work.size, announced=work.announced
            )
        except (BadFile, HashMismatch) as error:
            _refuse(db, store, upload_id, error)
            raise
        _mark_verified(db, upload_id, verified)
    _move(store, verified, work.keys)
    _mark_done(db, upload_id)
    return verified


def _load(session: Session, account_id: int, upload_id: str) -> _Work:
    upload = queries.upload_of(session, account_id, upload_id)
    if upload is None:
        raise UploadNotFound
    if upload.error is not None:
        raise BadFile(**upload.error)
    size = upload.received if upload.size is None else upload.size
    if upload.received != size:
        raise UploadIncomplete(upload.received, size)
    keys = [part.key for part in queries.parts_of(session, upload_id)]
    return _Work(
        name=upload.name,
        size=size,
        announced=upload.sha256,
        keys=keys,
        verified=_verified(session, upload),
        is_done=upload.state == "done",
    )


def _verified(session: Session, upload: Upload) -> VerifiedBlob | None:
    if upload.blob_sha256 is None:
        return None
    blob = session.get_one(Blob, upload.blob_sha256)
    return VerifiedBlob(blob.sha256, blob.size, blob.summary, upload.name)


def _bytes(store: ObjectStore, keys: Sequence[str]) -> Iterator[bytes]:
    for key in keys:
        yield from store.get(key)


def _mark_verified(db: Database, upload_id: str, verified: VerifiedBlob) -> None:
    with db.write() as session:
        upload = _locked(session, upload_id)
        moment = now()
        queries.insert_blob(
            session,
            {
                "sha256": verified.sha256,
                "size": verified.size,
                "summary": verified.summary,
                "created_at": moment,
                "touched_at": moment,
            },
        )
        upload.blob_sha256 = upload.sha256 = verified.sha256
        upload.touched_at = moment


def _mark_done(db: Database, upload_id: str) -> None:
    with db.write() as session:
        upload = _locked(session, upload_id)
        upload.state = "done"
        upload.touched_at = now()
        queries.delete_parts(session, upload_id)


def _locked(session: Session, upload_id: str) -> Upload:
    """Return the upload, unless somebody cancelled or refused it meanwhile."""
    upload = queries.lock_upload(session, upload_id)
    if upload is None:
        raise UploadNotFound
    if upload.error is not None:
        raise BadFile(**upload.error)
    return upload


def _move(store: ObjectStore, verified: VerifiedBlob, keys: Sequence[str]) -> None:
    target = blob_key(verified.sha256)
    try:
        if store.size(target) == verified.size:
            store.delete(keys)
        elif keys:
            store.compose(target, keys)
        else:
            store.put(target, [])
    except StorageFull as error:
        raise StoreFull from error


def _refuse(db: Database, store: ObjectStore, upload_id: str, error: HubError) -> None:
    """Remember why, and drop what arrived."""
    with db.write() as session:
        upload = queries.lock_upload(session, upload_id)
        if upload is not None and upload.error is None:
            upload.state = "refused"
            upload.error = {"code": error.code, "message": error.message, "place": error.place}
            upload.touched_at = now()
            queries.delete_parts(session, upload_id)
    store.delete([found.key for found in store.list(staging_prefix(upload_id))])
