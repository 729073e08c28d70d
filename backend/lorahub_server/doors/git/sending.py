"""An answer that is made while it is sent, by code that reads from the database in between."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from time import monotonic

import anyio.to_thread
from fastapi import Response
from starlette.types import Receive, Scope, Send

from lorahub_server.doors.deps import Hub
from lorahub_server.doors.files.send import send_all

# Small pieces are sent together.
_PIECE = 64 * 1024
# But not late: what is said about progress keeps people, and proxies, from giving up.
_PATIENCE_S = 0.5


class Sending(Response):
    """Each step of `parts` runs in a thread; between two of them it may hold nothing."""

    def __init__(self, hub: Hub, parts: Iterator[bytes], headers: Mapping[str, str]) -> None:
        self._hub = hub
        self._parts = parts
        super().__init__(headers=dict(headers))
        del self.headers["Content-Length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        async with self._hub.streams.one():
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            await send_all(self._pieces(), receive, send)

    async def _pieces(self) -> AsyncGenerator[bytes]:
        limiter = anyio.CapacityLimiter(1)
        while piece := await anyio.to_thread.run_sync(self._next, limiter=limiter):
            yield piece
            await asyncio.sleep(0)

    def _next(self) -> bytes:
        """Return the next bytes; none at the end."""
        gathered, until = bytearray(), monotonic() + _PATIENCE_S
        for part in self._parts:
            gathered += part
            if len(gathered) >= _PIECE or monotonic() > until:
                break
        return bytes(gathered)
