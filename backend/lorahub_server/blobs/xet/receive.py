"""Chunks on their way in: unpacked and verified while they arrive, kept for their sender alone."""

from collections.abc import Iterable, Iterator

from sqlalchemy.orm import Session

from lorahub_server.blobs.errors import StagingFull, StoreFull
from lorahub_server.blobs.queries import lock_account
from lorahub_server.blobs.xet import queries
from lorahub_server.blobs.xet.collect import drop_chunks
from lorahub_server.blobs.xet.errors import SpaceGone
from lorahub_server.blobs.xet.hashes import from_text, to_text
from lorahub_server.blobs.xet.index import Index
from lorahub_server.blobs.xet.limits import SPACE_IDLE, XORB_BYTES
from lorahub_server.blobs.xet.spaces import Sender
from lorahub_server.blobs.xet.tables import XetSpace, XetXorb
from lorahub_server.blobs.xet.xorb import read_xorb
from lorahub_server.config import Settings
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Database, on_commit
from lorahub_server.kit.errors import HubError
from lorahub_server.storage import ObjectStore, StorageFull
from lorahub_server.storage.keys import xorb_key


def receive_xorb(
    db: Database,
    store: ObjectStore,
    settings: Settings,
    sender: Sender,
    name: str,
    pieces: Iterable[bytes],
) -> bool:
    """Keep a bundle of chunks; False when this sender has sent it before."""
    expected = from_text(name)
    name = to_text(expected)
    with db.read() as session:
        is_there = queries.xorb_of(session, sender.space_id, name) is not None
    if is_there:
        for _ in pieces:  # not every client and proxy takes an answer while it sends
            pass
        return False
    _make_room(db, store, settings, sender)
    index, key = Index(), xorb_key(sender.space_id, name)
    try:
        store.put(key, _with_index(pieces, expected, index))
    except StorageFull as error:
        raise StoreFull from error
    try:
        return _record(db, settings, sender, name, index)
    except HubError:
        store.delete([key])
        raise


def _with_index(pieces: Iterable[bytes], expected: bytes, index: Index) -> Iterator[bytes]:
    yield from read_xorb(pieces, expected, index)
    yield index.pack()


def _make_room(db: Database, store: ObjectStore, settings: Settings, sender: Sender) -> None:
    """Drop what the account left lying, if it has no room for another bundle; raise StagingFull."""
    account_id = sender.caller.account_id
    assert account_id is not None
    with db.read() as session:
        if queries.sent_bytes(session, account_id) + XORB_BYTES <= settings.max_staged_bytes:
            return
    with db.write() as session:
        lock_account(session, account_id)
        for space in queries.idle_spaces(session, account_id, now() - SPACE_IDLE, sender.space_id):
            if queries.sent_bytes(session, account_id) + XORB_BYTES <= settings.max_staged_bytes:
                break
            _drop(session, store, space)
        _check_room(session, settings, account_id, 1)


def _drop(session: Session, store: ObjectStore, space: XetSpace) -> None:
    space_id = space.id
    queries.delete_space(session, space)
    on_commit(session, lambda: drop_chunks(store, space_id))


def _record(db: Database, settings: Settings, sender: Sender, name: str, index: Index) -> bool:
    size = sum(index.sizes)
    with db.write() as session:
        account_id = sender.caller.account_id
        assert account_id is not None
        lock_account(session, account_id)
        space = queries.lock_space(session, sender.space_id)
        if space is None:
            raise SpaceGone
        if queries.xorb_of(session, sender.space_id, name) is not None:
            return False
        _check_room(session, settings, account_id, size)
        xorb = XetXorb(space_id=space.id, name=name, size=size, chunks=len(index))
        session.add(xorb)
        space.sent += size
        space.touched_at = now()
    return True


def _check_room(session: Session, settings: Settings, account_id: int, size: int) -> None:
    used = queries.sent_bytes(session, account_id)
    if used + size > settings.max_staged_bytes:
        raise StagingFull(
            f"Your uploads of the last days hold {used} of {settings.max_staged_bytes} bytes. "
            "Wait an hour, then go on.",
            limit=settings.max_staged_bytes,
            used=used,
        )
