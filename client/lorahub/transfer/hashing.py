"""SHA-256 of files, with big buffers."""

import hashlib
from collections.abc import Callable
from pathlib import Path

_BUFFER_BYTES = 1024 * 1024


def sha256_of(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """The hash in hex; `on_bytes` is told of progress. Raises OSError."""
    digest = hashlib.sha256()
    buffer = bytearray(_BUFFER_BYTES)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(view):
            digest.update(view[:count])
            if on_bytes:
                on_bytes(count)
    return digest.hexdigest()
