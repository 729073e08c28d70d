"""The bundles of one space, and what a shard's files are in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lorahub_server.blobs.xet import queries
from lorahub_server.blobs.xet.errors import BadShard, ChunksMissing
from lorahub_server.blobs.xet.hashes import Tree, file_hash, range_hash, to_text
from lorahub_server.blobs.xet.index import ENTRY_BYTES, Index
from lorahub_server.blobs.xet.limits import FILE_CHUNKS
from lorahub_server.blobs.xet.shard import ShardFile
from lorahub_server.kit.db import Database
from lorahub_server.storage import ObjectMissing, ObjectStore
from lorahub_server.storage.keys import xorb_key

# Indexes held at once; each has up to 300 KB.
_INDEXES = 16


@dataclass(frozen=True, slots=True)
class _Bundle:
    key: str
    index: Index
    offsets: list[int]


class Shelf:
    """Finds chunks that were sent to one space, and nothing else."""

    def __init__(self, db: Database, store: ObjectStore, space_id: str) -> None:
        self._db = db
        self._store = store
        self._space_id = space_id
        self._bundle = lru_cache(_INDEXES)(self._load)

    def check(self, file: ShardFile) -> None:
        """Raise ChunksMissing, or BadShard when the chunks are not the file's."""
        tree, count = Tree(), 0
        for term, proof in zip(file.terms(), file.ranges(), strict=True):
            bundle = self._bundle(term.xorb)
            index, offsets = bundle.index, bundle.offsets
            count += term.end - term.start
            if count > FILE_CHUNKS:
                raise BadShard("A file consists of too many chunks. Upload it with a newer client.")
            if term.end > len(index) or offsets[term.end] - offsets[term.start] != term.size:
                raise _mismatch()
            hashes = index.hashes_of(term.start, term.end)
            if proof is not None and proof != range_hash(hashes):
                raise _mismatch()
            for number in range(term.start, term.end):
                tree.add(index.hashes_of(number, number + 1), index.sizes[number])
        if file_hash(tree.root()) != file.hash:
            raise _mismatch()

    def read(self, file: ShardFile) -> Iterator[bytes]:
        """Give the file's bytes in pieces."""
        for term in file.terms():
            bundle = self._bundle(term.xorb)
            start, end = bundle.offsets[term.start], bundle.offsets[term.end]
            try:
                yield from self._store.get(bundle.key, start, end)
            except ObjectMissing as error:
                raise ChunksMissing from error

    def _load(self, xorb: bytes) -> _Bundle:
        name = to_text(xorb)
        with self._db.read() as session:
            row = queries.xorb_of(session, self._space_id, name)
        if row is None:
            raise ChunksMissing
        key = xorb_key(self._space_id, name)
        end = row.size + row.chunks * ENTRY_BYTES
        try:
            index = Index.unpack(b"".join(self._store.get(key, row.size, end)))
        except ObjectMissing as error:
            raise ChunksMissing from error
        return _Bundle(key, index, index.offsets())


def _mismatch() -> BadShard:
    return BadShard("The list of files doesn't fit the chunks that were sent. Upload again.")
