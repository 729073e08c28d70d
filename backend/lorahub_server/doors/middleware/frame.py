"""A number for each request, headers for each answer, and an answer whatever happens inside."""

import secrets

import structlog
from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from starlette.datastructures import MutableHeaders
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
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_ID_BYTES = 8
_SERVER_FAULT = 500


class Frame:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = secrets.token_hex(_ID_BYTES)
        scope.setdefault("state", {})["request_id"] = request_id
        api = scope["path"].startswith("/api/")
        started = False

        async def framed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if api:
                    headers.setdefault("Cache-Control", "no-store")
                headers["X-Request-Id"] = request_id
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self.app(scope, receive, framed)
        except ClientDisconnect:
            return  # nobody is left to be answered
        except Exception as error:  # the last place to answer from
            _note(scope, error)
            if not started:
                response = _answer(Request(scope, receive), error)
                await response(scope, receive, framed)


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
