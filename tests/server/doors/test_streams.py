"""Bodies on their way to a thread: whole, in large pieces, and with what breaks them off."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from types import SimpleNamespace

import pytest
from starlette.requests import ClientDisconnect, Request

from lorahub_server.doors import idle
from lorahub_server.doors.deps import Places
from lorahub_server.doors.idle import Stalled
from lorahub_server.doors.streams import PIECE, Body, pour
from lorahub_server.kit.errors import TooLarge
from support import loops


def body_of(pieces: Iterable[object], headers: dict[str, str] | None = None) -> Body:
    """A body of these messages: bytes, an error to raise, or None for a client that left."""
    waiting = list(pieces)

    async def receive() -> dict[str, object]:
        if not waiting:
            await asyncio.sleep(3600)
        piece = waiting.pop(0)
        if callable(piece):
            return await piece()
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    hub = SimpleNamespace(streams=Places(2))
    scope = {
        "type": "http",
        "method": "PUT",
        "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
        "app": SimpleNamespace(state=SimpleNamespace(hub=hub)),
    }
    return Body(Request(scope, receive))


def collect(kept: list[bytes]) -> Callable[[Iterable[bytes]], int]:
    def consume(chunks: Iterable[bytes]) -> int:
        for chunk in chunks:
            kept.append(chunk)
        return len(kept)

    return consume


def run(body: Body, consume, limit: int = 1 << 40):
    return loops.run(pour(body, consume, limit=limit))


def test_small_pieces_are_joined():
    kept: list[bytes] = []
    run(body_of([b"x" * 1000] * 5000), collect(kept))
    assert b"".join(kept) == b"x" * 5_000_000
    assert all(PIECE <= len(chunk) < PIECE + 1000 for chunk in kept[:-1])


def test_nothing_is_nothing():
    kept: list[bytes] = []
    assert run(body_of([b""]), collect(kept)) == 0


def test_what_was_peeked_at_comes_first_and_once():
    async def scene() -> list[bytes]:
        body, kept = body_of([b"a" * 10, b"b" * 10, b"c" * 10]), []
        assert await body.peek(15) == b"a" * 10 + b"b" * 10
        assert not body.is_over
        assert await body.peek(5) == b"a" * 10 + b"b" * 10
        await pour(body, collect(kept), limit=100)
        return kept

    assert b"".join(loops.run(scene())) == b"a" * 10 + b"b" * 10 + b"c" * 10


def test_a_body_that_was_wholly_peeked_at_is_not_waited_for():
    async def scene() -> list[bytes]:
        body, kept = body_of([b"all"]), []
        assert await body.peek(100) == b"all"
        assert body.is_over
        async with asyncio.timeout(2):
            await pour(body, collect(kept), limit=100)
        return kept

    assert loops.run(scene()) == [b"all"]


def test_what_came_before_the_client_left_is_kept():
    kept: list[bytes] = []
    with pytest.raises(ClientDisconnect):
        run(body_of([b"x" * (PIECE + 5), b"tail", None]), collect(kept))
    assert b"".join(kept) == b"x" * (PIECE + 5) + b"tail"


def test_a_client_that_stalls(monkeypatch):
    monkeypatch.setattr(idle, "IDLE_S", 0.1)
    kept: list[bytes] = []

    async def never():
        await asyncio.sleep(3600)

    with pytest.raises(Stalled):
        run(body_of([b"begin", never]), collect(kept))
    assert kept == [b"begin"]


@pytest.mark.parametrize("extra", [0, 1])
def test_a_limit(extra):
    kept: list[bytes] = []
    body = body_of([b"x" * 50, b"x" * (50 + extra)])
    if not extra:
        run(body, collect(kept), limit=100)
        assert len(b"".join(kept)) == 100
    else:
        with pytest.raises(TooLarge):
            run(body, collect(kept), limit=100)
        assert len(b"".join(kept)) == 50


def test_a_consumer_that_fails_ends_it_at_once():
    def consume(chunks: Iterable[bytes]) -> None:
        next(iter(chunks))
        raise ZeroDivisionError

    began = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        run(body_of([b"x" * PIECE] * 100), consume)
    assert time.monotonic() - began < 2


def test_a_slow_consumer_holds_the_client_back():
    """However fast the bytes come, only a few pieces are in memory."""
    given, taken = [], []

    async def scene() -> None:
        def piece():
            async def message():
                given.append(1)
                return {"type": "http.request", "body": b"x" * PIECE, "more_body": len(given) < 20}

            return message

        body = body_of([piece() for _ in range(20)])
        await pour(body, consume, limit=1 << 40)

    def consume(chunks: Iterable[bytes]) -> None:
        for _ in chunks:
            time.sleep(0.01)
            taken.append(1)
            assert len(given) - len(taken) <= 4

    loops.run(scene())
    assert len(taken) == 20


def test_the_event_loop_goes_on_meanwhile():
    async def scene() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        task = asyncio.create_task(tick())
        await pour(body_of([b"x"]), lambda chunks: (list(chunks), time.sleep(0.5)), limit=10)
        task.cancel()
        return ticks

    assert loops.run(scene()) > 20


def test_a_thread_never_waits_for_a_request_that_was_cancelled():
    """As when the server ends at once: the consumer hears that the client is gone."""
    heard, began = [], threading.Event()

    def consume(chunks: Iterable[bytes]) -> None:
        try:
            for _ in chunks:
                began.set()
        except ClientDisconnect as error:
            heard.append(error)
            raise

    async def scene() -> None:
        body = body_of([b"x" * PIECE, lambda: asyncio.sleep(3600)])
        task = asyncio.create_task(pour(body, consume, limit=1 << 40))
        await asyncio.to_thread(began.wait, 5)
        for other in asyncio.all_tasks() - {asyncio.current_task()}:
            other.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.done()

    loops.run(scene())
    assert len(heard) == 1
