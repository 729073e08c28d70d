"""What a reader of a repository that is not here gets from the other hub.

Clients go there themselves for most things, which costs this hub nothing. Two things it asks for
them: the facts of a file, which clients look for in the first answer they get, and lists in pages,
whose next address they would ask with the token that they have for this hub.
"""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request, Response

from lorahub_server.access.errors import GatedRepo, RepoNotFound
from lorahub_server.doors.deps import base_url, hub_of
from lorahub_server.doors.upstream import addresses
from lorahub_server.doors.upstream.absent import is_ours
from lorahub_server.doors.upstream.asking import HOP, Told, Upstream, UpstreamAway
from lorahub_server.kit.errors import HubError
from lorahub_server.repos.errors import EntryNotFound, RevisionNotFound

# How long it holds, in seconds, that a repository is there or not; the same of a commit's files.
# What a branch leads to is asked each time: clients would keep other bytes under its facts.
_FOR_NOW = 60.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ETAG = re.compile(r'(?:W/)?"?([0-9A-Za-z._-]{1,200})"?')
_SIZE = re.compile(r"[0-9]{1,18}")
_NEXT = re.compile(r'<([^<>\s]+)>;\s*rel="?next"?')
_GATED = "GatedRepo"


class GatedUpstream(GatedRepo):
    code = "gated_upstream"

    def __init__(self, address: str) -> None:
        HubError.__init__(
            self,
            f"Access to this model is restricted, and it is kept at {address}. Get it from there: "
            "unset HF_ENDPOINT for it, and use a token that you have there.",
        )


async def pass_on(request: Request) -> Response | None:
    """Return the answer for a repository that this hub has not found, or raise what it told of it.

    None: it has nothing to do with the other hub. Whatever has or had an owner here does not, be
    it private, deleted or made up: so nobody learns which of these it is.
    """
    upstream = hub_of(request).upstream
    if upstream is None or HOP in request.headers:
        return None
    read = await addresses.read_of(request)
    if read is None or (read.owner is not None and await is_ours(request, read.owner)):
        return None
    if read.kind == "facts":
        keep = _FOR_NOW if read.is_fixed else 0
        return _facts(upstream, await upstream.ask("HEAD", read.target, keep=keep))
    if read.kind == "page":
        return _page(request, upstream, await upstream.ask("GET", read.target))
    await _check_there(upstream, read.repo)
    headers = {"Location": upstream.address + read.target, "Cache-Control": "no-store"}
    return Response(status_code=307, headers=headers)


async def _check_there(upstream: Upstream, repo: str) -> None:
    """Raise unless the other hub has the repository: else two could send a client in circles."""
    told = await upstream.ask("GET", repo, keep=_FOR_NOW)
    if not told.is_fine and told.headers.get("x-error-code") != _GATED:
        raise RepoNotFound


def _facts(upstream: Upstream, told: Told) -> Response:
    """Answer with the facts themselves, and not with a redirect: to some hubs clients would follow
    it with their token.
    """
    _check(upstream, told)
    found = told.headers
    commit = _first(_COMMIT, found, "x-repo-commit")
    etag = _first(_ETAG, found, "x-linked-etag", "etag")
    is_whole = told.status == HTTPStatus.OK
    size = _first(_SIZE, found, "x-linked-size", *(["content-length"] if is_whole else []))
    if commit is None or etag is None:
        raise UpstreamAway(upstream.address)
    headers = {"X-Repo-Commit": commit, "ETag": f'"{etag}"', "Cache-Control": "no-store"}
    if size is not None:
        headers |= {"X-Linked-Size": size, "Content-Length": size, "Accept-Ranges": "bytes"}
    return Response(headers=headers, media_type="application/octet-stream")


def _page(request: Request, upstream: Upstream, told: Told) -> Response:
    _check(upstream, told)
    try:
        items = json.loads(told.body)
    except (ValueError, RecursionError):
        raise UpstreamAway(upstream.address) from None
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            # With it clients would get the bytes in a way that leads past this hub.
            item.pop("xetHash", None)
    headers = {"Cache-Control": "no-store"}
    following = _NEXT.search(told.headers.get("link", ""))
    if following is not None:
        _, found, rest = following[1].partition(f"{upstream.address}/")
        if found:
            headers["Link"] = f'<{base_url(request)}/{rest}>; rel="next"'
    return Response(json.dumps(items), headers=headers, media_type="application/json")


def _check(upstream: Upstream, told: Told) -> None:
    """Raise what the other hub found wrong, as if it had been found here."""
    if told.is_fine:
        return
    code = told.headers.get("x-error-code")
    if code == "EntryNotFound":
        commit = _first(_COMMIT, told.headers, "x-repo-commit")
        message = f"There is no such file in the repository at {upstream.address}."
        raise EntryNotFound(message, revision=commit)
    if code == "RevisionNotFound":
        raise RevisionNotFound(f"The repository at {upstream.address} has no such revision.")
    if code == _GATED:
        raise GatedUpstream(upstream.address)
    raise RepoNotFound


def _first(pattern: re.Pattern[str], headers: Mapping[str, str], *names: str) -> str | None:
    """Return what the first of these headers says that is there and sound."""
    for name in names:
        found = pattern.fullmatch(headers.get(name, ""))
        if found is not None:
            return found[found.lastindex or 0]
    return None
