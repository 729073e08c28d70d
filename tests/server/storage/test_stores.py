"""One set of promises, held by every store."""

import hashlib
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest

from lorahub_server.storage import CHUNK, ObjectMissing, ObjectStore

MIB = 1024 * 1024
BLOB = random.Random(7).randbytes(21 * MIB + 5)  # several parts of a multipart upload


def pieces(data: bytes, size: int = 300_001):
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 8 * MIB, 8 * MIB + 1, len(BLOB)])
def test_bytes_come_back(store: ObjectStore, size: int) -> None:
    data = BLOB[:size]
    assert store.put("blobs/sha256/ab/cd/abcd", pieces(data)) == size
    chunks = list(store.get("blobs/sha256/ab/cd/abcd"))
    assert b"".join(chunks) == data
    assert all(0 < len(chunk) <= CHUNK for chunk in chunks)
    assert store.read("blobs/sha256/ab/cd/abcd") == data
    assert store.size("blobs/sha256/ab/cd/abcd") == size


def test_put_replaces(store: ObjectStore) -> None:
    store.put("a", [b"first, longer"])
    store.put("a", [b"second"])
    assert store.read("a") == b"second"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, None, b"0123456789"),
        (3, None, b"3456789"),
        (3, 5, b"34"),
        (3, 3, b""),
        (9, 10, b"9"),
        (8, 99, b"89"),
        (10, None, b""),
        (50, 60, b""),
    ],
)
def test_ranges(store: ObjectStore, start: int, end: int | None, expected: bytes) -> None:
    store.put("digits", [b"0123456789"])
    assert b"".join(store.get("digits", start, end)) == expected


@pytest.mark.parametrize(("start", "end"), [(-1, None), (5, 3)])
def test_a_range_that_is_none_is_refused(store: ObjectStore, start: int, end: int | None) -> None:
    store.put("digits", [b"0123456789"])
    with pytest.raises(ValueError, match="not a range"):
        store.get("digits", start, end)


def test_a_long_range_comes_in_small_chunks(store: ObjectStore) -> None:
    store.put("long", pieces(BLOB))
    chunks = list(store.get("long", 1, 3 * MIB + 7))
    assert b"".join(chunks) == BLOB[1 : 3 * MIB + 7]
    assert max(map(len, chunks)) <= CHUNK


def test_missing_objects(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing):
        store.get("not/there")
    with pytest.raises(ObjectMissing):
        store.get("not/there", 3, 5)
    with pytest.raises(ObjectMissing):
        store.read("not/there")
    assert store.size("not/there") is None
    assert store.local_path("not/there") is None
    store.delete(["not/there", "nor/there"])


class SourceBrokeError(Exception):
    pass


@pytest.mark.parametrize("after", [0, 5, 12 * MIB])
def test_a_broken_source_stores_nothing(store: ObjectStore, after: int) -> None:
    def source():
        yield from pieces(BLOB[:after])
        raise SourceBrokeError

    with pytest.raises(SourceBrokeError):
        store.put("half", source())
    assert store.size("half") is None
    assert [item.key for item in store.list("")] == []


def test_a_broken_source_leaves_the_old_object(store: ObjectStore) -> None:
    store.put("kept", [b"old"])

    def source():
        yield BLOB[: 9 * MIB]
        raise SourceBrokeError

    with pytest.raises(SourceBrokeError):
        store.put("kept", source())
    assert store.read("kept") == b"old"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "../up",
        "a/../b",
        "a/./b",
        "a//b",
        "a/",
        ".hidden",
        ".tmp/x",
        "a/.b",
        "a\\b",
        "a\0b",
        "a b",
        "ä",
        "a\n",
        "x" * 513,
        "%2e%2e/a",
    ],
)
def test_keys_cannot_leave_the_store(store: ObjectStore, key: str) -> None:
    calls = (
        lambda: store.put(key, [b"x"]),
        lambda: store.get(key),
        lambda: store.size(key),
        lambda: store.delete([key]),
        lambda: store.local_path(key),
        lambda: store.signed_url(key, filename="x"),
        lambda: store.compose(key, ["part"]),
    )
    store.put("part", [b"x"])
    for number, call in enumerate(calls):
        if number == 5 and store.signed_url("part", filename="x") is None:
            continue
        with pytest.raises(ValueError, match="storage key"):
            call()


