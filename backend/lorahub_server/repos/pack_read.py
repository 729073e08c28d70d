"""Unpacks a pack as it arrives, whatever it claims: memory and work are bounded.

Objects are kept in a temporary file that has no name. A file that is too large for a repository is
not kept, only its id and its beginning, so that somebody can be told which one it is.
"""

import hashlib
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from dulwich.errors import ApplyDeltaError
from dulwich.pack import OFS_DELTA, REF_DELTA, apply_delta

from lorahub.adapters import HEAD_BYTES
from lorahub_server.blobs.errors import StoreFull
from lorahub_server.blobs.limits import INLINE_MAX
from lorahub_server.kit.errors import TooLarge
from lorahub_server.repos.limits import (
    COMMIT_MAX,
    PACK_OBJECTS_MAX,
    TREE_MAX,
    UNPACKED_MAX,
)
from lorahub_server.repos.pack_delta import sizes_of
from lorahub_server.repos.pack_source import BadPack, Source

_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_MOST = {"commit": COMMIT_MAX, "tree": TREE_MAX, "blob": INLINE_MAX, "tag": COMMIT_MAX}
# One that makes a small object is small itself.
_DELTA_MAX = max(_MOST.values())
_IN_MEMORY = 8 * 1024 * 1024
_VERSIONS = (2, 3)
_HEADER = 12
_DIGEST = 20
# Bases that the receiver has, read at once.
_BASES = 32

Read = Callable[[Collection[str]], dict[str, tuple[str, bytes]]]


@dataclass(frozen=True, slots=True)
class Big:
    """A file that is too large to be kept."""

    size: int
    head: bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    kind: str
    at: int
    size: int


@dataclass(frozen=True, slots=True)
class _Delta:
    """A change that waits for its base; `offset` is where it is in the pack."""

    offset: int
    at: int
    size: int


