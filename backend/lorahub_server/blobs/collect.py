"""Clearing away what nobody needs: forgotten uploads, their strays, blobs without a reference.

Each thing goes in a transaction of its own that looks again under the row's lock. A commit locks
the blobs it uses as well, so that one of the two sees what the other did.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import groupby

from lorahub_server.blobs import queries_collect as queries
from lorahub_server.blobs.limits import BLOB_KEPT, DONE_KEPT, OPEN_KEPT, STRAY_KEPT
from lorahub_server.kit.db import Database
from lorahub_server.storage import ObjectInfo, ObjectStore
from lorahub_server.storage.keys import STAGING, blob_key, staging_prefix

Report = Callable[[int], object]


def collect(db: Database, store: ObjectStore, moment: datetime, report: Report) -> int:
    """Remove what was not needed for long enough at `moment`; return how many things went.

    `report` is called often, with how many so far; what it raises ends the work.
    """
    gone = 0
    for work in (_uploads, _blobs, _strays):
        gone = work(db, store, moment, report, gone)
    return gone


def _uploads(db: Database, store: ObjectStore, moment: datetime, report: Report, gone: int) -> int:
    limits = moment - OPEN_KEPT, moment - DONE_KEPT
    with db.read() as session:
        expired = queries.expired_uploads(session, *limits)
    for upload_id in expired:
        with db.write() as session:
            is_gone = queries.delete_expired_upload(session, upload_id, *limits)
        if is_gone:
            store.delete([found.key for found in store.list(staging_prefix(upload_id))])
            gone += 1
        report(gone)
    return gone


def _blobs(db: Database, store: ObjectStore, moment: datetime, report: Report, gone: int) -> int:
    before = moment - BLOB_KEPT
    with db.read() as session:
        unused = queries.unused_blobs(session, before)
    for sha256 in unused:
        # The bytes go before the transaction ends: an upload of the same file waits for the row
        # and so can't have put them there anew.
        with db.write() as session:
            if queries.delete_unused_blob(session, sha256, before):
                store.delete([blob_key(sha256)])
                gone += 1
        report(gone)
    return gone


def _strays(db: Database, store: ObjectStore, moment: datetime, report: Report, gone: int) -> int:
    """Remove pieces whose upload is gone: of writers that were killed, or came too late."""
    for upload_id, group in groupby(store.list(STAGING), _upload_of):
        found = list(group)
        report(gone)
        if max(piece.modified for piece in found) > moment - STRAY_KEPT:
            continue
        with db.read() as session:
            is_known = queries.has_upload(session, upload_id)
        if not is_known:
            store.delete([piece.key for piece in found])
            gone += 1
    return gone


def _upload_of(found: ObjectInfo) -> str:
    return found.key.removeprefix(STAGING).partition("/")[0]
