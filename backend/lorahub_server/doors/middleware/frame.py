"""A number for each request, headers for each answer, and an answer whatever happens inside."""

import secrets
from collections.abc import Iterable

import structlog
from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lorahub_server.doors.errors import InternalError, answer, as_hub_error
from lorahub_server.doors.paths import raw_path

_log = structlog.get_logger(__name__)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
Header = tuple[bytes, bytes]
REQUEST_ID = b"x-request-id"
# Names in lower case, as ASGI has them.
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_CACHE_CONTROL = (b"cache-control", b"no-store")
_ID_BYTES = 8
_SERVER_FAULT = 500


def new_request_id() -> str:
    return secrets.token_hex(_ID_BYTES)


def is_api(scope: Scope) -> bool:
    return bool(scope["path"].startswith("/api/"))


def framed(headers: Iterable[Header], *, of_api: bool) -> list[Header]:
    """Return an answer's headers with those that every answer has, but for the request's number."""
    found = list(headers)
    there = {name for name, _ in found}
    found += [one for one in _HEADERS if one[0] not in there]
    if of_api and _CACHE_CONTROL[0] not in there:
        found.append(_CACHE_CONTROL)
    return found


class Frame:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = new_request_id()
        scope.setdefault("state", {})["request_id"] = request_id
        api = is_api(scope)
        started = False

        async def numbered(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = framed(message["headers"], of_api=api)
                headers.append((REQUEST_ID, request_id.encode()))
                message = {**message, "headers": headers}
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self.app(scope, receive, numbered)
        except ClientDisconnect:
            return  # nobody is left to be answered
        except Exception as error:  # the last place to answer from
            _note(scope, error)
            if not started:
                response = _answer(Request(scope, receive), error)
                await response(scope, receive, numbered)


def _answer(request: Request, error: Exception) -> Response:
    try:
        return answer(request, error)
    except Exception:  # the error page itself is broken
        _log.exception("error_page_failed")
        return PlainTextResponse("Something broke inside the hub. Try again later.", 500)


def _note(scope: Scope, error: Exception) -> None:
    told = as_hub_error(error)
    facts = {"method": scope["method"], "path": raw_path(scope).decode("latin-1")}
    if isinstance(told, InternalError):
        _log.exception("request_failed", exc_info=error, **facts)
    elif told.status >= _SERVER_FAULT:
        _log.warning("request_refused", code=told.code, reason=str(error)[:500], **facts)
