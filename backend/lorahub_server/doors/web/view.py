"""From a template and facts to an answer: the one place that renders pages."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lorahub_server.access import Caller, anonymous
from lorahub_server.accounts import sessions
from lorahub_server.config import Settings
from lorahub_server.doors import links
from lorahub_server.doors.web import pictures, words
from lorahub_server.doors.web.assets import static_url
from lorahub_server.doors.web.card_pieces import card_piece
from lorahub_server.kit import csrf

templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
templates.filters.update(words.FILTERS)
templates.globals.update(words.GLOBALS)
templates.globals.update(
    card_piece=card_piece,
    url=links,
    static_url=static_url,
    cover_url=pictures.cover_url,
    cover_srcset=pictures.cover_srcset,
    preview_srcset=pictures.preview_srcset,
    drawn_cover_url=pictures.drawn_cover_url,
    avatar_url=pictures.avatar_url,
    version=version("lorahub"),
    said="",
    search_text="",
    meta=None,
)

_NEVER_KEPT = "private, no-store"
_ASK_AGAIN = "no-cache"
_FIRST_ERROR = 400


class _Forms:
    """Tokens for the forms of one page. The first one makes sure that there is a cookie."""

    def __init__(self, request: Request, settings: Settings) -> None:
        self._settings = settings
        self._session = request.cookies.get(sessions.COOKIE, "")
        self.cookie = request.cookies.get(csrf.COOKIE, "")
        self.is_new = not self.cookie
        self.used = False

    def token(self) -> str:
        if not self.cookie:
            self.cookie = csrf.new_cookie()
        self.used = True
        return csrf.issue(self._settings.secret_key(), self.cookie, self._session)


def page(
    request: Request,
    template: str,
    /,
    *,
    caller: Caller | None = None,
    status: int = 200,
    is_private: bool = False,
    **facts: Any,
) -> Response:
    """Render a page, or a part of one, for a caller.

    What only this caller may see is never kept by a cache; the rest may be kept and asked about.
    """
    settings = settings_of(request)
    caller = caller or anonymous()
    forms = _Forms(request, settings)
    body = templates.get_template(template).render(
        request=request,
        caller=caller,
        account=caller.account,
        settings=settings,
        csrf_token=forms.token,
        here=here(request),
        **facts,
    )
    response = Response(body, status, media_type="text/html; charset=utf-8")
    response.headers["Vary"] = "Cookie"
    if is_private or forms.used or not caller.is_anonymous or status >= _FIRST_ERROR:
        response.headers["Cache-Control"] = _NEVER_KEPT
    else:
        # Kept, packed and compared by middleware.cache.
        response.headers["Cache-Control"] = _ASK_AGAIN
        response.headers["ETag"] = f'W/"{hashlib.sha256(body.encode()).hexdigest()[:24]}"'
    if forms.used and forms.is_new:
        response.set_cookie(
            csrf.COOKIE,
            forms.cookie,
            path="/",
            secure=settings.public_url.startswith("https://"),
            httponly=True,
            samesite="lax",
        )
    return response


def public(request: Request, body: bytes, media_type: str) -> Response:
    """Answer with what anybody may see: it may be kept by every cache, and asked about."""
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = {"Cache-Control": _ASK_AGAIN, "ETag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.hub.settings
    return settings


def here(request: Request) -> str:
    """Return the path and query that the browser asked for, to come back to after a sign-in."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope.get("query_string", b"")
    address = raw.split(b"?")[0].decode("ascii", "replace")
    return f"{address}?{query.decode('ascii', 'replace')}" if query else address


def redirect(to: str, status: int = 303) -> Response:
    return Response(status_code=status, headers={"Location": to, "Cache-Control": "no-store"})
