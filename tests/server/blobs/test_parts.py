"""Parts in any order, by several at once, and again."""

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from lorahub_server.blobs import parts, uploads
from lorahub_server.blobs.errors import (
    BadFile,
    HashMismatch,
    UploadClosed,
    UploadIncomplete,
    UploadNotFound,
    UploadOverrun,
)
from support.inside import adapter, sha256

DATA = adapter()
SIZE = 64
PARTS = [parts.Part(at, min(SIZE, len(DATA) - at)) for at in range(0, len(DATA), SIZE)]


def begin(hub, data: bytes = DATA, who: str = "alice") -> str:
    upload_id = secrets.token_hex(16)
    for _ in range(2):
        with hub.tx(who) as tx:
            made = uploads.open_upload(
                tx, size=len(data), name="x", sha256=sha256(data), upload_id=upload_id
            )
            assert made.id == upload_id
    return upload_id


def put(
    hub, upload_id: str, part: parts.Part, data: bytes | None = None, who: str = "alice"
) -> str:
    body = DATA[part.offset : part.offset + part.size] if data is None else data
    return parts.put_part(hub.db, hub.store, hub.caller(who), upload_id, part, [body])


def complete(hub, upload_id: str):
    return uploads.complete(hub.db, hub.store, hub.caller("alice"), upload_id)


def staged(hub) -> list[str]:
    return [found.key for found in hub.store.list("staging/")]


def test_several_at_once(stored):
    upload_id = begin(stored)
    with ThreadPoolExecutor(4) as pool:
        tags = list(pool.map(lambda part: put(stored, upload_id, part), reversed(PARTS)))
    assert len(set(tags)) == len(PARTS)
    assert complete(stored, upload_id).sha256 == sha256(DATA)
    assert staged(stored) == []


def test_a_part_replaces_the_one_that_was_there(inside):
    upload_id = begin(inside)
    for part in PARTS:
        put(inside, upload_id, part, bytes(part.size))
    for part in PARTS:
        put(inside, upload_id, part)
    assert len(staged(inside)) == len(PARTS)
    assert complete(inside, upload_id).size == len(DATA)


def test_not_all_of_it(small):
    upload_id = begin(small)
    put(small, upload_id, PARTS[-1])
    with pytest.raises(UploadIncomplete):
        complete(small, upload_id)


@pytest.mark.parametrize(("body", "error"), [(b"x", UploadIncomplete), (b"x" * 65, UploadOverrun)])
def test_another_length(small, body, error):
    upload_id = begin(small)
    with pytest.raises(error):
        put(small, upload_id, PARTS[0], body)
    assert staged(small) == []


def test_beyond_the_end(small):
    upload_id = begin(small)
    with pytest.raises(UploadOverrun):
        put(small, upload_id, parts.Part(len(DATA) - 1, 2), b"xx")


def test_wrong_bytes(small):
    upload_id = begin(small)
    for part in PARTS:
        put(small, upload_id, part, bytes(part.size))
    with pytest.raises((HashMismatch, BadFile)):
        complete(small, upload_id)
    assert staged(small) == []
    with pytest.raises(BadFile):
        put(small, upload_id, PARTS[0])


def test_a_finished_one_takes_no_more(small):
    upload_id = begin(small)
    for part in PARTS:
        put(small, upload_id, part)
    complete(small, upload_id)
    with pytest.raises(UploadClosed):
        put(small, upload_id, PARTS[0])
    assert complete(small, upload_id).sha256 == sha256(DATA)


def test_somebody_elses(small):
    upload_id = begin(small)
    with pytest.raises(UploadNotFound):
        put(small, upload_id, PARTS[0], who="bob")
    with pytest.raises(UploadNotFound):
        put(small, secrets.token_hex(16), PARTS[0])


def test_a_source_that_breaks(small):
    upload_id = begin(small)

    def broken():
        yield b"x"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        parts.put_part(small.db, small.store, small.caller("alice"), upload_id, PARTS[0], broken())
    assert staged(small) == []
    put(small, upload_id, PARTS[0])
