"""The check that every large file passes before it may be committed: one stream, little memory."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lorahub.adapters import (
    HEAD_BYTES,
    AdapterFileError,
    header_end,
    looks_like_weights,
    parse_header,
    summarise,
)
from lorahub_server.blobs.errors import BadFile, HashMismatch
from lorahub_server.storage import StorageError


@dataclass(frozen=True, slots=True)
class VerifiedBlob:
    """Bytes that are what they should be; `summary` tells of an adapter, None: it is none."""

    sha256: str
    size: int
    summary: dict[str, Any] | None
    name: str


def verify(chunks: Iterable[bytes], *, name: str, size: int, announced: str | None) -> VerifiedBlob:
    """Read the file once; raise BadFile or HashMismatch for what must not be published.

    A bad header ends the reading at once, however long the file.
    """
    stream = _Counted(chunks)
    try:
        summary = _summary(stream, name, size)
    except AdapterFileError as error:
        raise BadFile(error.code, str(error), error.key) from error
    for _ in stream:
        pass
    if stream.seen != size:
        raise StorageError(f"The store gave {stream.seen} bytes of a file of {size}.")
    found = stream.digest.hexdigest()
    if announced is not None and announced != found:
        raise HashMismatch(announced, found)
    return VerifiedBlob(found, size, summary, name)


def read_head(head: bytes, *, name: str, size: int) -> dict[str, Any] | None:
    """Return what the beginning of a file of that size tells; None: it is no adapter file.

    Raises BadFile for what `verify` would refuse of it. `head` is the whole header at least.
    """
    try:
        return _summary(_Counted([head]), name, size)
    except AdapterFileError as error:
        raise BadFile(error.code, str(error), error.key) from error


def _summary(stream: "_Counted", name: str, size: int) -> dict[str, Any] | None:
    head = stream.first(b"", HEAD_BYTES)
    if not looks_like_weights(head[:HEAD_BYTES], name):
        return None
    end = header_end(head[:HEAD_BYTES], size, name)
    return summarise(parse_header(stream.first(head, end), size)).to_dict()


class _Counted:
    """The chunks of a file, counted and hashed as they are taken."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._source = iter(chunks)
        self.digest = hashlib.sha256()
        self.seen = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._source:
            self.digest.update(chunk)
            self.seen += len(chunk)
            yield chunk

    def first(self, there: bytes, size: int) -> bytes:
        """Return `there` and what follows, at least `size` bytes unless the file ends before."""
        taken, length = [there], len(there)
        while length < size and (chunk := next(iter(self), None)) is not None:
            taken.append(chunk)
            length += len(chunk)
        return b"".join(taken)
