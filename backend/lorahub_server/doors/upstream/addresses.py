"""Which requests only read a repository that another hub may have, and whose it would be."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs

from fastapi import Request

from lorahub_server.doors.middleware.head import is_head
from lorahub_server.doors.paths import raw_path, restored

# facts: of a file, without its bytes. page: of a list that goes on at an address of its own.
Kind = Literal["facts", "page", "other"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_KINDS = ("models", "datasets", "spaces", "kernels")
_PAGED = frozenset({"tree", "commits"})
_READ = _PAGED | {"revision", "refs", "paths-info"}
_BY_POST = "paths-info"
_NAMES = 2  # an owner's and a repository's
_FETCH = "git-upload-pack"
_ENDING = ".git"
_BATCH = ["info", "lfs", "objects", "batch"]


@dataclass(frozen=True, slots=True)
class Read:
    """`owner` None: a name from the time before names had owners. `repo` is where the other hub
    tells of the repository; `target` what was asked for. `is_fixed`: a commit is named by its id.
    """

    kind: Kind
    owner: str | None
    repo: str
    target: str
    is_fixed: bool = False


async def read_of(request: Request) -> Read | None:
    """Return what the request wants to read; None for one that is about something else."""
    scope = request.scope
    pieces = [restored(piece) for piece in scope["path"].split("/")[1:]]
    raw = raw_path(scope).decode("latin-1").split("/")[1:]
    query = scope["query_string"].decode("latin-1")
    target = "/" + "/".join(raw) + (f"?{query}" if query else "")
    if not target.isprintable() or not target.isascii():
        return None
    if pieces[0] == "api":
        return _of_api(request.method, pieces[1:], raw[1:], target)
    if "resolve" in pieces[1:4] and request.method in {"GET", "HEAD"}:
        return _of_file(pieces, raw, target, facts=is_head(scope))
    if await _is_git(request, pieces[2:]):
        return Read("other", pieces[0], _about("models", raw[:2]), target)
    return None


def _of_api(method: str, pieces: list[str], raw: list[str], target: str) -> Read | None:
    kind, *names = pieces
    if kind not in _KINDS or not names:
        return None
    # An old name has its verb where others have their second part.
    is_old = len(names) == 1 or names[1] in _READ
    verb = next(iter(names[1:] if is_old else names[2:]), "")
    if verb and verb not in _READ:
        return None
    if method not in ({"POST"} if verb == _BY_POST else {"GET", "HEAD"}):
        return None
    repo = _about(kind, raw[1:2] if is_old else raw[1:3])
    # Somebody of that name may be here, and then it is no old name.
    owner = None if len(names) == 1 else names[0]
    return Read("page" if verb in _PAGED else "other", owner, repo, target)


def _of_file(pieces: list[str], raw: list[str], target: str, *, facts: bool) -> Read | None:
    kind = pieces[0] if pieces[0] in _KINDS else "models"
    if kind == pieces[0]:
        pieces, raw = pieces[1:], raw[1:]
    at = pieces.index("resolve")
    if at not in {1, _NAMES} or len(pieces) < at + 3:
        return None
    owner = pieces[0] if at == _NAMES else None
    is_fixed = _COMMIT.fullmatch(pieces[at + 1]) is not None
    return Read("facts" if facts else "other", owner, _about(kind, raw[:at]), target, is_fixed)


async def _is_git(request: Request, rest: list[str]) -> bool:
    if rest == ["info", "refs"]:
        query = parse_qs(request.scope["query_string"].decode("latin-1"))
        return request.method == "GET" and query.get("service") == [_FETCH]
    if rest != _BATCH:
        return False
    try:
        return bool((await request.json())["operation"] == "download")
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _about(kind: str, names: list[str]) -> str:
    name = "/".join(names)
    return f"/api/{kind}/{name.removesuffix(_ENDING)}"
