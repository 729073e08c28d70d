"""Errors as answers: JSON for programs, pages for people; nothing of the inside is told."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from lorahub_server.access.errors import RepoNotFound
from lorahub_server.doors.paths import raw_path
from lorahub_server.insight.variants.errors import VariantPending
from lorahub_server.kit.db import is_busy, is_full
from lorahub_server.kit.errors import HubError
from lorahub_server.repos.errors import RepoMoved
from lorahub_server.storage import StorageError, StorageFull

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_RETRY_S = 5
_PLACE_MAX = 200
# What stands before the owner: /api/hub/v1/repos/ and /api/models/
_PIECES_BEFORE = {"api/hub": 5, "api/models": 3}


class InternalError(HubError):
    status = 500
    code = "internal_error"


class Busy(HubError):
    status = 503
    code = "busy"


class StorageAway(HubError):
    status = 503
    code = "storage_unavailable"


class StoreFull(HubError):
    status = 507
    code = "storage_full"


class InvalidRequest(HubError):
    """A field of the request has the wrong form; `place` names it."""

    status = 422
    code = "invalid_request"


class MethodNotAllowed(HubError):
    status = 405
    code = "method_not_allowed"


_BY_STATUS = {
    400: ("bad_request", "The body of the request can't be read. Send it again, complete."),
    404: ("not_found", "There is nothing at this address. /api/hub/docs lists what there is."),
    413: ("too_large", "The request is too large. Send less at once."),
    415: ("unsupported_media_type", "The body has a type that is not understood here."),
}


def as_hub_error(error: Exception) -> HubError:
    """Return what is told about an error; what is not meant to be seen becomes InternalError."""
    if isinstance(error, HubError):
        return error
    if isinstance(error, RequestValidationError):
        return _of_validation(error)
    if isinstance(error, HTTPException):
        # What broke while the framework read the body explains better than that it broke.
        cause = error.__cause__
        return cause if isinstance(cause, HubError) else _of_status(error.status_code)
    return _of_machine(error)


def _of_machine(error: Exception) -> HubError:
    if isinstance(error, StorageFull) or is_full(error):
        return StoreFull("The hub's disk is full. Tell whoever runs this hub; nothing was lost.")
    if isinstance(error, StorageError):
        message = "The hub can't reach its files just now. Try again in a moment."
        return StorageAway(message, retry_after=_RETRY_S)
    if is_busy(error):
        message = "The hub's database is busy or away. Try again in a moment."
        return Busy(message, retry_after=_RETRY_S)
    return InternalError("Something broke inside the hub. It was written down; try again later.")


def answer(request: Request, error: Exception) -> Response:
    """Return the answer for an error, in the form that the asked door speaks."""
    told = as_hub_error(error)
    headers = _headers(request, told)
    from lorahub_server.doors.git import errors as git
    from lorahub_server.doors.hf import errors as hf

    if git.speaks(request):
        return git.told(request, told, headers)
    if hf.speaks(request):
        return hf.told(request, told, headers)
    if _is_resolve(request):
        headers |= hf.headers_for(request, told)
    if wants_json(request):
        content = {**told.to_dict(), "request_id": _request_id(request)}
        response: Response = JSONResponse({"error": _plain(content)}, told.status)
    else:
        response = _page(request, error, told)
        if isinstance(told, VariantPending):
            # The browser asks again by itself, and then saves the file.
            response.headers["Refresh"] = str(told.retry_after)
    response.headers.update(headers)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def wants_json(request: Request) -> bool:
    """Tell whether a program asks: by the API's address, or for a file's bytes."""
    pieces = request.scope["path"].split("/")
    if pieces[1:2] == ["api"]:
        return True
    is_file = request.scope["path"].split("/")[3:4] in (["resolve"], ["variant"], ["variants"])
    return is_file and "text/html" not in request.headers.get("accept", "")


def _is_resolve(request: Request) -> bool:
    path: str = request.scope["path"]
    return path.split("/")[3:4] == ["resolve"]


def allowed_methods(request: Request) -> list[str]:
    """Return the methods that the address has a route for."""
    routes = request.app.router.routes
    found = []
    for method in METHODS:
        scope: Scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in routes):
            found.append(method)
    return [*found, "HEAD"] if "GET" in found else found


def install(app: FastAPI) -> None:
    """Let errors that leave an endpoint be answered by `answer`; unforeseen ones go further up."""
    foreseen = (HubError, RequestValidationError, HTTPException, StorageError)
    for kind in foreseen:
        app.add_exception_handler(kind, _handle)


async def _handle(request: Request, error: Exception) -> Response:
    if isinstance(error, RepoNotFound):
        from lorahub_server.doors.git import errors as git
        from lorahub_server.doors.hf import errors as hf
        from lorahub_server.doors.upstream.absent import absent
        from lorahub_server.doors.upstream.passing import pass_on

        try:
            passed = await pass_on(request)
        except HubError as told:
            return answer(request, told)
        if passed is not None:
            return passed
        if not git.speaks(request) and not hf.speaks(request):
            return answer(request, await absent(request) or error)
    return answer(request, error)


def _headers(request: Request, error: HubError) -> dict[str, str]:
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="lorahub"'
    if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(allowed_methods(request))
    if error.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        headers["Content-Range"] = f"bytes */{error.details.get('size', '*')}"
    if isinstance(error, RepoMoved):
        headers["Location"] = _moved(request, error)
    if "retry_after" in error.details:
        headers["Retry-After"] = str(error.details["retry_after"])
    return headers


def _page(request: Request, error: Exception, told: HubError) -> Response:
    from lorahub_server.doors.web.errors import render_error

    bare = isinstance(error, HTTPException) and not isinstance(error.__cause__, HubError)
    return render_error(request, told.status if bare else told)


def _of_status(status: int) -> HubError:
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed("The address does not take this method. The header Allow tells.")
    code, message = _BY_STATUS.get(status, _BY_STATUS[400])
    kind = type("HTTPError", (HubError,), {"status": status, "code": code})
    return cast("HubError", kind(message))


def _of_validation(error: RequestValidationError) -> HubError:
    first: Mapping[str, Any] = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    place = ".".join(where[1:] if len(where) > 1 else where)[:_PLACE_MAX]
    what = {"path": "path", "query": "query parameter", "header": "header"}.get(where[0], "field")
    kind = first["type"]
    if kind == "json_invalid":
        return InvalidRequest("The body is not valid JSON. Correct it and send it again.")
    if len(where) == 1:
        message = "Send the body as JSON, with the header Content-Type: application/json."
        return InvalidRequest(message, place="body")
    if kind == "missing":
        return InvalidRequest(f"The {what} {place} is missing. Add it.", place=place)
    says = first["msg"].removeprefix("Value error, ").rstrip(".")
    says = says[:1].lower() + says[1:]
    return InvalidRequest(f"The {what} {place} is not right: {says}.", place=place)


def _plain(value: Any) -> Any:
    """Return the value as JSON can hold it; text that no encoding holds is shown replaced."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


def _moved(request: Request, error: RepoMoved) -> str:
    """Return the address that was asked for, with the repository's name of now in it."""
    pieces = raw_path(request.scope).decode("latin-1").split("/")
    at = _PIECES_BEFORE.get("/".join(pieces[1:3]), 1)
    ending = ".git" if pieces[at + 1].endswith(".git") else ""
    pieces[at : at + 2] = [quote(error.owner, safe=""), quote(error.name, safe="") + ending]
    query = request.scope["query_string"].decode("latin-1")
    return "/".join(pieces) + (f"?{query}" if query else "")
