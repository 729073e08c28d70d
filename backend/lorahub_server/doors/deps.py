"""What endpoints ask for: their one transaction, with the caller in it.

    def show(tx: ReadTx, owner: str, name: str) -> RepoOut: ...     reads
    def rename(tx: WriteTx, ...) -> RepoOut: ...                    changes, commits, then answers
    def sign_in(hub: OwnHub, ...) -> Response: ...                  has transactions of its own

Endpoints are plain functions and run in the thread pool. Each kind has so many places that all of
them together fit into the pool and into the database's connections. So one that holds a
transaction always finds a thread, and threads that wait for the database never fill the pool.
A stream of bytes is an async endpoint; it asks for `reading` or `writing` around its bytes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Annotated, TypeVar, cast

from fastapi import Depends, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from lorahub_server.access import Caller, Tx
from lorahub_server.access.authenticate import authenticate, touch
from lorahub_server.accounts import sessions
from lorahub_server.config import Settings
from lorahub_server.doors.errors import Busy
from lorahub_server.doors.touches import Touches
from lorahub_server.doors.upstream.asking import Upstream
from lorahub_server.kit import csrf
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Database
from lorahub_server.kit.generation import Generation
from lorahub_server.storage import ObjectStore

_T = TypeVar("_T")

# Together the size of the database's pool (kit.db.POOL), which is that of the thread pool.
READERS, WRITERS, OWNERS = 24, 8, 8
# Bodies of files that arrive at once; each has a thread of its own and up to 3 MiB of memory.
STREAMS = 100
# Bodies that are kept in memory, up to some 200 MB each, until they are whole.
HEAVY = 16
_PATIENCE_S = 20.0
_RETRY_S = 2


class Places:
    """So many requests of one kind at once; others wait without holding a thread."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        if self._free.locked():
            await self._wait()
        else:
            await self._free.acquire()
        try:
            yield
        finally:
            self._free.release()

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._free.acquire(), _PATIENCE_S)
        except TimeoutError:
            message = "The hub has more to do than it can. Try again in a moment."
            raise Busy(message, retry_after=_RETRY_S) from None


@dataclass(frozen=True, slots=True)
class Hub:
    """What one process of the hub works with; `app.state.hub` is the one."""

    db: Database
    store: ObjectStore
    settings: Settings
    generation: Generation
    touches: Touches
    upstream: Upstream | None = None
    readers: Places = field(default_factory=lambda: Places(READERS))
    writers: Places = field(default_factory=lambda: Places(WRITERS))
    owners: Places = field(default_factory=lambda: Places(OWNERS))
    streams: Places = field(default_factory=lambda: Places(STREAMS))
    heavy: Places = field(default_factory=lambda: Places(HEAVY))


def hub_of(request: Request) -> Hub:
    return cast("Hub", request.app.state.hub)


def base_url(request: Request) -> str:
    """Return the address people reach the hub at, without a slash at its end."""
    settings = hub_of(request).settings
    return settings.public_url or str(request.base_url).rstrip("/")


def request_id_of(request: Request) -> str:
    return cast("str", request.state.request_id)


async def _reader(request: Request) -> AsyncIterator[None]:
    async with hub_of(request).readers.one():
        yield


async def _writer(request: Request) -> AsyncIterator[None]:
    async with hub_of(request).writers.one():
        yield


async def own_hub(request: Request) -> AsyncIterator[Hub]:
    """Give a plain endpoint the hub, for short transactions that it opens itself."""
    hub = hub_of(request)
    async with hub.owners.one():
        yield hub


# The scope makes the exit part run, and so the commit happen, before the answer is sent.
def read_tx(
    request: Request, _place: Annotated[None, Depends(_reader, scope="function")]
) -> Iterator[Tx]:
    yield from _read(request)


def write_tx(
    request: Request, _place: Annotated[None, Depends(_writer, scope="function")]
) -> Iterator[Tx]:
    yield from _write(request)


ReadTx = Annotated[Tx, Depends(read_tx, scope="function")]
WriteTx = Annotated[Tx, Depends(write_tx, scope="function")]
OwnHub = Annotated[Hub, Depends(own_hub, scope="function")]


async def reading(request: Request, work: Callable[[Tx], _T]) -> _T:
    """Run `work` in a reading transaction, in a thread: for endpoints that stream bytes."""
    async with hub_of(request).readers.one():
        return await run_in_threadpool(_within, _read, request, work)


async def writing(request: Request, work: Callable[[Tx], _T]) -> _T:
    """Run `work` in a writing transaction, in a thread; it is committed on return."""
    async with hub_of(request).writers.one():
        return await run_in_threadpool(_within, _write, request, work)


def _within(
    kind: Callable[[Request], Iterator[Tx]], request: Request, work: Callable[[Tx], _T]
) -> _T:
    with contextmanager(kind)(request) as tx:
        return work(tx)


def _read(request: Request) -> Iterator[Tx]:
    hub = hub_of(request)
    with hub.db.read() as session:
        tx = _begin(request, hub, session)
        yield tx
    hub.touches.note(tx.caller)


def _write(request: Request) -> Iterator[Tx]:
    hub = hub_of(request)
    with hub.db.write() as session:
        tx = _begin(request, hub, session)
        touch(session, tx.caller)
        yield tx


def _begin(request: Request, hub: Hub, session: Session) -> Tx:
    caller = authenticate(
        session,
        hub.settings,
        authorization=request.headers.get("authorization"),
        cookie=request.cookies.get(sessions.COOKIE),
    )
    request.state.caller = caller
    _check_origin(request, hub.settings, caller)
    return Tx(
        session=session,
        caller=caller,
        store=hub.store,
        settings=hub.settings,
        now=now(),
        request_id=request_id_of(request),
    )


def _check_origin(request: Request, settings: Settings, caller: Caller) -> None:
    """Refuse what another site's page makes a signed-in browser do.

    A form carries the token in a field, which its page checks; a call of the API in a header.
    """
    if caller.via != "session" or request.method in csrf.SAFE_METHODS:
        return
    csrf.check_origin(
        [base_url(request)],
        origin=request.headers.get("origin"),
        sec_fetch_site=request.headers.get("sec-fetch-site"),
    )
    if request.scope["path"].startswith("/api/"):
        csrf.check(
            settings.secret_key(),
            request.headers.get(csrf.HEADER),
            request.cookies.get(csrf.COOKIE),
            request.cookies.get(sessions.COOKIE, ""),
        )
