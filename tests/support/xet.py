"""Xorbs and shards as a client of Xet makes them, right or wrong as a test wants."""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import lz4.frame

from lorahub_server.blobs.xet import hashes

TAG = b"HFRepoMetaData\x00UigEj{\x81W\x83\xa5\xbd\xd9\\\xcd\xd1J\xa9"
END = b"\xff" * 32 + bytes(16)


def chunk(data: bytes, scheme: int = 0, *, size: int | None = None, version: int = 0) -> bytes:
    """A chunk as it travels; `size` says something else than its true size."""
    packed = data
    if scheme == 2:
        packed = b"".join(data[group::4] for group in range(4))
    if scheme in {1, 2}:
        packed = lz4.frame.compress(packed)
    size = len(data) if size is None else size
    head = bytes([version]) + struct.pack("<I", len(packed))[:3]
    return head + bytes([scheme]) + struct.pack("<I", size)[:3] + packed


@dataclass(frozen=True)
class Xorb:
    chunks: Sequence[bytes]
    scheme: int = 0

    @property
    def hash(self) -> bytes:
        return root(self.chunks)

    @property
    def name(self) -> str:
        return hashes.to_text(self.hash)

    @property
    def body(self) -> bytes:
        return b"".join(chunk(data, self.scheme) for data in self.chunks)

    def run(self, start: int = 0, end: int | None = None) -> "Run":
        return Run(self, start, len(self.chunks) if end is None else end)


@dataclass(frozen=True)
class Run:
    xorb: Xorb
    start: int
    end: int

    @property
    def chunks(self) -> Sequence[bytes]:
        return self.xorb.chunks[self.start : self.end]

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks)


def root(chunks: Sequence[bytes]) -> bytes:
    tree = hashes.Tree()
    for data in chunks:
        tree.add(hashes.chunk_hash(data), len(data))
    return tree.root()


def file(
    runs: Sequence[Run],
    *,
    sha256: str | None = None,
    size: int | None = None,
    value: bytes | None = None,
    ranges: bool = True,
    wrong_ranges: bool = False,
) -> bytes:
    """A file's records: `sha256`, `size` (of each run) and `value` say something untrue."""
    chunks = [data for run in runs for data in run.chunks]
    data = b"".join(chunks)
    value = hashes.file_hash(root(chunks)) if value is None else value
    flags = (1 << 30) | ((1 << 31) if ranges else 0)
    records = [struct.pack("<32sII8x", value, flags, len(runs))]
    for run in runs:
        length = len(run.data) if size is None else size
        records.append(struct.pack("<32sIIII", run.xorb.hash, 0, length, run.start, run.end))
    if ranges:
        for run in runs:
            joined = b"".join(hashes.chunk_hash(data) for data in run.chunks)
            known = b"" if wrong_ranges else joined
            records.append(struct.pack("<32s16x", hashes.range_hash(known)))
    digest = hashlib.sha256(data).hexdigest() if sha256 is None else sha256
    records.append(struct.pack("<32s16x", hashes.from_text(digest)))
    return b"".join(records)


def shard(files: Sequence[bytes], xorbs: Sequence[Xorb] = (), *, version: int = 2) -> bytes:
    return b"".join(
        [
            struct.pack("<32sQQ", TAG, version, 0),
            *files,
            END,
            *(_of_xorb(xorb) for xorb in xorbs),
            END,
        ]
    )


def _of_xorb(xorb: Xorb) -> bytes:
    total = sum(len(data) for data in xorb.chunks)
    head = struct.pack("<32sIIII", xorb.hash, 0, len(xorb.chunks), total, len(xorb.body))
    at, records = 0, [head]
    for data in xorb.chunks:
        records.append(struct.pack("<32sII8x", hashes.chunk_hash(data), at, len(data)))
        at += len(data)
    return b"".join(records)
