"""Errors as Hugging Face's clients read them: the meaning in headers, the sentence in both.

`X-Error-Code` picks the exception that a program sees. What has no code there goes by its status.
"""

from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from lorahub_server.access import Caller
from lorahub_server.access.errors import GatedRepo, RepoGone, RepoNotFound
from lorahub_server.accounts.errors import TokenExpired, TokenInvalid
from lorahub_server.kit.errors import HubError
from lorahub_server.kit.names import InvalidName, InvalidPath
from lorahub_server.repos.errors import EntryNotFound, RefNotFound, RevisionNotFound, StaleParent

LFS_TYPE = "application/vnd.git-lfs+json"
_CLIENT = "hf_hub/"
# What stands behind /api/ in the protocol; the hub's own API is at /api/hub.
_ADDRESSES = frozenset(
    {
        "agent-harnesses", "collections", "datasets", "datasets-tags-by-type", "kernels", "models",
        "models-tags-by-type", "organizations", "repos", "settings", "spaces", "telemetry", "users",
        "validate-yaml", "whoami-v2",
    }
)  # fmt: skip
# Clients compare these texts.
_NO_REPO = "Repository not found"
_ELSEWHERE = (
    "Is it a base model of another hub? Unset HF_ENDPOINT while you get it, or let whoever runs "
    "this hub set LORAHUB_UPSTREAM."
)
_BAD_LOGIN = "Invalid credentials in Authorization header"
_STALE = "The branch was updated since you opened this page. Please refresh and try again."
_HEADER_MAX = 500
_CODES: dict[type[HubError], str] = {
    RepoGone: "RepoNotFound",
    RevisionNotFound: "RevisionNotFound",
    RefNotFound: "RevisionNotFound",
}


class NotOffered(HubError):
    """A part of the protocol that this hub does not have."""

    status = 501
    code = "not_offered"


@dataclass(frozen=True, slots=True)
class _Said:
    status: int
    text: str
    code: str | None = None
    # What the header says, where it must be something else than the body.
    header: str | None = None
    more: dict[str, str] = field(default_factory=dict)


def speaks(request: Request) -> bool:
    """Tell whether the one who asks expects errors in this form."""
    pieces = request.scope["path"].split("/")
    if pieces[1:2] == ["oauth"] or pieces[1:] == ["uploads"]:
        return True
    if pieces[1:2] == ["api"]:
        return bool(_ADDRESSES & set(pieces[2:3]))
    if _is_lfs(pieces) or "resolve" in {*pieces[2:3], *pieces[4:5]}:
        return True
    return pieces[3:4] == ["resolve"] and _CLIENT in request.headers.get("user-agent", "")


def told(request: Request, error: HubError, headers: dict[str, str]) -> Response:
    """Return the answer for an error; `headers` are those that every door sends with it."""
    said = _said(request, error)
    text = _utf8(said.text)
    content = {
        "error": text,
        "message": text,
        "code": error.code,
        "place": None if error.place is None else _utf8(error.place),
        "request_id": getattr(request.state, "request_id", None),
    }
    response = JSONResponse(content, said.status)
    is_lfs = _is_lfs(request.scope["path"].split("/"))
    if is_lfs:
        response.headers["Content-Type"] = LFS_TYPE
    response.headers.update({**headers, **_headers(said)})
    if said.status == HTTPStatus.UNAUTHORIZED:
        scheme = "Basic" if is_lfs else "Bearer"
        response.headers["WWW-Authenticate"] = f'{scheme} realm="lorahub"'
    return response


def headers_for(request: Request, error: HubError) -> dict[str, str]:
    """Return what tells these clients of an error that is answered in another form."""
    return _headers(_said(request, error))


def _headers(said: _Said) -> dict[str, str]:
    headers = {"X-Error-Message": _one_line(said.header or said.text), **said.more}
    if said.code is not None:
        headers["X-Error-Code"] = said.code
    return headers


def _said(request: Request, error: HubError) -> _Said:
    if isinstance(error, RepoNotFound):
        caller: Caller | None = getattr(request.state, "caller", None)
        status = 401 if caller is None or caller.is_anonymous else 404
        return _Said(status, _no_repo(request), "RepoNotFound")
    if isinstance(error, EntryNotFound):
        commit = error.details.get("revision")
        more = {"X-Repo-Commit": commit} if isinstance(commit, str) else {}
        return _Said(404, error.message, "EntryNotFound", more=more)
    if isinstance(error, TokenInvalid | TokenExpired):
        return _Said(401, error.message, header=_BAD_LOGIN)
    if isinstance(error, GatedRepo):
        return _Said(error.status, error.message, "GatedRepo")
    if isinstance(error, StaleParent):
        return _Said(412, f"{_STALE} {error.message}")
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), None)
    return _Said(404 if code else _status(error), _with_place(error), code)


def _no_repo(request: Request) -> str:
    """Return the same for what is private and for what is missing, with or without an owner."""
    reads = request.method in {"GET", "HEAD"} or "/paths-info/" in request.scope["path"]
    is_alone = not request.app.state.hub.settings.upstream
    return f"{_NO_REPO}. {_ELSEWHERE}" if reads and is_alone else _NO_REPO


def _status(error: HubError) -> int:
    if isinstance(error, InvalidName) and not isinstance(error, InvalidPath):
        return 400
    return error.status


def _with_place(error: HubError) -> str:
    """Return the sentence; it names the file or field at fault where it does not by itself."""
    if error.place and error.place not in error.message and error.place.isprintable():
        return f"{error.place}: {error.message}"
    return error.message


def _one_line(text: str) -> str:
    plain = "".join(c if c.isprintable() and c.isascii() else "?" for c in " ".join(text.split()))
    return plain[:_HEADER_MAX]


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _is_lfs(pieces: list[str]) -> bool:
    return pieces[3:5] == ["info", "lfs"]
