"""Parts of an upload in any order, and each again if need be: what git-lfs calls multipart.

As with `receive`, no transaction is open while bytes flow, and each piece has a key of its own.
"""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lorahub_server.access import Caller, require_scope
from lorahub_server.blobs import queries
from lorahub_server.blobs.errors import (
    BadFile,
    StoreFull,
    UploadClosed,
    UploadIncomplete,
    UploadNotFound,
    UploadOverrun,
)
from lorahub_server.blobs.tables import Upload, UploadPart
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Database
from lorahub_server.kit.errors import HubError
from lorahub_server.storage import ObjectStore, StorageFull
from lorahub_server.storage.keys import staging_key


@dataclass(frozen=True, slots=True)
class Part:
    offset: int
    size: int


def put_part(
    db: Database,
    store: ObjectStore,
    caller: Caller,
    upload_id: str,
    part: Part,
    chunks: Iterable[bytes],
) -> str:
    """Store a part, in place of an earlier one at its offset; return a name for these bytes.

    Parts of one upload must not overlap. `complete` goes on once all have come.
    """
    account = require_scope(caller, "write")
    with db.read() as session:
        upload = _open(queries.upload_of(session, account.id, upload_id))
        if part.offset + part.size > upload.most:
            raise UploadOverrun(upload.most)
    tag = secrets.token_hex(8)
    key = f"{staging_key(upload_id, part.offset)}-{tag}"
    try:
        came = store.put(key, _limited(chunks, part.size))
    except StorageFull as error:
        raise StoreFull from error
    try:
        if came != part.size:
            raise UploadIncomplete(came, part.size)
        former = _record(db, account.id, upload_id, part, key)
    except HubError:
        store.delete([key])
        raise
    if former is not None:
        store.delete([former])
    return tag


def _open(upload: Upload | None) -> Upload:
    if upload is None:
        raise UploadNotFound
    if upload.error is not None:
        raise BadFile(**upload.error)
    if upload.state != "open" or upload.blob_sha256 is not None:
        raise UploadClosed
    return upload


def _limited(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    left = size
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise UploadOverrun(size)
        yield chunk


def _record(db: Database, account_id: int, upload_id: str, part: Part, key: str) -> str | None:
    """Note the part; return the key of the one that it replaces."""
    with db.write() as session:
        upload = queries.lock_upload(session, upload_id)
        if upload is not None and upload.account_id != account_id:
            raise UploadNotFound
        upload = _open(upload)
        former = queries.part_at(session, upload_id, part.offset)
        if former is not None:
            old = former.key
            upload.received += part.size - former.size
            former.key, former.size = key, part.size
        else:
            old = None
            upload.received += part.size
            session.add(
                UploadPart(upload_id=upload_id, offset=part.offset, size=part.size, key=key)
            )
        upload.touched_at = now()
        return old
