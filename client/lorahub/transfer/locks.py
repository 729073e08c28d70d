"""A lock between processes that ends with the process that holds it, however that ends."""

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ASK_EVERY_SECONDS = 0.05
# File systems that know no locks (some network ones).
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


@contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock named by a file; call `on_wait` once if another holds it now.

    Where locks do not exist this goes on without: two that fetch the same file write the same
    bytes to the same places.
    """
    waited = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        taken = False
        try:
            # Who held it before may have removed the file that we have open.
            taken = _take(descriptor) and _is_at(descriptor, path)
        finally:
            if not taken:
                os.close(descriptor)
        if taken:
            break
        if not waited:
            on_wait()
            waited = True
        time.sleep(_ASK_EVERY_SECONDS)
    try:
        yield
    finally:
        # Removed while held, so that lock files don't pile up; not possible on Windows.
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _NO_LOCKS
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
