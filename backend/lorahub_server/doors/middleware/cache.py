"""Answers to visitors without an account, kept as long as the database stays as it was.

Nothing is ever served that a new answer would not say: a kept one counts only while no transaction
has been committed since (`kit.generation`), and for a minute at most, as some words tell how long
ago things were.
"""

import gzip
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lorahub_server.accounts import sessions
from lorahub_server.doors.middleware.frame import (
    REQUEST_ID,
    Header,
    framed,
    is_api,
    new_request_id,
)
from lorahub_server.doors.paths import raw_path
from lorahub_server.kit.generation import Generation

ROOM = 32 * 1024 * 1024
BODY_MAX = 512 * 1024
KEPT_S = 60.0
_PACKED_FROM = 1024
_KINDS = (
    "text/html",
    "application/atom+xml",
    "application/rss+xml",
    "application/feed+json",
    "application/xml",
)
# Lists and facts for programs: all repositories, or one.
_LISTS = re.compile(rb"/api/(?:hub/v1/repos|models)(?:/[^/]+/[^/]+)?")
_OK = 200

_ASKED = "lorahub.asked_for_kept"

_Key = tuple[bytes, ...]
_State = tuple[int, str]


@dataclass(slots=True)
class _Kept:
    """`framed` are `headers` and those that every answer has."""

    state: _State
    until: float
    headers: list[Header]
    framed: list[Header]
    etag: bytes
    body: bytes
    _packed: bytes | None = None

    @property
    def size(self) -> int:
        """The bytes it takes, packed or not: text is packed into a third."""
        return len(self.body) * 4 // 3 + 1024

    @property
    def packed(self) -> bytes | None:
        """The body for those who can unpack it, made when the first of them asks."""
        if self._packed is None and len(self.body) >= _PACKED_FROM:
            self._packed = gzip.compress(self.body, 6, mtime=0)
        return self._packed


class Answers:
    """What is kept, for each web process. `room`: bytes that answers may take together."""

    def __init__(self, generation: Generation, room: int = ROOM) -> None:
        self._generation = generation
        self._room = room
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._used = 0

    async def serve(self, scope: Scope, send: Send) -> bool:
        """Answer a request past everything else if its answer is kept; tell whether that was so."""
        if scope["method"] != "GET" or not _is_for_all(scope):
            return False
        key, state = _key(scope), await self.state()
        kept = self.find(key, state)
        if kept is None:
            scope[_ASKED] = key, state
            return False
        await _answer(kept, [*kept.framed, (REQUEST_ID, new_request_id().encode())], scope, send)
        return True

    def find(self, key: _Key, state: _State | None) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None or kept.state != state or time.monotonic() >= kept.until:
            return None
        self._kept.move_to_end(key)
        return kept

    async def state(self) -> _State | None:
        if self._generation.is_instant:
            return self._generation.name()
        return await anyio.to_thread.run_sync(self._generation.name)

    def keep(self, key: _Key, made: _Kept) -> None:
        before = self._kept.pop(key, None)
        self._used += made.size - (before.size if before else 0)
        self._kept[key] = made
        while self._used > self._room:
            _, oldest = self._kept.popitem(last=False)
            self._used -= oldest.size


class AnswerCache:
    """Keeps what is answered, and answers what `Answers.serve` was not asked for.

    `has_lists`: whether the answers of programs' lists come from the database alone.
    """

    def __init__(self, app: ASGIApp, *, answers: Answers, has_lists: bool = True) -> None:
        self.app = app
        self._answers = answers
        self._has_lists = has_lists

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not _is_for_all(scope):
            # What comes of it is for this caller alone, or a part.
            await self.app(scope, receive, send)
            return
        if _ASKED in scope:
            key, state = scope[_ASKED]
        else:
            key, state = _key(scope), await self._answers.state()
            kept = self._answers.find(key, state)
            if kept is not None:
                await _answer(kept, kept.headers, scope, send)
                return
        await self._ask(key, state, scope, receive, send)

    async def _ask(
        self, key: _Key, state: _State | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let the answer be made; one that may be kept is sent on when it is whole."""
        begun: Message | None = None
        pieces: list[bytes] = []

        async def listening(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and self._may_be_kept(key, message):
                begun = message
            elif begun is None:
                await send(message)
            else:
                pieces.append(message.get("body", b""))
                if message.get("more_body", False):
                    return
                await self._finish(key, state, scope, begun, b"".join(pieces), send)

        await self.app(scope, receive, listening)

    async def _finish(
        self,
        key: _Key,
        state: _State | None,
        scope: Scope,
        begun: Message,
        body: bytes,
        send: Send,
    ) -> None:
        made = _made(state or (0, ""), begun, body, of_api=is_api(scope))
        # Whoever committed meanwhile may or may not be in it.
        if state is not None and len(body) <= BODY_MAX and await self._answers.state() == state:
            self._answers.keep(key, made)
        await _answer(made, made.headers, scope, send)

    def _may_be_kept(self, key: _Key, start: Message) -> bool:
        headers = Headers(raw=start["headers"])
        if start["status"] != _OK or "set-cookie" in headers or "content-encoding" in headers:
            return False
        kind = headers.get("content-type", "")
        if headers.get("cache-control") == "no-cache" and "etag" in headers:
            return kind.startswith(_KINDS)
        is_list = self._has_lists and _LISTS.fullmatch(key[2]) is not None
        return is_list and "cache-control" not in headers and kind == "application/json"


def _is_for_all(scope: Scope) -> bool:
    """Tell whether nothing in the request says who asks, or asks for a part."""
    session = sessions.COOKIE.encode()
    for name, value in scope["headers"]:
        if name in (b"authorization", b"range", b"hx-request"):
            return False
        if name == b"cookie" and session in value:
            return False
    return True


def _key(scope: Scope) -> _Key:
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return scope["scheme"].encode(), host, raw_path(scope), scope["query_string"]


def _made(state: _State, begun: Message, body: bytes, *, of_api: bool) -> _Kept:
    headers = [(name, value) for name, value in begun["headers"] if name != b"content-length"]
    etag = next((value for name, value in headers if name == b"etag"), b"")
    if not etag:
        etag = b'W/"' + hashlib.sha256(body).hexdigest()[:24].encode() + b'"'
        headers += [(b"etag", etag), (b"cache-control", b"no-cache")]
    varying = _varying(headers)
    until = time.monotonic() + KEPT_S
    return _Kept(state, until, varying, framed(varying, of_api=of_api), etag, body)


def _varying(headers: Iterable[Header]) -> list[Header]:
    found = MutableHeaders(raw=list(headers))
    found.add_vary_header("Accept-Encoding")
    return found.raw


async def _answer(kept: _Kept, with_headers: Sequence[Header], scope: Scope, send: Send) -> None:
    headers = list(with_headers)
    told = dict(scope["headers"])
    if kept.etag in told.get(b"if-none-match", b""):
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    body = kept.body
    packed = kept.packed if b"gzip" in told.get(b"accept-encoding", b"") else None
    if packed is not None:
        body = packed
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": _OK, "headers": headers})
    await send({"type": "http.response.body", "body": body})
