"""Clearing away renders and pictures that nothing shows any more.

Each goes in a transaction of its own that looks again under the row's lock. Whoever is about to put
a picture into the store makes its row anew first, and whoever shows a render touches it.
"""

from collections.abc import Callable
from datetime import datetime

from lorahub_server.insight.previews import queries_pictures as queries
from lorahub_server.insight.previews.limits import RENDERS_KEPT, UNUSED_KEPT
from lorahub_server.kit.db import Database
from lorahub_server.storage import ObjectInfo, ObjectStore
from lorahub_server.storage.keys import PICTURES, WIDTHS, copy_key, picture_key, picture_of

_BATCH = 1000


def collect(
    db: Database, store: ObjectStore, moment: datetime, report: Callable[[int], object]
) -> int:
    """Remove what nothing showed for long enough at `moment`; return how many things went."""
    gone = _renders(db, moment - RENDERS_KEPT, report)
    gone = _pictures(db, store, moment - UNUSED_KEPT, report, gone)
    return _strays(db, store, moment - UNUSED_KEPT, report, gone)


def _renders(db: Database, before: datetime, report: Callable[[int], object]) -> int:
    gone = 0
    with db.read() as session:
        unused = queries.unused_renders(session, before, _BATCH)
    for render_id in unused:
        with db.write() as session:
            gone += queries.delete_render(session, render_id, before)
        report(gone)
    return gone


def _pictures(
    db: Database,
    store: ObjectStore,
    before: datetime,
    report: Callable[[int], object],
    gone: int,
) -> int:
    with db.read() as session:
        unused = queries.unused_pictures(session, before, _BATCH)
    for sha256 in unused:
        # The bytes go before the transaction ends: whoever puts the same picture there waits.
        with db.write() as session:
            if queries.delete_picture(session, sha256, before):
                copies = [copy_key(sha256, width) for width in WIDTHS]
                store.delete([picture_key(sha256), *copies])
                gone += 1
        report(gone)
    return gone


def _strays(
    db: Database,
    store: ObjectStore,
    before: datetime,
    report: Callable[[int], object],
    gone: int,
) -> int:
    """Remove bytes without a row: of a worker that was killed between two steps of clearing."""
    batch: list[ObjectInfo] = []
    for found in store.list(PICTURES):
        report(gone)
        if found.modified < before:
            batch.append(found)
        if len(batch) >= _BATCH:
            gone += _drop(db, store, batch)
            batch = []
    return gone + _drop(db, store, batch)


def _drop(db: Database, store: ObjectStore, found: list[ObjectInfo]) -> int:
    shas = {picture_of(one.key) for one in found}
    with db.read() as session:
        known = queries.known(session, shas) if shas else set()
    strays = [one.key for one in found if picture_of(one.key) not in known]
    if strays:
        store.delete(strays)
    return len(strays)
