"""Uploads: opened, looked at, cancelled. `receive` and `complete` have what moves bytes."""

import secrets
from collections.abc import Collection

from lorahub_server.access import Tx, require_login, require_scope
from lorahub_server.blobs import queries, service
from lorahub_server.blobs.complete import complete
from lorahub_server.blobs.errors import (
    BadFile,
    FileTooLarge,
    InvalidUpload,
    StagingFull,
    UploadNotFound,
)
from lorahub_server.blobs.jobs import schedule_collect
from lorahub_server.blobs.receive import append
from lorahub_server.blobs.tables import Blob, Upload
from lorahub_server.blobs.verify import VerifiedBlob
from lorahub_server.kit import names
from lorahub_server.kit.db import on_commit
from lorahub_server.storage.keys import staging_prefix

__all__ = ["VerifiedBlob", "append", "cancel_upload", "complete", "get_upload", "open_upload"]


def open_upload(
    tx: Tx,
    *,
    size: int | None,
    name: str,
    sha256: str | None = None,
    upload_id: str | None = None,
) -> Upload:
    """Make room for a file; bytes follow with `append`, then `complete` verifies them.

    The account's open upload of the same bytes is returned instead of a new one. For bytes that
    the caller may use already the upload is `done` at once. `name` is the file's path or name.
    `size` None: the length of the stream is not known beforehand. With an `upload_id`, 32 random
    hexadecimal digits, it is the upload of that id and no other.
    """
    account = require_scope(tx.caller, "write")
    name = names.check_path(name).rpartition("/")[2]
    wanted = None if sha256 is None else _checked_sha256(sha256)
    _check_size(tx, size)
    if upload_id is not None:
        named = queries.upload_of(tx.session, account.id, upload_id)
        if named is not None:
            return named
    elif wanted is not None and size is not None:
        there = _there_already(tx, account.id, wanted, size)
        if there is not None:
            there.name, there.touched_at = name, tx.now
            tx.session.flush()
            return there
    queries.lock_account(tx.session, account.id)
    left = _check_quota(tx, account.id, size or 0)
    upload = _new(tx, account.id, name, size, wanted, upload_id)
    if size is None:
        upload.most = min(tx.settings.max_file_bytes, left)
    schedule_collect(tx.session, tx.now)
    return upload


def get_upload(tx: Tx, upload_id: str) -> Upload:
    """Return the caller's upload; raise UploadNotFound, or BadFile again if it was refused."""
    account = require_login(tx.caller)
    upload = queries.upload_of(tx.session, account.id, upload_id)
    if upload is None:
        raise UploadNotFound
    if upload.error is not None:
        raise BadFile(**upload.error)
    return upload


def refusal(tx: Tx, sha256: str) -> BadFile | None:
    """Return why the caller's own upload of this file was refused, if it was."""
    account = require_login(tx.caller)
    upload = queries.refused_upload_of(tx.session, account.id, sha256)
    return None if upload is None or upload.error is None else BadFile(**upload.error)


def known_and_room(tx: Tx, shas: Collection[str]) -> tuple[dict[str, Blob], int]:
    """Return the blobs that the caller may use, and the bytes that they may send now next to the
    uploads that are not finished: in one statement.
    """
    account = require_login(tx.caller)
    known, staged = queries.usable_and_staged(
        tx.session, tx.caller, account.id, service.hashes(shas)
    )
    return known, max(0, tx.settings.max_staged_bytes - staged)


def cancel_upload(tx: Tx, upload_id: str) -> None:
    """Forget the upload and, after the commit, its bytes. A blob that it became stays."""
    account = require_scope(tx.caller, "write")
    upload = queries.lock_upload(tx.session, upload_id)
    if upload is None or upload.account_id != account.id:
        raise UploadNotFound
    tx.session.delete(upload)
    tx.session.flush()
    store, prefix = tx.store, staging_prefix(upload_id)
    on_commit(tx.session, lambda: store.delete([found.key for found in store.list(prefix)]))


def _there_already(tx: Tx, account_id: int, sha256: str, size: int) -> Upload | None:
    blob = service.may_use(tx, sha256)
    if blob is None:
        return queries.open_upload_of(tx.session, account_id, sha256, size)
    if blob.size != size:
        message = f"The file with this SHA-256 has {blob.size} bytes; announce its true size."
        raise InvalidUpload(message, place="size")
    if not service.keep_all(tx, [sha256]):
        return None  # collected a moment ago
    done = queries.done_upload_of(tx.session, account_id, sha256)
    if done is not None:
        return done
    upload = _new(tx, account_id, "", size, sha256)
    upload.state, upload.received, upload.blob_sha256 = "done", size, sha256
    return upload


def _new(
    tx: Tx,
    account_id: int,
    name: str,
    size: int | None,
    sha256: str | None,
    upload_id: str | None = None,
) -> Upload:
    upload = Upload(
        id=upload_id or secrets.token_hex(16),
        account_id=account_id,
        name=name,
        size=size,
        most=size or 0,
        sha256=sha256,
        received=0,
        state="open",
        created_at=tx.now,
        touched_at=tx.now,
    )
    tx.session.add(upload)
    tx.session.flush()
    return upload


def _checked_sha256(text: str) -> str:
    value = text.lower()
    if not service.is_sha256(value):
        raise InvalidUpload("A SHA-256 has 64 hexadecimal digits; correct it.", place="sha256")
    return value


def _check_size(tx: Tx, size: int | None) -> None:
    if size is None:
        return
    if size < 0:
        raise InvalidUpload("A file's size is 0 or more bytes; correct it.", place="size")
    if size > tx.settings.max_file_bytes:
        raise FileTooLarge(
            f"The file has {size} bytes; this hub takes at most {tx.settings.max_file_bytes}.",
            place="size",
            limit=tx.settings.max_file_bytes,
        )


def _check_quota(tx: Tx, account_id: int, size: int) -> int:
    """Return the bytes that the account may still send, or raise StagingFull."""
    staged = queries.staged_bytes(tx.session, account_id)
    if staged + size > tx.settings.max_staged_bytes:
        raise StagingFull(
            f"Your unfinished uploads hold {staged} of {tx.settings.max_staged_bytes} bytes. "
            "Finish or cancel one, then try again.",
            limit=tx.settings.max_staged_bytes,
            used=staged,
        )
    return tx.settings.max_staged_bytes - staged