def test_list(store: ObjectStore) -> None:
    for key in ("staging/u1/0", "staging/u1/1", "staging/u2/0", "stagingx/u1", "blobs/b"):
        store.put(key, [key.encode()])
    found = sorted(item.key for item in store.list("staging/u1/"))
    assert found == ["staging/u1/0", "staging/u1/1"]
    everything = list(store.list(""))
    assert len(everything) == 5
    for item in everything:
        assert item.size == len(item.key)
        assert abs(datetime.now(UTC) - item.modified) < timedelta(minutes=5)
    assert list(store.list("nothing/")) == []
    with pytest.raises(ValueError, match="ends with"):
        list(store.list("staging"))


def test_delete_many(store: ObjectStore) -> None:
    keys = [f"many/{number:04d}" for number in range(30)]
    for key in keys:
        store.put(key, [b"x"])
    store.delete(keys[:-1])
    assert [item.key for item in store.list("many/")] == [keys[-1]]


@pytest.mark.parametrize("sizes", [[10], [0], [3, 0, 4], [9 * MIB, 3 * MIB, 9 * MIB]])
def test_compose(store: ObjectStore, sizes: list[int]) -> None:
    parts, at = [], 0
    for size in sizes:
        store.put(f"staging/u/{at}-{len(parts)}", [BLOB[at : at + size]])
        parts.append(f"staging/u/{at}-{len(parts)}")
        at += size
    store.compose("blobs/whole", parts)
    digest = hashlib.sha256()
    for chunk in store.get("blobs/whole"):
        digest.update(chunk)
    assert digest.digest() == hashlib.sha256(BLOB[:at]).digest()
    assert list(store.list("staging/")) == []
    store.compose("blobs/whole", parts)  # a second time, as after a crash
    assert store.size("blobs/whole") == at


def test_compose_goes_on_after_a_crash_in_the_clean_up(store: ObjectStore) -> None:
    for number, text in enumerate((b"one", b"two", b"three")):
        store.put(f"staging/u/{number}", [text])
    parts = [f"staging/u/{number}" for number in range(3)]
    store.put("blobs/whole", [b"onetwothree"])
    store.delete(parts[:1])
    store.compose("blobs/whole", parts)
    assert store.read("blobs/whole") == b"onetwothree"
    assert list(store.list("staging/")) == []


def test_compose_after_a_crash_between_writing_and_clean_up(store: ObjectStore) -> None:
    for number, text in enumerate((b"one", b"two")):
        store.put(f"staging/u/{number}", [text])
    store.put("blobs/whole", [b"onetwo"])
    store.compose("blobs/whole", ["staging/u/0", "staging/u/1"])
    assert store.read("blobs/whole") == b"onetwo"
    assert list(store.list("staging/")) == []


def test_compose_without_a_part_changes_nothing(store: ObjectStore) -> None:
    store.put("staging/u/0", [b"one"])
    with pytest.raises(ObjectMissing) as caught:
        store.compose("blobs/whole", ["staging/u/0", "staging/u/1"])
    assert caught.value.key == "staging/u/1"
    assert store.size("blobs/whole") is None
    assert store.read("staging/u/0") == b"one"
    with pytest.raises(ValueError, match="at least one"):
        store.compose("blobs/whole", [])


def test_a_reader_never_sees_half_an_object(store: ObjectStore) -> None:
    versions = [bytes([number]) * (2 * MIB) for number in range(4)]
    store.put("busy", [versions[0]])
    stop, torn = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            data = store.read("busy")
            if data not in versions:
                torn.append(len(data))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(3):
        for version in versions:
            store.put("busy", pieces(version))
    stop.set()
    reader.join()
    assert torn == []
