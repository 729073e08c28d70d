"""Dropping the chunks of uploads that are long over."""

from collections.abc import Callable
from datetime import datetime
from itertools import groupby

from lorahub_server.blobs.limits import STRAY_KEPT
from lorahub_server.blobs.xet import queries
from lorahub_server.blobs.xet.limits import SPACE_KEPT
from lorahub_server.kit.db import Database
from lorahub_server.storage import ObjectInfo, ObjectStore
from lorahub_server.storage.keys import XORBS, xorb_prefix

Report = Callable[[int], object]


def collect(db: Database, store: ObjectStore, moment: datetime, report: Report) -> int:
    """Remove spaces unused for long enough at `moment`; return how many things went.

    `report` is called often, with how many so far; what it raises ends the work.
    """
    before = moment - SPACE_KEPT
    gone = 0
    with db.read() as session:
        expired = queries.expired_spaces(session, before)
    for space_id in expired:
        with db.write() as session:
            is_gone = queries.delete_expired_space(session, space_id, before)
        if is_gone:
            drop_chunks(store, space_id)
            gone += 1
        report(gone)
    return _strays(db, store, moment, report, gone)


def drop_chunks(store: ObjectStore, space_id: str) -> None:
    store.delete([found.key for found in store.list(xorb_prefix(space_id))])


def _strays(db: Database, store: ObjectStore, moment: datetime, report: Report, gone: int) -> int:
    """Remove bundles whose space is gone: of writers that were killed, or came too late."""
    for space_id, group in groupby(store.list(XORBS), _space_of):
        found = list(group)
        report(gone)
        if max(item.modified for item in found) > moment - STRAY_KEPT:
            continue
        with db.read() as session:
            is_known = queries.has_space(session, space_id)
        if not is_known:
            store.delete([item.key for item in found])
            gone += 1
    return gone


def _space_of(found: ObjectInfo) -> str:
    return found.key.removeprefix(XORBS).partition("/")[0]
