"""The site's own files: read once, named with a hash of their content, and kept by browsers."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from lorahub_server.doors.deps import base_url
from lorahub_server.kit.errors import NotFound

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
}
_PACKED = {".css", ".js", ".svg", ".webmanifest"}
_FOR_EVER = "public, max-age=31536000, immutable"
_VERSION_LENGTH = 12
_UNFOUND = (
    "/settings",
    "/login",
    "/signup",
    "/upload",
    "/searches",
    "/notifications",
    "/api",
)


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    packed: bytes | None
    media_type: str
    version: str


@cache
def _assets() -> dict[str, _Asset]:
    found = {}
    for path in sorted(_FOLDER.rglob("*")):
        if path.suffix not in _TYPES:
            continue
        body = path.read_bytes()
        found[path.relative_to(_FOLDER).as_posix()] = _Asset(
            body=body,
            packed=gzip.compress(body, mtime=0) if path.suffix in _PACKED else None,
            media_type=_TYPES[path.suffix],
            version=hashlib.sha256(body).hexdigest()[:_VERSION_LENGTH],
        )
    return found


def static_url(name: str) -> str:
    """Return the address of one of the site's files; it changes when the file does."""
    return f"/static/{name}?v={_assets()[name].version}"


@router.api_route("/static/{name:path}", methods=["GET", "HEAD"])
def static(name: str, request: Request) -> Response:
    return _answer(name, request)


@router.api_route("/favicon.ico", methods=["GET", "HEAD"])
def favicon(request: Request) -> Response:
    """For those who ask without having read the page."""
    return _answer("icon.svg", request)


@router.api_route("/robots.txt", methods=["GET", "HEAD"])
def robots(request: Request) -> Response:
    """Everything may be found but forms and the doors of programs."""
    # A bare /api would also keep out whoever is called "apiary".
    closed = [f"Disallow: {path}{end}" for path in _UNFOUND for end in ("$", "/", "?")]
    body = "\n".join(
        ["User-agent: *", *closed, "Allow: /", "", f"Sitemap: {base_url(request)}/sitemap.xml", ""]
    )
    return Response(
        body,
        media_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "public, max-age=3600"},
    )


def _answer(name: str, request: Request) -> Response:
    asset = _assets().get(name)
    if asset is None:
        raise NotFound("There is no such file. Go back to the page that led here and reload it.")
    etag = f'"{asset.version}"'
    is_named = request.query_params.get("v") == asset.version
    headers = {
        "ETag": etag,
        "Cache-Control": _FOR_EVER if is_named else "public, max-age=300",
        "Vary": "Accept-Encoding",
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    body = asset.body
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body = asset.packed
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=asset.media_type, headers=headers)