@contextmanager
def unpacking() -> Iterator["Unpacked"]:
    """Give a place to unpack into, which is gone afterwards."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        yield Unpacked(file)


class Unpacked:
    """The objects of a pack: `unpack` it, then `resolve` what it has as changes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = 0
        self._kept: dict[str, _Kept] = {}
        self._oids: dict[int, str] = {}
        self._by_offset: dict[int, list[_Delta]] = {}
        self._by_oid: dict[str, list[_Delta]] = {}
        self._left = UNPACKED_MAX
        self.big: dict[str, Big] = {}
        # Whether there was a change that makes something too large: nobody knows its id.
        self.has_lost = False

    def __contains__(self, oid: str) -> bool:
        return oid in self._kept

    def oids(self, kind: str) -> set[str]:
        return {oid for oid, kept in self._kept.items() if kept.kind == kind}

    def kind(self, oid: str) -> str | None:
        kept = self._kept.get(oid)
        return None if kept is None else kept.kind

    def data(self, oid: str) -> bytes:
        kept = self._kept[oid]
        return self._read(kept.at, kept.size)

    def unpack(self, source: Source) -> None:
        """Read the whole pack, which is all that is left in the source."""
        start = source.read(_HEADER)
        version, count = int.from_bytes(start[4:8], "big"), int.from_bytes(start[8:12], "big")
        if start[:4] != b"PACK" or version not in _VERSIONS:
            raise BadPack
        if count > PACK_OBJECTS_MAX:
            message = f"A push has at most {PACK_OBJECTS_MAX} objects. Push the history in parts."
            raise TooLarge(message, limit=PACK_OBJECTS_MAX)
        for _ in range(count):
            self._entry(source)
        wanted = source.digest()
        if source.read(_DIGEST) != wanted or source.some():
            raise BadPack

    def resolve(self, read: Read) -> None:
        """Make whole what came as changes, of objects here or of others that `read` gives."""
        for offset, oid in list(self._oids.items()):
            self._apply_on(offset, oid)
        outside = list(self._by_oid)
        for start in range(0, len(outside), _BASES):
            for oid, (kind, data) in read(outside[start : start + _BASES]).items():
                self._apply(self._by_oid.pop(oid, []), kind, data)
        if (self._by_oid or self._by_offset) and not (self.big or self.has_lost):
            raise BadPack

    def _entry(self, source: Source) -> None:
        offset = source.position
        number, size = source.entry_header()
        self._spend(size)
        if number in _KINDS:
            self._whole(source, offset, _KINDS[number], size)
            return
        if number == OFS_DELTA:
            waiting = self._by_offset.setdefault(offset - source.base_distance(), [])
        elif number == REF_DELTA:
            waiting = self._by_oid.setdefault(source.read(_DIGEST).hex(), [])
        else:
            raise BadPack
        if size > _DELTA_MAX:
            self.has_lost = True
            for _ in source.inflated(size):
                pass
        else:
            data = b"".join(source.inflated(size))
            waiting.append(_Delta(offset, self._write(data), size))

    def _whole(self, source: Source, offset: int, kind: str, size: int) -> None:
        if size <= _MOST[kind]:
            self._oids[offset] = self._keep(kind, b"".join(source.inflated(size)))
            return
        if kind != "blob":
            raise _too_long(kind)
        digest = _hash(kind, size)
        head = bytearray()
        for piece in source.inflated(size):
            digest.update(piece)
            head += piece[: HEAD_BYTES - len(head)]
        self.big[digest.hexdigest()] = Big(size, bytes(head))

    def _apply_on(self, offset: int, oid: str) -> None:
        """Apply the changes of an object, then the changes of what that makes."""
        way = [(offset, oid)]
        while way:
            offset, oid = way.pop()
            waiting = self._by_offset.pop(offset, []) + self._by_oid.pop(oid, [])
            if waiting:
                way += self._made(waiting, self._kept[oid].kind, self.data(oid))

    def _apply(self, waiting: list[_Delta], kind: str, base: bytes) -> None:
        for offset, oid in self._made(waiting, kind, base):
            self._apply_on(offset, oid)

    def _made(self, waiting: list[_Delta], kind: str, base: bytes) -> Iterator[tuple[int, str]]:
        for change in waiting:
            text = self._read(change.at, change.size)
            try:
                wanted, size = sizes_of(text)
                if wanted != len(base):
                    raise BadPack
                if size > _MOST[kind]:
                    if kind != "blob":
                        raise _too_long(kind)
                    self.has_lost = True
                    continue
                self._spend(size)
                data = b"".join(apply_delta(base, text))
            except (ApplyDeltaError, IndexError) as error:
                raise BadPack from error
            yield change.offset, self._keep(kind, data)

    def _keep(self, kind: str, data: bytes) -> str:
        digest = _hash(kind, len(data))
        digest.update(data)
        oid = digest.hexdigest()
        if oid not in self._kept:
            self._kept[oid] = _Kept(kind, self._write(data), len(data))
        return oid

    def _write(self, data: bytes) -> int:
        at = self._end
        self._file.seek(at)
        try:
            self._file.write(data)
        except OSError as error:
            raise StoreFull from error
        self._end += len(data)
        return at

    def _read(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        return self._file.read(size)

    def _spend(self, size: int) -> None:
        """Count what is about to be unpacked, also what was there before."""
        self._left -= size
        if self._left < 0:
            message = (
                f"The push has more than {UNPACKED_MAX} bytes of files outside git-lfs. Give large "
                "files to git-lfs (git lfs migrate import --everything --above=1mb), or push the "
                "history in parts."
            )
            raise TooLarge(message, limit=UNPACKED_MAX)


def _hash(kind: str, size: int) -> "hashlib._Hash":
    return hashlib.sha1(f"{kind} {size}\0".encode(), usedforsecurity=False)


def _too_long(kind: str) -> TooLarge:
    most = _MOST[kind]
    if kind == "tree":
        return TooLarge("A folder in the push has too many files. Use several.", limit=most)
    return TooLarge(f"A {kind} in the push is longer than {most} bytes. Shorten it.", limit=most)
