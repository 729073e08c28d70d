"""Errors as git shows them: plain text, each line behind `remote:`."""

from http import HTTPStatus

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response

from lorahub_server.access import Caller
from lorahub_server.access.errors import RepoNotFound
from lorahub_server.kit.errors import HubError

_SERVICES = ("git-upload-pack", "git-receive-pack")
_MAKE_IT = "A push makes no repository: make it first, on the hub's pages or with its API."


def speaks(request: Request) -> bool:
    """Tell whether a git program asks."""
    pieces = request.scope["path"].split("/")[3:]
    return pieces == ["info", "refs"] or (len(pieces) == 1 and pieces[0] in _SERVICES)


def told(request: Request, error: HubError, headers: dict[str, str]) -> Response:
    """Return the answer for an error. Git sends a token only after a 401 that asks for it."""
    status: int = error.status
    text = error.message
    if isinstance(error, RepoNotFound):
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None or caller.is_anonymous:
            status = HTTPStatus.UNAUTHORIZED
        elif b"receive-pack" in request.scope["query_string"]:
            text = f"{text}\n{_MAKE_IT}"
    response = PlainTextResponse(f"{text}\n", status)
    response.headers.update(headers)
    response.headers["Cache-Control"] = "no-store"
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Basic realm="lorahub"'
    return response
