"""How the building of a shard's files goes, in lines that keep the connection alive."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import structlog
from fastapi import Request

from lorahub_server.blobs.xet.build import Builder
from lorahub_server.blobs.xet.shard import ShardFile
from lorahub_server.doors.errors import InternalError, as_hub_error
from lorahub_server.doors.streams import work

_log = structlog.get_logger(__name__)

# Clients give up after 20 seconds without a line.
BEAT_S = 5.0
_RETRYABLE = frozenset({408, 429, 500, 503})


class _GoneError(Exception):
    """Nobody waits for the files any more."""


class _Progress:
    def __init__(self) -> None:
        self.done = 0
        self.is_gone = False

    def report(self, done: int) -> None:
        if self.is_gone:
            raise _GoneError
        self.done = done


async def events(
    request: Request, builder: Builder, files: Sequence[ShardFile]
) -> AsyncIterator[bytes]:
    """Build the files and tell of it; the last line has the result or what is wrong."""
    progress = _Progress()
    building = asyncio.create_task(work(request, lambda: builder.build(files, progress.report)))
    building.add_done_callback(_heard)
    try:
        while not building.done():
            yield _line("validating", verified=progress.done, total=len(files))
            await asyncio.wait({building}, timeout=BEAT_S)
        yield _outcome(building)
    finally:
        progress.is_gone = True


def _outcome(building: "asyncio.Task[bool]") -> bytes:
    error = building.exception()
    if error is None:
        return _line("result", result=int(building.result()))
    assert isinstance(error, Exception)
    told = as_hub_error(error)
    if isinstance(told, InternalError):
        _log.error("xet_build_failed", exc_info=error)
    return _line("error", message=told.message, retryable=told.status in _RETRYABLE)


def _heard(building: "asyncio.Task[bool]") -> None:
    """Look at the error also when nobody waits, which else would be reported as overlooked."""
    if not building.cancelled():
        building.exception()


def _line(kind: str, **more: Any) -> bytes:
    return json.dumps({"type": kind, **more}).encode() + b"\n"
