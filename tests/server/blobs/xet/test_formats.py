"""What the real client posts is read as it was meant; what is malformed is refused."""

import hashlib
import random
import struct
import tracemalloc
from pathlib import Path

import lz4.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.blobs.xet import chunks, hashes, limits
from lorahub_server.blobs.xet.errors import BadShard, BadXorb
from lorahub_server.blobs.xet.index import Index
from lorahub_server.blobs.xet.shard import ShardFile, read_shard
from lorahub_server.blobs.xet.xorb import read_xorb
from support import xet

DATA = Path(__file__).parent / "data"
XORBS = sorted(DATA.glob("*.xorb"))
SENT = {
    "first": [
        (0, None, 0),
        (9001, "ad69512955675be5298c0853986adc0adc08b95fd60528553318d0fdb3eb1fe6", 1),
        (48003, "18af24f25209a3302ca60e1234bf1ce96ccfe1b374be2c1059b4ab498ecec5d8", 1),
        (1536000, "9da117f66b7d03b9e24d8f574a44471b931adf445a118c5c3cfb42d9bb3e9f9f", 1),
        (1, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", 1),
    ],
    "second": [
        (1541000, "5b17812a7a311624c914a423b7524b36a07d57a49a3b288d8ec4d0ffe023efad", 2),
    ],
}  # fmt: skip


def pieces(data: bytes, size: int = 1000) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def unpacked(name: str, body: bytes) -> tuple[bytes, Index]:
    index = Index()
    return b"".join(read_xorb(pieces(body), hashes.from_text(name), index)), index


def captured() -> dict[bytes, tuple[bytes, Index]]:
    return {hashes.from_text(p.stem): unpacked(p.stem, p.read_bytes()) for p in XORBS}


@pytest.mark.parametrize("upload", ["first", "second"])
def test_the_real_client_is_understood(upload):
    xorbs = captured()
    files = read_shard(pieces((DATA / f"{upload}.shard").read_bytes(), 100))
    told = [(file.size, file.sha256, len(list(file.terms()))) for file in files]
    assert told == SENT[upload]
    for file in files:
        data, tree = b"", hashes.Tree()
        for term, proof in zip(file.terms(), file.ranges(), strict=True):
            raw, index = xorbs[term.xorb]
            at = index.offsets()
            data += raw[at[term.start] : at[term.end]]
            assert at[term.end] - at[term.start] == term.size
            assert proof == hashes.range_hash(index.hashes_of(term.start, term.end))
            for number in range(term.start, term.end):
                tree.add(index.hashes_of(number, number + 1), index.sizes[number])
        assert file.hash == hashes.file_hash(tree.root())
        assert file.sha256 in {None, hashlib.sha256(data).hexdigest()}


def test_the_captures_hold_every_way_to_pack():
    schemes = set()
    for path in XORBS:
        body, at = path.read_bytes(), 0
        while at < len(body):
            header = chunks.parse_header(body[at : at + 8])
            schemes.add(header.scheme)
            at += 8 + header.packed
    assert schemes == {0, 1, 2}


@given(data=st.binary(min_size=1, max_size=300), scheme=st.integers(0, 2))
def test_chunks_survive_the_way(data, scheme):
    packed = xet.chunk(data, scheme)
    header = chunks.parse_header(packed[:8])
    assert chunks.unpack(header, packed[8:]) == data


@given(parts=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=40))
def test_bundles_survive_the_way(parts):
    sent = xet.Xorb(parts, 1)
    data, index = unpacked(sent.name, sent.body)
    assert data == b"".join(parts)
    again = Index.unpack(index.pack())
    assert (again.sizes, again.hashes) == ([len(part) for part in parts], index.hashes)


@given(data=st.data())
def test_a_damaged_bundle_is_always_refused(data):
    body = bytearray(xet.Xorb([b"one" * 20, b"two" * 30, b"three" * 9], 2).body)
    name = xet.Xorb([b"one" * 20, b"two" * 30, b"three" * 9], 2).name
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    try:
        raw, _ = unpacked(name, bytes(body))
    except BadXorb:
        return
    # A few bits of an LZ4 frame mean nothing; then the content is untouched.
    assert raw == b"one" * 20 + b"two" * 30 + b"three" * 9


