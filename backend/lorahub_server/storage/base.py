"""The object-store door: what every store can do, and the words for what can go wrong."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

CHUNK = 1024 * 1024
MAX_KEY = 512
_SEGMENT = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]{0,199}")


class StorageError(Exception):
    """The store could not do what was asked; trying again later may help."""


class StorageFull(StorageError):
    """There is no room left where the bytes should go."""


class ObjectMissing(StorageError):
    """There is no object of that name."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The store holds no object {key!r}.")
        self.key = key


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    key: str
    size: int
    modified: datetime


class ObjectStore(Protocol):
    """A flat name space of immutable-by-convention byte strings.

    Keys are `/`-joined segments of `A-Z a-z 0-9 . _ = -`; a segment never starts with a dot.
    A prefix for `list` is empty or ends with `/`.
    """

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Store the joined chunks and return their size in bytes.

        Atomic (readers see the old object or the new one), durable on return, replaces. When the
        iterable raises, nothing is stored.
        """

    def get(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Return chunks (<= 1 MiB) of bytes `start` to `end` (exclusive, clamped to the size).

        ObjectMissing is raised by the call itself, not by the first `next`.
        """

    def read(self, key: str) -> bytes: ...

    def size(self, key: str) -> int | None: ...

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the objects; missing ones are fine."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]: ...

    def compose(self, dst: str, parts: Sequence[str]) -> None:
        """Make `dst` the parts joined in order, durably; then remove the parts.

        May be called again after a crash at any point: with `dst` there and a part gone, only the
        clean-up is finished. Raises ObjectMissing when a part is missing and `dst` is too.
        """

    def local_path(self, key: str) -> Path | None:
        """Return a file to send from, or None when the object is not a local file."""

    def signed_url(self, key: str, *, filename: str, expires_s: int = 3600) -> str | None:
        """Return a URL that downloads the object as `filename`, or None without such a service."""


def check_key(key: str) -> str:
    """Return `key`, or raise ValueError when it could mean something outside the store."""
    if not 0 < len(key) <= MAX_KEY:
        raise ValueError(f"A storage key has 1 to {MAX_KEY} characters, not {len(key)}.")
    if not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
        raise ValueError(f"{key!r} is not a storage key.")
    return key


def check_prefix(prefix: str) -> str:
    """Return `prefix`, or raise ValueError unless it is empty or a key followed by `/`."""
    if prefix:
        if not prefix.endswith("/"):
            raise ValueError(f"A storage prefix ends with '/', unlike {prefix!r}.")
        check_key(prefix[:-1])
    return prefix


def check_range(start: int, end: int | None, size: int) -> tuple[int, int]:
    """Return the range clamped to `size`; raise ValueError for one that runs backwards."""
    if start < 0 or (end is not None and end < start):
        raise ValueError(f"Bytes {start} to {end} are not a range.")
    stop = size if end is None else min(end, size)
    return min(start, stop), stop
