"""A shard: which runs of which xorbs' chunks make up which files. Read as it arrives.

It is a sequence of records of 48 bytes: a header, the files, then the xorbs with their chunks.
The server knows the xorbs that it was sent, so their section is only read past.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lorahub_server.blobs.xet.errors import BadShard
from lorahub_server.blobs.xet.hashes import HASH_BYTES, ZERO, to_text
from lorahub_server.blobs.xet.limits import SHARD_FILES, SHARD_TERMS, XORB_CHUNKS
from lorahub_server.blobs.xet.reading import Source

RECORD_BYTES = 48
_TAG = b"HFRepoMetaData\x00UigEj{\x81W\x83\xa5\xbd\xd9\\\xcd\xd1J\xa9"
_VERSION = 2
_HEADER = struct.Struct("<32sQQ")
_FILE = struct.Struct("<32sII8x")
_TERM = struct.Struct("<32sIIII")
_HASH = struct.Struct("<32s16x")
_XORB = struct.Struct("<32sIIII")
_BOOKEND = b"\xff" * HASH_BYTES
_WITH_RANGES = 1 << 31
_WITH_SHA256 = 1 << 30


@dataclass(frozen=True, slots=True)
class Term:
    """Chunks `start` to `end` (exclusive) of a xorb, `size` bytes together."""

    xorb: bytes
    size: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One file; its runs stay packed, as there may be very many."""

    hash: bytes
    # As the client says; None when it doesn't.
    sha256: str | None
    packed_terms: bytes
    # The hash over the chunks' hashes of each run, when the client sends them.
    packed_ranges: bytes | None

    def terms(self) -> Iterator[Term]:
        for xorb, _, size, start, end in _TERM.iter_unpack(self.packed_terms):
            yield Term(xorb, size, start, end)

    def ranges(self) -> Iterator[bytes | None]:
        """Give as many as there are terms."""
        if self.packed_ranges is None:
            yield from [None] * (len(self.packed_terms) // RECORD_BYTES)
        else:
            yield from (value for (value,) in _HASH.iter_unpack(self.packed_ranges))

    @property
    def size(self) -> int:
        return sum(term.size for term in self.terms())


def read_shard(pieces: Iterable[bytes]) -> list[ShardFile]:
    """Return the files of a shard; raise BadShard for one that can't be read."""
    source = Source(pieces)
    tag, version, footer = _HEADER.unpack(_record(source))
    if tag != _TAG:
        raise _bad("is none")
    if version != _VERSION:
        raise _bad(f"is of version {version}; this hub knows version {_VERSION}")
    files = list(_files(source))
    _pass_xorbs(source)
    if source.drain() and not footer:
        raise _bad("goes on after its end")
    return files


def _files(source: Source) -> Iterator[ShardFile]:
    files = terms = 0
    while not (record := _record(source)).startswith(_BOOKEND):
        value, flags, count = _FILE.unpack(record)
        files, terms = files + 1, terms + count
        if files > SHARD_FILES or terms > SHARD_TERMS:
            raise BadShard("The list of files is too long. Upload fewer or smaller files at once.")
        packed = _records(source, count)
        ranges = _records(source, count) if flags & _WITH_RANGES else None
        file = ShardFile(value, _sha256(source, flags), packed, ranges)
        if any(not term.start < term.end <= XORB_CHUNKS for term in file.terms()):
            raise _bad("has a run of chunks that can't be")
        yield file


def _sha256(source: Source, flags: int) -> str | None:
    if not flags & _WITH_SHA256:
        return None
    (value,) = _HASH.unpack(_record(source))
    # Zeros stand for an empty file.
    return None if value == ZERO else to_text(value)


def _pass_xorbs(source: Source) -> None:
    while not (record := _record(source)).startswith(_BOOKEND):
        count = _XORB.unpack(record)[2]
        if count > XORB_CHUNKS:
            raise _bad(f"has a bundle of more than {XORB_CHUNKS} chunks")
        _records(source, count)


def _record(source: Source) -> bytes:
    return _records(source, 1)


def _records(source: Source, count: int) -> bytes:
    data = source.take(count * RECORD_BYTES)
    if len(data) != count * RECORD_BYTES:
        raise _bad("ends too early")
    return data


def _bad(what: str) -> BadShard:
    return BadShard(f"The list of files (shard) {what}. Upload again, with a newer client.")
