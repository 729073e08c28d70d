"""The bytes of a pack, a little at a time: memory does not grow with the repository."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from dulwich.object_format import SHA1
from dulwich.pack import REF_DELTA, pack_header_chunks, pack_object_chunks

from lorahub_server.kit.db import Database
from lorahub_server.repos import queries_pack
from lorahub_server.repos.pack_delta import delta
from lorahub_server.repos.pack_select import Selection, Vanished

_TYPES = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
# What is read from the database at once.
_GROUP = 500
_GROUP_BYTES = 8 * 1024 * 1024
# Trees that others are written as changes of.
_RECENT_BYTES = 16 * 1024 * 1024
# A change of a change of a change is slow to read.
_CHAIN_MAX = 40
# Smaller ones are not worth it.
_DELTA_FROM = 256


class PackWriter:
    """`has_thin`: the receiver takes changes of trees that it has itself."""

    def __init__(self, db: Database, repo_id: int, selection: Selection, *, has_thin: bool) -> None:
        self._db = db
        self._repo_id = repo_id
        self._selection = selection
        self._has_thin = has_thin
        self._mine = set(selection.trees)
        # Trees that were written, and how many changes lead to each.
        self._chain: dict[str, int] = {}
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self._recent_bytes = 0

    def chunks(self) -> Iterator[bytes]:
        digest = hashlib.sha1(usedforsecurity=False)
        for chunk in self._body():
            digest.update(chunk)
            yield chunk
        yield digest.digest()

    def _body(self) -> Iterator[bytes]:
        chosen = self._selection
        yield b"".join(pack_header_chunks(len(chosen)))
        for oids in (chosen.commits, chosen.tags, chosen.trees, chosen.blobs):
            for group in self._groups(oids):
                yield from self._written(group)

    def _groups(self, oids: Sequence[str]) -> Iterator[list[str]]:
        for start in range(0, len(oids), _GROUP):
            part = oids[start : start + _GROUP]
            with self._db.read() as session:
                sizes = queries_pack.sizes(session, self._repo_id, part)
            group: list[str] = []
            total = 0
            for oid in part:
                total += sizes.get(oid, 0)
                if group and total > _GROUP_BYTES:
                    yield group
                    group, total = [], sizes.get(oid, 0)
                group.append(oid)
            yield group

    def _written(self, oids: list[str]) -> Iterator[bytes]:
        data, kinds = self._read(oids)
        for oid in oids:
            content = data[oid]
            if kinds[oid] == "tree":
                yield from self._tree(oid, content, data)
                self._remember(oid, content)
            else:
                yield from pack_object_chunks(_TYPES[kinds[oid]], [content], object_format=SHA1)

    def _read(self, oids: list[str]) -> tuple[dict[str, bytes], dict[str, str]]:
        """Return the bytes of these objects and of their bases, and the kinds."""
        bases = {base for oid in oids if (base := self._selection.bases.get(oid))}
        near = {base: self._recent[base] for base in bases if base in self._recent}
        wanted = {*oids, *bases} - near.keys()
        with self._db.read() as session:
            found = queries_pack.objects(session, self._repo_id, wanted)
        if len(found) < len(wanted):
            raise Vanished
        data = near | {oid: content for oid, (_, content) in found.items()}
        kinds = dict.fromkeys(near, "tree") | {oid: kind for oid, (kind, _) in found.items()}
        return data, kinds

    def _tree(self, oid: str, content: bytes, data: dict[str, bytes]) -> Iterator[bytes]:
        base = self._selection.bases.get(oid, "")
        # A base is one that came before in this pack, or that the receiver has: no circles.
        if base in self._chain or (base and self._has_thin and base not in self._mine):
            depth = self._chain.get(base, 0) + 1
            change = delta(data[base], content) if depth <= _CHAIN_MAX else None
            if change is not None and len(content) >= _DELTA_FROM:
                self._chain[oid] = depth
                whole = (bytes.fromhex(base), [change])
                yield from pack_object_chunks(REF_DELTA, whole, object_format=SHA1)
                return
        self._chain[oid] = 0
        yield from pack_object_chunks(_TYPES["tree"], [content], object_format=SHA1)

    def _remember(self, oid: str, data: bytes) -> None:
        self._recent[oid] = data
        self._recent_bytes += len(data)
        while self._recent_bytes > _RECENT_BYTES and len(self._recent) > 1:
            _, gone = self._recent.popitem(last=False)
            self._recent_bytes -= len(gone)
