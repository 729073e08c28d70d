"""Reads and measures an adapter file once and records what it is and what it does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.inspect import Inspection, StreamInspector
from lorahub.adapters.report import inspect_file
from lorahub_server.insight import service as insight
from lorahub_server.insight.likeness import comparing
from lorahub_server.jobs import JobContext, JobFailed, handler
from lorahub_server.storage import ObjectMissing
from lorahub_server.storage.keys import blob_key
from lorahub_worker.local import workshop

_CHUNK = 4 * 1024 * 1024


def _given_up(session: Session, args: dict[str, Any], code: str, message: str) -> None:
    insight.record_given_up(session, args["sha256"], code, message)


@handler("inspect", queue="cpu", max_attempts=5, lease_s=60, on_parked=_given_up)
def run(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    """Inspect the blob `args["sha256"]`; `args["config"]` is its adapter_config.json, if any."""
    sha256, config = args["sha256"], args.get("config")
    try:
        with workshop() as folder:
            path, inspection = _read(ctx, sha256, config, folder)
            measures = _measure(ctx, path, config, inspection)
    except AdapterFileError as error:
        code, message = error.code, str(error)
        raise JobFailed(
            code, message, lambda session: insight.record_failure(session, sha256, code, message)
        ) from error
    return lambda session: insight.record_inspection(session, sha256, inspection, measures)


def _read(
    ctx: JobContext, sha256: str, config: dict[str, Any] | None, folder: Path
) -> tuple[Path, Inspection]:
    """Hash and check the file as it streams by; return where it can be mapped into memory.

    The hashes take every byte in order, and files of a store come as streams, so this pass is owed
    beside the measuring, which goes by modules. What it looks at besides, the values of tensors
    that belong to no module too, is less than a tenth of both together.
    """
    key = blob_key(sha256)
    size = ctx.store.size(key)
    if size is None:
        raise ObjectMissing(key)
    there = ctx.store.local_path(key)
    path = there or folder / "weights.safetensors"
    inspector = StreamInspector(size, config)
    done = 0
    for chunk in _joined(ctx.store.get(key)):
        inspector.feed(chunk)
        if there is None:
            with path.open("ab") as file:
                file.write(chunk)
        done += len(chunk)
        ctx.progress(done, 2 * size, "reading the weights")
    return path, inspector.finish()


def _measure(
    ctx: JobContext, path: Path, config: dict[str, Any] | None, inspection: Inspection
) -> insight.Measures:
    hashes = {**inspection.hashes, "data_sha256": inspection.data_sha256}

    def progress(done: int, total: int) -> None:
        ctx.progress(total + done, 2 * total, "measuring the modules")

    try:
        report = inspect_file(path, config, hashes=hashes, progress=progress)
    except AdapterFileError as error:
        if not config:
            raise
        # The weights are sound; what lies beside them is not to be followed.
        report = inspect_file(path, None, hashes=hashes, progress=progress)
        said = {"code": error.code, "message": str(error), "count": 1, "keys": []}
        report["warnings"].insert(0, said)
    return insight.Measures(report, comparing.sketched(report))


def _joined(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Join the store's chunks to 4 MiB, a size at which the measures cost little per call."""
    waiting, size = [], 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= _CHUNK:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
