"""Blobs as files of this machine, for work that maps them into memory."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lorahub_server.jobs import JobContext
from lorahub_server.storage.keys import blob_key


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder that goes with the work."""
    folder = Path(tempfile.mkdtemp(prefix="lorahub-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def local_copy(ctx: JobContext, sha256: str, folder: Path, name: str) -> Path:
    """Return the blob as a file of this name: a link to it, or a copy fetched from the store."""
    key = blob_key(sha256)
    path = folder / Path(name).name
    there = ctx.store.local_path(key)
    if there is not None:
        path.symlink_to(there)
        return path
    size = ctx.store.size(key) or 0
    with path.open("xb") as file:
        for chunk in ctx.store.get(key):
            file.write(chunk)
            ctx.progress(file.tell(), size, "fetching the weights")
    return path
