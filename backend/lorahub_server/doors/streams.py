"""A request's body for code that reads it in a thread: in large pieces, with little memory.

The event loop gathers what arrives into pieces of about a MiB and hands them to the thread, one
ahead of the one in work. When the client goes away or stalls, the thread gets what came until then
and after it the error.
"""

import asyncio
import queue
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import anyio.to_thread
from fastapi import Request
from starlette.requests import ClientDisconnect

from lorahub_server.doors.deps import hub_of
from lorahub_server.doors.idle import in_time
from lorahub_server.kit.errors import HubError, TooLarge

PIECE = 1024 * 1024
_AHEAD = 1

_T = TypeVar("_T")


class Body:
    """The body of one request; nothing is read, and no `100 Continue` sent, before it is asked."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.is_over = False
        self._kept = b""

    @property
    def announced(self) -> int | None:
        """The length that the client says it has; None when it is sent in chunks."""
        text = self.request.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else None

    async def peek(self, size: int) -> bytes:
        """Return the beginning, more than `size` bytes unless it is over; `pour` starts there."""
        received = bytearray(self._kept)
        while not self.is_over and len(received) <= size:
            received += await self.receive()
        self._kept = bytes(received)
        return self._kept

    async def receive(self) -> bytes:
        """Return the next bytes, or raise ClientDisconnect or Stalled."""
        if self._kept:
            kept, self._kept = self._kept, b""
            return kept
        message = await in_time(self.request.receive)
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self.is_over = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body

    @property
    def has_more(self) -> bool:
        return bool(self._kept) or not self.is_over


async def pour(body: Body, consume: Callable[[Iterable[bytes]], _T], *, limit: int) -> _T:
    """Return `consume(chunks)`, run in a thread on what is left of the body.

    The iterable raises ClientDisconnect, Stalled, or TooLarge beyond `limit` bytes.
    """
    async with hub_of(body.request).streams.one():
        pipe = _Pipe()
        gathering = asyncio.create_task(_gather(body, pipe, limit))
        try:
            return await _own_thread(consume, iter(pipe))
        finally:
            gathering.cancel()


async def work(request: Request, function: Callable[[], _T]) -> _T:
    """Run what takes long, such as reading a large file, without a place among short requests."""
    async with hub_of(request).streams.one():
        return await _own_thread(lambda _: function(), None)


async def _own_thread(function: Callable[..., _T], argument: object) -> _T:
    # A limiter of its own: `streams` has counted it, and the common pool stays free.
    return await anyio.to_thread.run_sync(function, argument, limiter=anyio.CapacityLimiter(1))


class _Pipe:
    """From the event loop to a thread. Iterating is for the thread, the rest for the loop."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[bytes | Exception | None] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(_AHEAD)
        self._loop = asyncio.get_running_loop()

    async def put(self, piece: bytes) -> None:
        await self._room.acquire()
        self._items.put(piece)

    def end(self, piece: bytes, error: Exception | None) -> None:
        """Hand over the last piece, and what broke the body off."""
        if piece:
            self._items.put(piece)
        self._items.put(error)

    def __iter__(self) -> Iterator[bytes]:
        while (item := self._items.get()) is not None:
            if isinstance(item, Exception):
                raise item
            self._loop.call_soon_threadsafe(self._room.release)
            yield item


async def _gather(body: Body, pipe: _Pipe, limit: int) -> None:
    pieces: list[bytes] = []
    length, left = 0, limit
    error: Exception | None = ClientDisconnect()  # stands when this task is cancelled
    try:
        while body.has_more:
            data = await body.receive()
            left -= len(data)
            if left < 0:
                raise TooLarge(f"More than {limit} bytes came. Send a smaller file.", limit=limit)
            pieces.append(data)
            length += len(data)
            if length >= PIECE:
                await pipe.put(b"".join(pieces))
                pieces, length = [], 0
        error = None
    except (ClientDisconnect, HubError) as broke:
        error = broke
    finally:
        pipe.end(b"".join(pieces), error)
