"""A file that is being fetched: its bytes so far, and which of them are there.

Beside `<hash>.part` lies `<hash>.state`, to which a line is added whenever a range was written.
A process may be killed at any moment: what a line says has been written before the line.
"""

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from lorahub.errors import LorahubError
from lorahub.transfer.ranges import Range, Ranges

_HEADLINE = "lorahub-part 1"
# os.open on Windows would translate line ends otherwise.
_BINARY = getattr(os, "O_BINARY", 0)


class Part:
    """Open with `Part.open`. Threads may write to it at once, each its own range."""

    def __init__(self, path: Path, size: int, there: Ranges) -> None:
        self.path = path
        self.size = size
        self.there = there
        # A thread that did not end may still write: then the files stay open, because their
        # numbers must not come to mean other files.
        self.is_in_use = False
        self._is_closed = False
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | _BINARY, 0o666)
        os.ftruncate(self._file, size)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _BINARY
        self._state = os.open(_state_path(path), flags, 0o666)

    @classmethod
    def open(cls, path: Path, size: int) -> Self:
        """Go on with what an earlier run left, if it is for a file of this size."""
        there = _read_state(path, size)
        if there is None:
            discard(path)
            part = cls(path, size, Ranges())
            os.write(part._state, f"{_HEADLINE} {size}\n".encode())
            return part
        return cls(path, size, there)

    def write(self, offset: int, data: memoryview) -> None:
        try:
            while data:
                written = self._write_at(offset, data)
                data = data[written:]
                offset += written
        except OSError as error:
            raise LorahubError(
                f"{self.path} can't be written: {error.strerror}. Make room, or set LORAHUB_CACHE "
                "to a folder on another disk; what arrived is kept.",
                code="disk",
            ) from error

    def read(self, offset: int, buffer: memoryview) -> int:
        """Fill the buffer from `offset`; return how many bytes there were."""
        if sys.platform == "win32":
            with self._lock:
                os.lseek(self._file, offset, os.SEEK_SET)
                data = os.read(self._file, len(buffer))
            buffer[: len(data)] = data
            return len(data)
        return os.preadv(self._file, [buffer], offset)

    def record(self, written: Range) -> None:
        """Note down for a later run that a range was written."""
        start, end = written
        if start < end:
            os.write(self._state, f"{start} {end}\n".encode())

    def close(self) -> None:
        if self.is_in_use or self._is_closed:
            return
        self._is_closed = True
        os.close(self._file)
        os.close(self._state)

    def _write_at(self, offset: int, data: memoryview) -> int:
        if sys.platform == "win32":
            with self._lock:
                os.lseek(self._file, offset, os.SEEK_SET)
                return os.write(self._file, data)
        return os.pwrite(self._file, data, offset)


def discard(path: Path) -> None:
    """Remove what is there of a part."""
    for old in (_state_path(path), path):
        with suppress(FileNotFoundError):
            old.unlink()


def missing_bytes(path: Path, size: int) -> int:
    """How many bytes of a file of this size still have to be fetched."""
    there = _read_state(path, size)
    return size - (there.total if there else 0)


def _state_path(path: Path) -> Path:
    return path.with_suffix(".state")


def _read_state(path: Path, size: int) -> Ranges | None:
    """The ranges that are there; None when there is nothing to go on with."""
    try:
        held = path.stat().st_size
        text = _state_path(path).read_text("ascii", errors="replace")
    except OSError:
        return None
    lines = text.split("\n")
    if lines[0] != f"{_HEADLINE} {size}" or held != size:
        return None
    ranges = Ranges()
    # What follows the last line end was cut off by the end of the run.
    for line in lines[1:-1]:
        words = line.split(" ")
        if len(words) == len(("start", "end")) and all(w.isascii() and w.isdigit() for w in words):
            start, end = (int(word) for word in words)
            if start < end <= size:
                ranges.add(start, end)
    return ranges