@given(junk=st.binary(max_size=400))
def test_junk_is_no_bundle(junk):
    with pytest.raises(BadXorb):
        unpacked("0" * 64, junk)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        xet.chunk(b"abc", version=1),
        xet.chunk(b"abc", 3),
        xet.chunk(b""),
        xet.chunk(b"abc", size=4),
        xet.chunk(b"abc", 1, size=2),
        xet.chunk(b"abc", 1, size=4),
        xet.chunk(b"abc")[:-1],
        xet.chunk(b"abc")[:5],
        xet.chunk(bytes(limits.CHUNK_BYTES + 1)),
        xet.chunk(bytes(limits.CHUNK_BYTES + 1), 1),
        xet.chunk(b"abc") * (limits.XORB_CHUNKS + 1),
        xet.chunk(bytes(limits.CHUNK_BYTES), 1) * 513,
    ],
)
def test_bundles_that_cannot_be(body):
    with pytest.raises(BadXorb) as caught:
        unpacked("0" * 64, body)
    assert caught.value.status == 422


def test_a_bundle_must_be_the_announced_one():
    sent = xet.Xorb([b"abc"])
    with pytest.raises(BadXorb, match="not those that were announced"):
        unpacked(xet.Xorb([b"abd"]).name, sent.body)


def test_a_client_may_send_its_own_index_behind_the_chunks():
    sent = xet.Xorb([b"abc", b"de"])
    data, index = unpacked(sent.name, sent.body + b"XETBLOB\x01" + bytes(300))
    assert (data, len(index)) == (b"abcde", 2)


def test_a_chunk_that_swells_takes_no_memory():
    bomb = lz4.frame.compress(bytes(64 * 1024 * 1024))[: limits.PACKED_BYTES]
    header = bytes([0]) + struct.pack("<I", len(bomb))[:3] + bytes([1, 255, 0, 0])
    tracemalloc.start()
    with pytest.raises(BadXorb):
        unpacked("0" * 64, header + bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def test_a_large_bundle_is_read_in_little_memory():
    block = random.Random(1).randbytes(limits.CHUNK_BYTES)
    sent = xet.Xorb([block] * 512)
    body = sent.body
    tracemalloc.start()
    size = sum(len(part) for part in read_xorb(pieces(body, 1 << 20), sent.hash, Index()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == limits.XORB_BYTES
    assert peak < len(body) + 8 * 1024 * 1024  # the pieces of this test are a copy of the body


# Shards

A = xet.Xorb([b"a" * 10, b"b" * 20, b"c" * 30])
GOOD = xet.shard([xet.file([A.run(0, 2), A.run(1, 3)])], [A])


def test_a_shard_made_here_is_read():
    (file,) = read_shard([GOOD])
    assert [(term.xorb, term.size, term.start, term.end) for term in file.terms()] == [
        (A.hash, 30, 0, 2),
        (A.hash, 50, 1, 3),
    ]
    assert file.size == 80
    assert file.sha256 == hashlib.sha256(b"a" * 10 + b"b" * 40 + b"c" * 30).hexdigest()


def test_proofs_may_be_left_out():
    (file,) = read_shard([xet.shard([xet.file([A.run()], ranges=False)])])
    assert list(file.ranges()) == [None]


@pytest.mark.parametrize("cut", range(1, len(GOOD), 7))
def test_a_shard_that_ends_early_is_refused(cut):
    with pytest.raises(BadShard):
        read_shard([GOOD[:cut]])


def many(count: int) -> bytes:
    """A file that claims so many runs."""
    return struct.pack("<32sII8x", bytes(32), 0, count)


@pytest.mark.parametrize(
    "body",
    [
        b"x" + GOOD[1:],
        xet.shard([], version=3),
        GOOD + b"x",
        GOOD + bytes(48),
        xet.shard([xet.file([A.run(1, 1)])]),
        xet.shard([xet.file([xet.Run(A, 2, 1)])]),
        xet.shard([xet.file([xet.Run(A, 0, limits.XORB_CHUNKS + 1)])]),
        xet.shard([many(limits.SHARD_TERMS + 1)]),
        xet.shard([many(2**32 - 1)]),
        xet.shard([many(0)] * (limits.SHARD_FILES + 1)),
        xet.shard([])[:-48] + struct.pack("<32sIIII", bytes(32), 0, 2**32 - 1, 0, 0),
    ],
)
def test_shards_that_cannot_be(body):
    with pytest.raises(BadShard) as caught:
        read_shard(pieces(body, 4096))
    assert caught.value.status == 422


def test_what_follows_a_shard_with_a_footer_is_passed_over():
    with_footer = GOOD[:40] + struct.pack("<Q", 200) + GOOD[48:] + bytes(500)
    assert len(read_shard([with_footer])) == 1


@given(junk=st.binary(max_size=600))
def test_junk_is_no_shard(junk):
    for body in (junk, GOOD[:48] + junk):
        try:
            files = read_shard([body])
        except BadShard:
            continue
        assert all(isinstance(file, ShardFile) for file in files)
