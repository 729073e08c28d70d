"""The bytes of a file as an answer."""

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread
from anyio.lowlevel import RunVar
from fastapi import Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from lorahub_server.doors import idle
from lorahub_server.doors.files.ranges import Span
from lorahub_server.doors.middleware.head import is_head
from lorahub_server.storage import ObjectMissing, ObjectStore, StorageError

# Measured with uvicorn on 150 MB: .23 of the time of Starlette's FileResponse.
PIECE = 512 * 1024
# After so many pieces others get their turn, however fast this client reads.
_TURN = 8
# Reads what the kernel has in memory, and fails at once where a disk would be waited for.
_AT_ONCE: int | None = getattr(os, "RWF_NOWAIT", None)
# Threads that wait for a disk or for S3; the common pool is for requests that hold transactions.
_READERS = 32
_limiter: RunVar[anyio.CapacityLimiter] = RunVar("file_readers")


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that only its store can read."""

    store: ObjectStore
    key: str


class Bytes(Response):
    """Sends a span of a file; a HEAD request gets the same headers."""

    def __init__(
        self, span: Span, source: bytes | Path | Stored, headers: Mapping[str, str]
    ) -> None:
        self._span = span
        self._source = source
        super().__init__(status_code=206 if span.is_part else 200, headers=dict(headers))
        self.headers["Content-Length"] = str(span.length)
        if span.is_part:
            last = span.stop - 1
            self.headers["Content-Range"] = f"bytes {span.start}-{last}/{span.size}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        if is_head(scope) or not self._span.length:
            await send(start)
            await send({"type": "http.response.body", "body": b""})
        elif isinstance(self._source, bytes):
            await send(start)
            body = self._source[self._span.start : self._span.stop]
            await send({"type": "http.response.body", "body": body})
        else:
            # Opened before anything is sent: what is not there can still be an error answer.
            pieces = await _open(self._source, self._span)
            await send(start)
            await send_all(pieces, receive, send)


async def send_all(pieces: AsyncGenerator[Any], receive: Receive, send: Send) -> None:
    # The server takes bytes for a client that is gone without a word.
    gone = asyncio.create_task(_until_gone(receive))
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                if gone.done():
                    return
                async with asyncio.timeout(idle.IDLE_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        # It takes nothing any more. The connection ends with the answer cut short.
        raise ClientDisconnect from None
    finally:
        gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _open(source: Path | Stored, span: Span) -> AsyncGenerator[Any]:
    if isinstance(source, Stored):
        chunks = await _in_thread(source.store.get, source.key, span.start, span.stop)
        return _of_store(chunks)
    try:
        fd = await _in_thread(os.open, source, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise ObjectMissing(source.name) from error
    return _of_file(fd, span)


async def _of_file(fd: int, span: Span) -> AsyncGenerator[Any]:
    position, turn, at_once = span.start, 0, _AT_ONCE
    try:
        while position < span.stop:
            size = min(PIECE, span.stop - position)
            piece: memoryview | bytes = b""
            if at_once is not None:
                piece, at_once = _read_at_once(fd, size, position, at_once)
            if not piece:
                piece = await _in_thread(os.pread, fd, size, position)
            if not piece:
                raise StorageError(f"A file ended at byte {position}, before byte {span.stop}.")
            position += len(piece)
            yield piece
            turn += 1
            if turn % _TURN == 0:
                await asyncio.sleep(0)
    finally:
        os.close(fd)


def _read_at_once(fd: int, size: int, position: int, flag: int) -> tuple[memoryview, int | None]:
    """Return what needs no waiting, and None as the flag where the file system can't tell."""
    buffer = bytearray(size)
    try:
        count = os.preadv(fd, [buffer], position, flag)
    except BlockingIOError:
        return memoryview(b""), flag
    except OSError:
        return memoryview(b""), None
    return memoryview(buffer)[:count], flag


async def _of_store(chunks: Any) -> AsyncGenerator[Any]:
    while (piece := await _in_thread(next, chunks, None)) is not None:
        yield piece


async def _in_thread(function: Any, *arguments: Any) -> Any:
    try:
        limiter = _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(_READERS)
        _limiter.set(limiter)
    return await anyio.to_thread.run_sync(function, *arguments, limiter=limiter)
