"""How much a request may carry, refused as early as it shows."""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lorahub_server.doors.idle import in_time
from lorahub_server.kit.errors import BadRequest, HubError, TooLarge

BODY_MAX = 10 * 1024 * 1024  # JSON and forms
HEADERS_MAX = 64 * 1024
QUERY_MAX = 8 * 1024
_FORM_ROOM = 1024 * 1024  # what a form adds to the file in it
_PART = r"[^/]+"
# Bodies of files, packs and commits, whose endpoints read them piece by piece and count for
# themselves. Whole addresses, undecoded: a repository may be called like any part of them.
_COUNTED_LATER = (
    ("PUT", rf"/api/hub/v1/repos/{_PART}/{_PART}/raw/{_PART}/.+"),
    ("PATCH", rf"/api/hub/v1/uploads/{_PART}"),
    ("POST", rf"/api/hub/v1/repos/{_PART}/{_PART}/previews"),
    ("POST", rf"/{_PART}/{_PART}/previews/upload"),
    ("PUT", rf"/{_PART}/{_PART}/info/lfs/.+"),
    ("POST", rf"/api/models/{_PART}/{_PART}/commit/{_PART}"),
    ("POST", rf"/{_PART}/{_PART}/git-receive-pack"),
    ("POST", rf"/api/xet/{_PART}/(?:v\d/)?(?:xorbs|shards)(?:/.+)?"),
)
_COUNTERS = tuple((method, re.compile(address)) for method, address in _COUNTED_LATER)
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class HeadersTooLarge(HubError):
    status = 431
    code = "headers_too_large"


class QueryTooLong(HubError):
    status = 414
    code = "address_too_long"


class Limits:
    def __init__(self, app: ASGIApp, *, max_file_bytes: int) -> None:
        self.app = app
        self._max_file_bytes = max_file_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            _check_head(scope)
            limit = self._limit(scope)
            if limit is not None:
                receive = _counted(scope, receive, limit)
        await self.app(scope, receive, send)

    def _limit(self, scope: Scope) -> int | None:
        """Return the most bytes of body, or None where there is none or the endpoint counts."""
        method, path = scope["method"], scope["path"]
        if method not in _WITH_BODY:
            return None
        raw = _raw_path(scope)
        if any(method == wanted and address.fullmatch(raw) for wanted, address in _COUNTERS):
            return None
        if path == "/upload":
            return self._max_file_bytes + _FORM_ROOM
        return BODY_MAX


def _raw_path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("latin-1")


def _check_head(scope: Scope) -> None:
    if len(scope["query_string"]) > QUERY_MAX:
        raise QueryTooLong("The query of the address is too long. Shorten what is asked.")
    if b"\x00" in scope["query_string"] or b"%00" in scope["query_string"]:
        raise BadRequest("The query of the address has a NUL character in it. Remove it.")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_MAX:
        raise HeadersTooLarge("The headers of the request are too large. Drop cookies you can.")


def _counted(scope: Scope, receive: Receive, limit: int) -> Receive:
    announced = next((v for name, v in scope["headers"] if name == b"content-length"), b"")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    left, is_over = limit, False

    async def counted() -> Message:
        nonlocal left, is_over
        # After the body only the client's leaving is waited for, as long as it takes.
        message = await (receive() if is_over else in_time(receive))
        is_over = not message.get("more_body", False)
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_large(limit)
        return message

    return counted


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The request is larger than {limit} bytes. Send files with an upload, or raw with PUT.",
        limit=limit,
    )
