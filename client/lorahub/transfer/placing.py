"""Putting verified files where they belong, each in one step, never over somebody's work."""

import errno
import hashlib
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

from lorahub.errors import LorahubError
from lorahub.transfer.cache import Cache
from lorahub.transfer.hashing import sha256_of

_TEMPORARY = ".lorahub-"
_counter = count()
# Smaller files are copied: they are texts, which people edit.
_LINK_FROM = 1024 * 1024
_COPY_BYTES = 8 * 1024 * 1024
# Copying inside the kernel is not possible here: other disk, or an older system.
_NO_KERNEL_COPY = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}


class Placed(NamedTuple):
    """What a pull put at a place: so that a later one knows whether a person changed it."""

    repo: str
    sha256: str


class Places:
    """Remembers what was placed, one small file for each place."""

    def __init__(self, cache: Cache) -> None:
        self._folder = cache.root / "placed"

    def get(self, target: Path) -> Placed | None:
        try:
            told = json.loads(self._file(target).read_bytes())
            return Placed(told["repo"], told["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, target: Path, placed: Placed) -> None:
        told = {"path": str(target.absolute()), **placed._asdict()}
        with suppress(OSError):
            self._file(target).write_text(json.dumps(told))

    def _file(self, target: Path) -> Path:
        where = target.parent.resolve() / target.name
        name = hashlib.sha256(str(where).encode(errors="surrogateescape")).hexdigest()
        return self._folder / name[:40]


def state_of(target: Path, sha256: str, size: int, repo: str, places: Places) -> str:
    """What is at a place: "missing", "there" (the very bytes), "replace" (an earlier pull of the
    repository put it there and nobody changed it), or "conflict".
    """
    if not target.exists():
        return "replace" if target.is_symlink() else "missing"
    if not target.is_file():
        return "conflict"
    placed = places.get(target)
    same_size = target.stat().st_size == size
    if not same_size and (placed is None or placed.repo != repo):
        return "conflict"
    held = sha256_of(target)
    if held == sha256:
        return "there"
    return "replace" if placed == Placed(repo, held) else "conflict"


def put(source: Path, target: Path, *, move: bool) -> None:
    """Place a file of the cache. A reader sees the old file or the whole new one.

    A large file is not written twice where that can be helped: the first place shares it with the
    cache by a hard link, further ones get copies. So no two places share a file. Who edits a
    placed file in place may spoil the cached one, which is read again before each use.
    """
    if move and _renamed(source, target):
        return

    def fill(making: Path) -> None:
        if move or not _linked(source, making):
            with source.open("rb") as old, making.open("xb") as new:
                _copy(old.fileno(), new.fileno(), old.seek(0, os.SEEK_END))

    _in_one_step(target, fill)
    if move:
        source.unlink(missing_ok=True)


def _renamed(source: Path, target: Path) -> bool:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.stat().st_nlink == 1:
            source.replace(target)
            return True
    except OSError:
        # Another disk; what else is wrong shows when it is copied.
        return False
    return False


def _linked(source: Path, making: Path) -> bool:
    try:
        found = source.stat()
        if found.st_size >= _LINK_FROM and found.st_nlink == 1:
            making.hardlink_to(source)
            return True
    except OSError:
        return False
    return False


def write(target: Path, content: bytes) -> None:
    def fill(making: Path) -> None:
        making.write_bytes(content)

    _in_one_step(target, fill)


def _in_one_step(target: Path, fill: Callable[[Path], None]) -> None:
    making = target.with_name(f"{_TEMPORARY}{os.getpid()}-{next(_counter)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        making.unlink(missing_ok=True)
        fill(making)
        making.replace(target)
    except OSError as error:
        with suppress(OSError):
            making.unlink(missing_ok=True)
        raise LorahubError(f"{target} can't be written: {error.strerror}.", code="disk") from error
    except BaseException:
        with suppress(OSError):
            making.unlink(missing_ok=True)
        raise


def _copy(source: int, target: int, size: int) -> None:
    at = 0
    if sys.platform == "linux":
        try:
            while at < size:
                copied = os.copy_file_range(source, target, size - at, at, at)
                if copied == 0:
                    break
                at += copied
        except OSError as error:
            if error.errno not in _NO_KERNEL_COPY:
                raise
    os.lseek(source, at, os.SEEK_SET)
    os.lseek(target, at, os.SEEK_SET)
    while data := os.read(source, _COPY_BYTES):
        view = memoryview(data)
        while view:
            view = view[os.write(target, view) :]
