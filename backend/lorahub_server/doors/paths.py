"""Addresses are split before they are decoded: a slash inside a revision is no separator.

The framework routes on the decoded path, where `feature%2Fx` and `feature/x` look alike. So it is
given a path of our making: the raw path's pieces, each decoded once, in which a slash that was sent
as %2F is a mark. The converters of route parameters turn marks back into slashes. Routes are
declared as usual, with `{revision}` and `{path:path}`, and endpoints see what was meant.
"""

import re
import unicodedata
from typing import Any, ClassVar
from urllib.parse import quote, unquote_to_bytes

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

from lorahub_server.kit.errors import BadRequest, HubError

RAW_MAX = 8 * 1024
# A control character: no path that gets past `routing_path` has one of its own.
_MARK = "\x1f"
_STRAY_PERCENT = re.compile(rb"%(?![0-9a-fA-F]{2})")
_FORBIDDEN = {"Cc", "Cs"}


class AddressTooLong(HubError):
    status = 414
    code = "address_too_long"


class BadAddress(BadRequest):
    """The path of the request can't be read, or leads out of what it names."""

    code = "bad_address"


class RawPaths:
    """ASGI middleware that puts the path to route on in place of the decoded one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = routing_path(raw_path(scope))
        await self.app(scope, receive, send)


def raw_path(scope: Scope) -> bytes:
    """Return the path as it was sent, without the query."""
    raw: bytes | None = scope.get("raw_path")
    return quote(scope["path"]).encode() if raw is None else raw.partition(b"?")[0]


def routing_path(raw: bytes) -> str:
    """Return the path to route on, or raise AddressTooLong or BadAddress. One last / is ignored."""
    if len(raw) > RAW_MAX:
        raise AddressTooLong("The address is too long. Shorten the path or the revision in it.")
    pieces = raw.split(b"/")
    if pieces[0]:
        raise BadAddress("The path of an address begins with a slash.")
    if pieces == [b"", b""]:
        return "/"
    if not pieces[-1]:
        pieces.pop()
    return "/" + "/".join(_decoded(piece).replace("/", _MARK) for piece in pieces[1:])


def restored(text: str) -> str:
    """Return a part of the path that was routed on as it was meant."""
    return text.replace(_MARK, "/")


def _decoded(piece: bytes) -> str:
    if _STRAY_PERCENT.search(piece):
        raise BadAddress("The address has a % that encodes nothing. Send a % itself as %25.")
    try:
        text = unquote_to_bytes(piece).decode()
    except UnicodeDecodeError as error:
        raise BadAddress("The address is not UTF-8. Encode it as UTF-8 and then with %.") from error
    if any(part in {"", ".", ".."} for part in text.split("/")):
        raise BadAddress("The address has an empty, . or .. part. Write the whole path plainly.")
    if any(unicodedata.category(character) in _FORBIDDEN for character in text):
        raise BadAddress("The address has a control character in it. Remove it.")
    return text


class _Piece(Convertor[str]):
    """One piece between two slashes, such as a name or a revision."""

    regex: ClassVar[str] = "[^/]+"

    def convert(self, value: str) -> str:
        return restored(value)

    def to_string(self, value: Any) -> str:
        return quote(str(value), safe="")


class _Rest(Convertor[str]):
    """All that follows, such as a file's path; its slashes may be sent either way."""

    regex: ClassVar[str] = ".*"

    def convert(self, value: str) -> str:
        return restored(value)

    def to_string(self, value: Any) -> str:
        return quote(str(value), safe="/")


def install() -> None:
    """Make the framework's own two converters these, so that no route can forget to."""
    register_url_convertor("str", _Piece())
    register_url_convertor("path", _Rest())
