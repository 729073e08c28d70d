"""Files that were fetched and verified, by SHA-256: shared by all revisions and repositories.

blobs/ab/<hash>   complete and verified when it was stored
parts/<hash>.part, .state, .lock   on the way
placed/<key>      what was put where, see places.py
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from lorahub.errors import LorahubError
from lorahub.settings import cache_dir
from lorahub.transfer import part
from lorahub.transfer.hashing import sha256_of
from lorahub.transfer.locks import locked

# Parts that nobody went on with for so long are removed.
_PART_DAYS = 14
_DAY_SECONDS = 86400


class Usage(NamedTuple):
    files: int
    size: int


class Cache:
    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_dir()

    def blob(self, sha256: str) -> Path:
        return self.root / "blobs" / sha256[:2] / sha256

    def part(self, sha256: str) -> Path:
        return self.root / "parts" / f"{sha256}.part"

    def prepare(self) -> None:
        """Make the folders; raise when nothing can be written there."""
        try:
            for name in ("blobs", "parts", "placed"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            if not os.access(self.root / "parts", os.W_OK):
                raise PermissionError(13, "it is not writable")
        except OSError as error:
            raise LorahubError(
                f"The cache {self.root} can't be used: {error.strerror}. "
                "Set LORAHUB_CACHE to a folder that can be written.",
                code="cache",
            ) from error

    @contextmanager
    def held(self, sha256: str, on_wait: Callable[[], None]) -> Iterator[None]:
        """Keep other processes from fetching the same file at the same time."""
        with locked(self.part(sha256).with_suffix(".lock"), on_wait):
            yield

    def has(self, sha256: str, size: int) -> bool:
        """Whether the file seems to be here; `verify` reads it."""
        try:
            return self.blob(sha256).stat().st_size == size
        except OSError:
            return False

    def verify(self, sha256: str, size: int, on_bytes: Callable[[int], None]) -> bool:
        """Read the file and compare; one that is damaged is removed."""
        if not self.has(sha256, size):
            return False
        with suppress(OSError):
            if sha256_of(self.blob(sha256), on_bytes) == sha256:
                return True
        self.blob(sha256).unlink(missing_ok=True)
        return False

    def store(self, sha256: str) -> None:
        """Make a verified part a blob, in one step."""
        blob, made = self.blob(sha256), self.part(sha256)
        blob.parent.mkdir(exist_ok=True)
        try:
            made.replace(blob)
        except FileNotFoundError:
            # Without locks another process may have been faster.
            if not blob.exists():
                raise LorahubError(
                    "The cache was cleared while a file was being fetched. Pull again.",
                    code="cache",
                ) from None
        part.discard(made)

    def missing_bytes(self, sha256: str, size: int) -> int:
        """What of a file would have to be fetched."""
        return 0 if self.has(sha256, size) else part.missing_bytes(self.part(sha256), size)

    def usage(self) -> Usage:
        found = [path.stat().st_size for path in self._files("blobs", "parts")]
        return Usage(len(found), sum(found))

    def clear(self) -> Usage:
        """Remove what can be fetched again."""
        used = self.usage()
        for path in self._files("blobs", "parts"):
            path.unlink(missing_ok=True)
        return used

    def sweep(self) -> None:
        """Remove parts that were given up long ago."""
        before = time.time() - _PART_DAYS * _DAY_SECONDS
        for path in self._files("parts"):
            with suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()

    def _files(self, *folders: str) -> list[Path]:
        roots = (self.root / folder for folder in folders)
        return [path for root in roots for path in root.rglob("*") if path.is_file()]
