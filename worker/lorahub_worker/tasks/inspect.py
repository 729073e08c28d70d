"""Reads an adapter file once and records what it is: facts, hashes, health."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy.orm import Session

from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.inspect import StreamInspector
from lorahub_server.insight import service as insight
from lorahub_server.jobs import JobContext, JobFailed, handler
from lorahub_server.storage import ObjectMissing
from lorahub_server.storage.keys import blob_key

_CHUNK = 4 * 1024 * 1024


@handler("inspect", queue="cpu", max_attempts=5, lease_s=60)
def run(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    """Inspect the blob `args["sha256"]`; `args["config"]` is its adapter_config.json, if any."""
    sha256 = args["sha256"]
    key = blob_key(sha256)
    size = ctx.store.size(key)
    if size is None:
        raise ObjectMissing(key)
    try:
        inspector = StreamInspector(size, args.get("config"))
        done = 0
        for chunk in _joined(ctx.store.get(key)):
            inspector.feed(chunk)
            done += len(chunk)
            ctx.progress(done, size, "reading the weights")
        inspection = inspector.finish()
    except AdapterFileError as error:
        code, message = error.code, str(error)
        raise JobFailed(
            code, message, lambda session: insight.record_failure(session, sha256, code, message)
        ) from error
    return lambda session: insight.record_inspection(session, sha256, inspection)


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
