"""What the parts of this door share: times, lists in the query, pages, entries of a tree."""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator

from lorahub_server.doors import links, schemas
from lorahub_server.doors.deps import base_url
from lorahub_server.doors.paths import raw_path
from lorahub_server.doors.web.pictures import avatar_url
from lorahub_server.repos.objects import pointer_object
from lorahub_server.repos.trees import Entry

# `True`, `true` and `1` are all sent for yes.
Flag = Annotated[bool, Query()]


def _whole(text: str) -> str:
    # It may be told back, in an answer that has to be UTF-8.
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("it has half a character in it")
    return text


# Every text in a body.
Text = Annotated[schemas.Text, AfterValidator(_whole)]
Revision = Annotated[str, Path(description="Its slashes are sent as %2F.")]

_NO_HASH = "0" * 64


def moment(when: datetime) -> str:
    """Return a time as every version of the clients can read it: with milliseconds, in UTC."""
    utc = when.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def many(request: Request, name: str) -> list[str]:
    """Return the values of a parameter that may be there several times, also as `name[]`."""
    query = request.query_params
    return [value for key in (name, f"{name}[]") for value in query.getlist(key)]


def page(request: Request, items: list[Any], following: str | None) -> JSONResponse:
    """Return a page of a list; the header Link has the address of the next."""
    response = JSONResponse(items)
    if following is not None:
        pairs = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
        query = urlencode([*pairs, ("cursor", following)])
        address = f"{base_url(request)}{raw_path(request.scope).decode('latin-1')}?{query}"
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


def repo_address(request: Request, owner: str, name: str) -> str:
    return base_url(request) + links.repo(owner, name)


def avatar(request: Request, name: str) -> str:
    return base_url(request) + avatar_url(name)


def model_id(repo_id: int) -> str:
    """Return a repository's id in the form that others give theirs."""
    return f"{repo_id:024x}"


def pointer_size(size: int) -> int:
    """Return the bytes of the git-lfs pointer to a file of this size."""
    return len(pointer_object(_NO_HASH, size).data)


def entry(found: Entry) -> dict[str, Any]:
    """Return a file or folder of a tree."""
    if not found.is_file:
        return {"type": "directory", "oid": found.oid, "size": 0, "path": found.path}
    shown: dict[str, Any] = {
        "type": "file",
        "oid": found.oid,
        "size": found.size,
        "path": found.path,
    }
    if found.large:
        shown["lfs"] = {
            "oid": found.sha256,
            "size": found.size,
            "pointerSize": pointer_size(found.size),
        }
    return shown
