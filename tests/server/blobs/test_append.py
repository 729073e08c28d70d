"""Bytes arrive in any pieces, break off, come twice: what is kept is what was sent, in order."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lorahub_server.blobs import receive, uploads
from lorahub_server.blobs.errors import (
    FileTooLarge,
    InvalidUpload,
    OffsetMismatch,
    StoreFull,
    UploadClosed,
    UploadIncomplete,
    UploadNotFound,
    UploadOverrun,
)
from lorahub_server.storage import StorageFull
from support.inside import Inside, adapter, sha256


def start(inside: Inside, size: int | None, name: str = "a.bin.txt", **more) -> str:
    with inside.tx() as tx:
        return uploads.open_upload(tx, size=size, name=name, **more).id


def send(inside: Inside, upload_id: str, offset: int, chunks, who: str = "alice") -> int:
    return uploads.append(inside.db, inside.store, inside.caller(who), upload_id, offset, chunks)


def received(inside: Inside, upload_id: str) -> int:
    with inside.look() as tx:
        return uploads.get_upload(tx, upload_id).received


def finish(inside: Inside, upload_id: str):
    return uploads.complete(inside.db, inside.store, inside.caller("alice"), upload_id)


def staged(inside: Inside) -> dict[str, int]:
    return {found.key: found.size for found in inside.store.list("staging/")}


@pytest.fixture
def pieces(monkeypatch) -> None:
    """Cut what arrives after every 10 bytes."""
    monkeypatch.setattr(receive, "PART_BYTES", 10)


def test_any_pieces_make_the_file(stored, pieces):
    data = bytes(range(100))
    upload_id = start(stored, 100)
    assert send(stored, upload_id, 0, [data[:3], b"", data[3:25]]) == 25
    assert send(stored, upload_id, 25, []) == 25
    assert send(stored, upload_id, 25, [data[25:60]]) == 60
    assert send(stored, upload_id, 60, iter([data[n : n + 1] for n in range(60, 100)])) == 100
    assert max(staged(stored).values()) == 10
    done = finish(stored, upload_id)
    assert (done.sha256, done.size) == (sha256(data), 100)
    assert staged(stored) == {}


def test_what_came_before_the_line_broke_is_kept(stored, pieces):
    upload_id = start(stored, 100)

    def broken() -> Iterator[bytes]:
        yield bytes(12)
        yield bytes(5)
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        send(stored, upload_id, 0, broken())
    assert received(stored, upload_id) == 17
    assert sum(staged(stored).values()) == 17
    assert send(stored, upload_id, 17, [bytes(83)]) == 100
    assert finish(stored, upload_id).sha256 == sha256(bytes(100))


def test_a_line_that_breaks_at_once_changes_nothing(small):
    upload_id = start(small, 10)

    def broken() -> Iterator[bytes]:
        raise ConnectionResetError
        yield b""

    with pytest.raises(ConnectionResetError):
        send(small, upload_id, 0, broken())
    assert (received(small, upload_id), staged(small)) == (0, {})


def test_another_offset_is_told_where_to_go_on(small):
    upload_id = start(small, 10)
    send(small, upload_id, 0, [b"12345"])
    for offset in (0, 4, 6, 10, -1):
        with pytest.raises(OffsetMismatch) as caught:
            send(small, upload_id, offset, [b"x"])
        assert caught.value.details == {"offset": 5}
    assert len(staged(small)) == 1


def test_of_two_writers_at_one_offset_one_is_recorded(inside):
    """The bytes of the other are dropped, and the file is never a mixture."""
    upload_id = start(inside, 8)
    both_are_sending = threading.Barrier(2)

    def body(letter: bytes) -> Iterator[bytes]:
        yield letter * 2
        both_are_sending.wait()
        yield letter * 2

    def attempt(letter: bytes) -> int | OffsetMismatch:
        try:
            return send(inside, upload_id, 0, body(letter))
        except OffsetMismatch as error:
            return error

    inside.caller("alice")
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(attempt, [b"a", b"b"]))
    (lost,) = [result for result in results if isinstance(result, OffsetMismatch)]
    assert [result for result in results if result is not lost] == [4]
    assert lost.details == {"offset": 4}
    assert len(staged(inside)) == 1
    send(inside, upload_id, 4, [b"cccc"])
    assert finish(inside, upload_id).sha256 in {sha256(b"aaaacccc"), sha256(b"bbbbcccc")}


def test_more_than_announced_is_refused(small, pieces):
    upload_id = start(small, 15)
    with pytest.raises(UploadOverrun):
        send(small, upload_id, 0, [bytes(16)])
    assert received(small, upload_id) == 10
    send(small, upload_id, 10, [bytes(5)])
    with pytest.raises(UploadOverrun):
        send(small, upload_id, 15, [b"x"])
    assert sum(staged(small).values()) == 15


def test_an_unknown_length_is_bounded(small):
    small.settings = small.settings.model_copy(update={"max_file_bytes": 50})
    upload_id = start(small, None)
    send(small, upload_id, 0, [bytes(40)])
    with pytest.raises(FileTooLarge):
        send(small, upload_id, 40, [bytes(11)])
    send(small, upload_id, 40, [bytes(10)])
    assert finish(small, upload_id).size == 50


def test_a_file_that_is_not_whole_is_not_finished(small):
    upload_id = start(small, 10)
    send(small, upload_id, 0, [bytes(9)])
    with pytest.raises(UploadIncomplete) as caught:
        finish(small, upload_id)
    assert caught.value.details == {"offset": 9}


def test_a_finished_upload_takes_no_more(small):
    data = adapter()
    upload_id = start(small, len(data), "a.safetensors")
    send(small, upload_id, 0, [data])
    finish(small, upload_id)
    with pytest.raises(UploadClosed):
        send(small, upload_id, len(data), [b"x"])


def test_strangers_send_nothing(small):
    upload_id = start(small, 10)
    with pytest.raises(UploadNotFound):
        send(small, upload_id, 0, [b"x"], who="bob")
    assert staged(small) == {}


def test_an_upload_that_is_cancelled_meanwhile_keeps_no_bytes(small):
    upload_id = start(small, 10)

    def body() -> Iterator[bytes]:
        yield b"12"
        with small.tx() as tx:
            uploads.cancel_upload(tx, upload_id)
        yield b"34"

    with pytest.raises(UploadNotFound):
        send(small, upload_id, 0, body())
    assert staged(small) == {}


def test_tiny_pieces_have_an_end(small, monkeypatch):
    monkeypatch.setattr(receive, "PARTS_MAX", 3)
    upload_id = start(small, 10)
    for offset in range(3):
        send(small, upload_id, offset, [b"x"])
    with pytest.raises(InvalidUpload):
        send(small, upload_id, 3, [b"x"])


def test_a_full_disk_is_said_and_loses_nothing(small, monkeypatch):
    upload_id = start(small, 10)
    send(small, upload_id, 0, [b"123"])
    with monkeypatch.context() as patch:
        patch.setattr(small.store, "put", _full)
        with pytest.raises(StoreFull) as caught:
            send(small, upload_id, 3, [b"4"])
    assert caught.value.status == 507
    assert send(small, upload_id, 3, [b"4567890"]) == 10


def _full(key: str, chunks) -> int:
    raise StorageFull("no space")


def test_no_transaction_is_open_while_bytes_flow(inside):
    """On SQLite a second writer would wait for ever."""
    upload_id = start(inside, 10)

    def body() -> Iterator[bytes]:
        yield b"12345"
        inside.make_repo("meanwhile")
        yield b"67890"

    assert send(inside, upload_id, 0, body()) == 10
