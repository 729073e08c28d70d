"""Calls to the application without a socket: what is sent is exactly what was meant."""

import http.client
import json as jsonlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import unquote, urlencode

import anyio
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from starlette.routing import BaseRoute

from lorahub_server.accounts import sessions
from lorahub_server.accounts.service import get_account, insert_account
from lorahub_server.accounts.tokens import create_token
from lorahub_server.doors.deps import Hub
from lorahub_server.kit import csrf
from support.http import API, Answer, Api

# Among the pieces of a body: from here on nothing comes, and the connection stays.
STOP = b"(stop)"
OnStart = Callable[[dict[str, Any]], None]


_routes: dict[int, BaseRoute] = {}


def _share_routes(app: FastAPI) -> None:
    """Let all applications of this process have the same routes below the doors' routers.

    FastAPI builds them at the first requests, which takes longer than most tests.
    """
    routes = app.router.routes
    for number, route in enumerate(routes):
        router = getattr(route, "original_router", None)
        if router is not None:
            routes[number] = _routes.setdefault(id(router), route)


class Site:
    """One application with its event loop in a thread, as a web process has it."""

    def __init__(self, app: FastAPI) -> None:
        _share_routes(app)
        self.app = app
        self.hub: Hub = app.state.hub
        self._stack = ExitStack()

    def open(self) -> "Site":
        self.portal = self._stack.enter_context(start_blocking_portal("asyncio"))
        lifespan = self.app.router.lifespan_context(self.app)
        self._stack.enter_context(self.portal.wrap_async_context_manager(lifespan))
        return self

    def close(self) -> None:
        self._stack.close()

    def add_account(self, name: str, *, scopes: tuple[str, ...] = ("read", "write")) -> "InProcess":
        """Make an account without a password; return a caller with a token of it."""
        with self.hub.db.write() as session:
            account = insert_account(session, name, None)
            _, token = create_token(session, self.hub.settings, account, "test", scopes)
        return self.as_token(token)

    def token_of(self, name: str, *scopes: str) -> "InProcess":
        with self.hub.db.write() as session:
            account = get_account(session, name)
            _, token = create_token(session, self.hub.settings, account, "more", scopes)
        return self.as_token(token)

    def as_token(self, token: str | None) -> "InProcess":
        return InProcess(self, token)

    def signed_in(self, name: str) -> "InProcess":
        """Return a caller with the cookies of a browser, and the header its pages send."""
        settings = self.hub.settings
        with self.hub.db.write() as session:
            account = get_account(session, name)
            cookie = sessions.open_session(session, settings, account)
        nonce = csrf.new_cookie()
        headers = {
            "Cookie": f"{sessions.COOKIE}={cookie}; {csrf.COOKIE}={nonce}",
            "Origin": "http://hub.test",
            csrf.HEADER: csrf.issue(settings.secret_key(), nonce, cookie),
        }
        return InProcess(self, None, headers)


class InProcess(Api):
    """Like support.http.Api, into an application in this process."""

    def __init__(
        self, site: Site, token: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__("http://hub.test", token)
        self.site = site
        self.headers = dict(headers or {})

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | Iterable[bytes] | None = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        on_start: OnStart | None = None,
    ) -> Answer:
        sent = {"Host": "hub.test", **self.headers, **(headers or {})}
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if json is not None:
            body = jsonlib.dumps(json).encode()
            sent["Content-Type"] = "application/json"
        if isinstance(body, bytes):
            sent.setdefault("Content-Length", str(len(body)))
        if not path.startswith("/"):
            path = f"{API}/{path}"
        target, _, given = path.partition("?")
        query_string = urlencode(query, doseq=True) if query else given
        raw = [(k.lower().encode(), v.encode("latin-1")) for k, v in sent.items()]
        pieces = [body] if isinstance(body, bytes) else list(body or [])
        return self.site.portal.call(
            run, self.site.app, method, target.encode("latin-1"), query_string.encode(), raw, pieces,
            on_start,
        )  # fmt: skip

    def head(self, path: str, **more: Any) -> Answer:
        return self.call("HEAD", path, **more)


async def run(
    app: FastAPI,
    method: str,
    raw_path: bytes,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    body: list[bytes | Exception],
    on_start: OnStart | None = None,
) -> Answer:
    """Make one request as uvicorn would and return what was sent.

    An error among the pieces of the body is raised where that piece is asked for.
    """
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw_path.decode("latin-1")),
        "raw_path": raw_path,
        "root_path": "",
        "query_string": query,
        "headers": headers,
        "client": ("127.0.0.1", 5000),
        "server": ("hub.test", 80),
        "state": {},
    }
    waiting = list(body) or [b""]
    over = anyio.Event()
    status, told, pieces = 0, http.client.HTTPMessage(), []

    async def receive() -> dict[str, Any]:
        if waiting:
            piece = waiting.pop(0)
            if isinstance(piece, Exception):
                raise piece
            if piece is STOP:
                await anyio.sleep_forever()
            return {"type": "http.request", "body": piece, "more_body": bool(waiting)}
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            assert status == 0, "two answers to one request"
            status = message["status"]
            for name, value in message["headers"]:
                told[name.decode()] = value.decode("latin-1")
            if on_start is not None:
                await anyio.to_thread.run_sync(on_start, message)
        else:
            pieces.append(bytes(message.get("body", b"")))
            if not message.get("more_body", False):
                over.set()

    await app(scope, receive, send)
    return Answer(status, told, b"".join(pieces))
