"""Bytes on their way in: into the store first, then into the upload's row.

No transaction is open while bytes flow. Each piece has a key of its own, so that of two writers at
one offset one is recorded and the other's bytes are dropped, never mixed.
"""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lorahub_server.access import Caller, require_scope
from lorahub_server.blobs import queries
from lorahub_server.blobs.errors import (
    BadFile,
    FileTooLarge,
    InvalidUpload,
    OffsetMismatch,
    StoreFull,
    UploadClosed,
    UploadNotFound,
    UploadOverrun,
)
from lorahub_server.blobs.limits import PART_BYTES, PARTS_MAX
from lorahub_server.blobs.tables import Upload, UploadPart
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Database
from lorahub_server.kit.errors import HubError
from lorahub_server.storage import ObjectStore, StorageFull
from lorahub_server.storage.keys import staging_key


def append(
    db: Database,
    store: ObjectStore,
    caller: Caller,
    upload_id: str,
    offset: int,
    chunks: Iterable[bytes],
) -> int:
    """Add bytes at `offset`, which is where the upload ends; return where it ends now.

    When `chunks` raises, what came before is kept and the error goes on to the caller.
    """
    account = require_scope(caller, "write")
    with db.read() as session:
        upload = _open_at(queries.upload_of(session, account.id, upload_id), offset)
        if queries.count_parts(session, upload_id) >= PARTS_MAX:
            message = f"An upload has at most {PARTS_MAX} pieces. Send larger ones."
            raise InvalidUpload(message)
        source = _Source(chunks, upload.most - offset, _overrun(upload))
    while source.has_more():
        key = f"{staging_key(upload_id, offset)}-{secrets.token_hex(8)}"
        try:
            size = store.put(key, source.piece())
        except StorageFull as error:
            raise StoreFull from error
        try:
            _record(db, account.id, upload_id, _Piece(offset, size, key))
        except HubError:
            store.delete([key])
            raise
        offset += size
    if source.error is not None:
        raise source.error
    return offset


@dataclass(frozen=True, slots=True)
class _Piece:
    offset: int
    size: int
    key: str


def _open_at(upload: Upload | None, offset: int) -> Upload:
    """Return the upload if it goes on at `offset`."""
    if upload is None:
        raise UploadNotFound
    if upload.error is not None:
        raise BadFile(**upload.error)
    if upload.state != "open" or upload.blob_sha256 is not None:
        raise UploadClosed
    if upload.received != offset:
        raise OffsetMismatch(upload.received)
    return upload


def _record(db: Database, account_id: int, upload_id: str, piece: _Piece) -> None:
    with db.write() as session:
        upload = queries.lock_upload(session, upload_id)
        if upload is not None and upload.account_id != account_id:
            raise UploadNotFound
        upload = _open_at(upload, piece.offset)
        session.add(
            UploadPart(upload_id=upload_id, offset=piece.offset, size=piece.size, key=piece.key)
        )
        upload.received += piece.size
        upload.touched_at = now()


def _overrun(upload: Upload) -> HubError:
    if upload.size is not None:
        return UploadOverrun(upload.size)
    return FileTooLarge(
        f"More than {upload.most} bytes came, which is more than this hub takes from you now.",
        limit=upload.most,
    )


class _Source:
    """The bytes that arrive, cut into pieces; remembers what broke them off."""

    def __init__(self, chunks: Iterable[bytes], room: int, overrun: HubError) -> None:
        self.error: Exception | None = None
        self._chunks = iter(chunks)
        self._room = room
        self._overrun = overrun
        self._next = b""

    def has_more(self) -> bool:
        """Wait for the next bytes; False at the end, whatever it is."""
        while not self._next:
            try:
                chunk = next(self._chunks, None)
            except Exception as error:
                self.error = error
                return False
            if chunk is None or self.error is not None:
                return False
            self._next = chunk
        return True

    def piece(self) -> Iterator[bytes]:
        left = PART_BYTES
        while left and self.has_more():
            chunk, self._next = self._next[:left], self._next[left:]
            if len(chunk) > self._room:
                raise self._overrun
            self._room -= len(chunk)
            left -= len(chunk)
            yield chunk
