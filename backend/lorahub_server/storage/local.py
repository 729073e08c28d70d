"""Objects as files below one folder, for a hub that lives on one machine."""

import errno
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG

from lorahub_server.storage.base import (
    CHUNK,
    ObjectInfo,
    ObjectMissing,
    StorageError,
    StorageFull,
    check_key,
    check_prefix,
    check_range,
)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Kernels and file systems refuse an in-kernel copy in many ways; each has the same remedy.
_NO_KERNEL_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}
_ABANDONED_S = 24 * 3600
_RENAME_TRIES = 20


class LocalStore:
    def __init__(self, root: Path) -> None:
        # Resolved once, so that a later chdir or a swapped link above cannot move the store.
        self.root = root.resolve()
        self._tmp = self.root / ".tmp"  # no key starts a segment with a dot
        self._tmp.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._drop_abandoned()

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        path = self._path(key)
        with self._temporary() as (tmp, fd):
            size = 0
            for chunk in chunks:  # what the source raises is the source's to explain
                with _as_storage_error(key):
                    _write_all(fd, chunk)
                size += len(chunk)
            with _as_storage_error(key):
                os.fsync(fd)
                self._move(tmp, path)
        return size

    def get(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with _as_storage_error(key):
            path = self._path(key)
            if path.is_dir():
                raise ObjectMissing(key)
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            reader = _read_range(fd, start, end)
            # Runs up to the empty first chunk: from here on the generator owns the descriptor
            # and closes it, even when nobody ever asks for a byte.
            next(reader)
            return reader

    def read(self, key: str) -> bytes:
        return b"".join(self.get(key))

    def size(self, key: str) -> int | None:
        try:
            stat = self._path(key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return stat.st_size if S_ISREG(stat.st_mode) else None

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            path = self._path(key)
            with _as_storage_error(key):
                path.unlink(missing_ok=True)
                self._prune(path.parent)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        top = self.root / check_prefix(prefix)
        for folder, folders, names in os.walk(top):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                path = Path(folder, name)
                with suppress(FileNotFoundError):  # deleted since the folder was read
                    stat = path.stat()
                    yield ObjectInfo(
                        key=path.relative_to(self.root).as_posix(),
                        size=stat.st_size,
                        modified=datetime.fromtimestamp(stat.st_mtime, UTC),
                    )

    def compose(self, dst: str, parts: Sequence[str]) -> None:
        if not parts:
            raise ValueError("An object is composed of at least one part.")
        target = self._path(dst)
        sources = [self._path(part) for part in parts]
        missing = [part for part, path in zip(parts, sources, strict=True) if not path.exists()]
        if missing and not target.exists():
            raise ObjectMissing(missing[0])
        with _as_storage_error(dst):
            if not missing and len(sources) == 1:
                self._move(sources[0], target)  # `put` made the bytes durable already
            elif not missing:
                self._join(sources, target)
            self.delete(parts)

    def local_path(self, key: str) -> Path | None:
        path = self._path(key)
        return path if path.is_file() else None

    def signed_url(self, key: str, *, filename: str, expires_s: int = 3600) -> str | None:
        del key, filename, expires_s  # files on this machine are served by this server
        return None

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    @contextmanager
    def _temporary(self) -> Iterator[tuple[Path, int]]:
        tmp = self._tmp / f"{os.getpid()}-{secrets.token_hex(8)}"
        with _as_storage_error(tmp.name):
            fd = os.open(tmp, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            yield tmp, fd
        finally:
            os.close(fd)
            tmp.unlink(missing_ok=True)

    def _join(self, sources: Sequence[Path], target: Path) -> None:
        with self._temporary() as (tmp, out):
            for path in sources:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    _append(fd, out)
                finally:
                    os.close(fd)
            os.fsync(out)
            self._move(tmp, target)

    def _move(self, source: Path, target: Path) -> None:
        """Rename durably: the entry and every folder made for it are on disk on return."""
        for tries_left in reversed(range(_RENAME_TRIES)):
            try:
                made = _make_folders(target.parent)
                source.replace(target)
                break
            except (FileNotFoundError, FileExistsError):
                # A deletion may prune the folder between any two of these calls.
                if not tries_left or not source.exists():
                    raise
        for folder in (target.parent, *made):
            _fsync_folder(folder)

    def _prune(self, folder: Path) -> None:
        while folder != self.root:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _drop_abandoned(self) -> None:
        # Written by processes that were killed; a write in progress touches its file all the time.
        before = time.time() - _ABANDONED_S
        for path in self._tmp.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()


@contextmanager
def _as_storage_error(key: str) -> Iterator[None]:
    try:
        yield
    except StorageError:
        raise
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise ObjectMissing(key) from error
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("The disk that holds the objects is full.") from error
        raise


def _read_range(fd: int, start: int, end: int | None) -> Iterator[bytes]:
    try:
        position, stop = check_range(start, end, os.fstat(fd).st_size)
        yield b""
        while position < stop:
            chunk = os.pread(fd, min(CHUNK, stop - position), position)
            if not chunk:
                raise StorageError(f"A file ended at byte {position}, before byte {stop}.")
            position += len(chunk)
            yield chunk
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _append(source: int, target: int) -> None:
    left = os.fstat(source).st_size
    while left:
        try:
            copied = os.copy_file_range(source, target, left)
        except AttributeError:  # not Linux
            break
        except OSError as error:
            if error.errno in _NO_KERNEL_COPY:
                break
            raise
        if not copied:
            break
        left -= copied
    while chunk := os.read(source, CHUNK):
        _write_all(target, chunk)


def _make_folders(folder: Path) -> Sequence[Path]:
    """Create `folder`; return the folders that gained an entry, which need their own fsync."""
    gained = []
    probe = folder
    while not probe.exists():
        probe = probe.parent
        gained.append(probe)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return gained


def _fsync_folder(folder: Path) -> None:
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # pruned by a deletion of the very object: nothing left to keep
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
