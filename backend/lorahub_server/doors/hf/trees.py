"""What is in a revision: folders, files, and what is known of some paths."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from lorahub_server.access import Tx
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.hf.shapes import Flag, Revision, entry, moment, page
from lorahub_server.kit import pagination
from lorahub_server.kit.errors import BadRequest, TooLarge
from lorahub_server.repos import blame, lookup, refs, service, trees
from lorahub_server.repos.limits import FILES_MAX
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.trees import Entry

router = APIRouter(prefix="/api/models/{owner}/{name}")

# Clients follow the pages one after the other, and most want all of them.
_PAGE, _PAGE_EXPANDED = FILES_MAX, 50
_PATHS_MAX = 1000
_ORDER = "tree"
_SAFE = (".safetensors", ".sft")


@dataclass(frozen=True, slots=True)
class _Wanted:
    paths: list[str]
    expand: bool


async def _wanted(request: Request) -> _Wanted:
    """Read a form, as Python sends it, or JSON, as browsers do."""
    body = await request.body()
    try:
        if "json" in request.headers.get("content-type", ""):
            given = await request.json()
            paths, expand = given["paths"], given.get("expand", False)
        else:
            form = parse_qs(body.decode(), keep_blank_values=True)
            paths, expand = form.get("paths", []), form.get("expand", [""])[-1]
        paths = [paths] if isinstance(paths, str) else [str(path) for path in paths]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = "Send the paths as a form or as JSON, in the field paths."
        raise BadRequest(message, place="paths") from error
    if len(paths) > _PATHS_MAX:
        raise TooLarge(f"Ask for at most {_PATHS_MAX} paths at once.", place="paths")
    return _Wanted(paths, expand in (True, "true", "True", "1"))


@router.get("/tree/{revision}")
def list_top(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    revision: Revision,
    recursive: Flag = False,
    expand: Flag = False,
    limit: Annotated[int | None, Query(ge=1)] = None,
    cursor: Annotated[str | None, Query()] = None,
) -> JSONResponse:
    repo = service.get_repo(tx, owner, name)
    options = _Options(revision, "", recursive, expand, limit, cursor)
    return _tree(request, tx, repo, options)


@router.get("/tree/{revision}/{path:path}")
def list_folder(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    revision: Revision,
    path: str,
    recursive: Flag = False,
    expand: Flag = False,
    limit: Annotated[int | None, Query(ge=1)] = None,
    cursor: Annotated[str | None, Query()] = None,
) -> JSONResponse:
    repo = service.get_repo(tx, owner, name)
    options = _Options(revision, path, recursive, expand, limit, cursor)
    return _tree(request, tx, repo, options)


@router.post("/paths-info/{revision}")
def show_paths(
    wanted: Annotated[_Wanted, Depends(_wanted)],
    tx: ReadTx,
    owner: str,
    name: str,
    revision: Revision,
) -> JSONResponse:
    """Paths that are not there are left out."""
    repo = service.get_repo(tx, owner, name)
    place = refs.locate(tx, repo, revision)
    paths = list(dict.fromkeys(path.strip("/") for path in wanted.paths))
    found = lookup.find_many(tx, repo, place.tree, paths)
    entries = [found[path] for path in paths if path in found]
    return JSONResponse(_shown(tx, repo, place.commit, entries, expand=wanted.expand))


@dataclass(frozen=True, slots=True)
class _Options:
    revision: str
    path: str
    recursive: bool
    expand: bool
    limit: int | None
    cursor: str | None


def _tree(request: Request, tx: Tx, repo: Repository, options: _Options) -> JSONResponse:
    commit = refs.resolve(tx, repo, options.revision)
    entries = trees.list_entries(
        tx, repo, commit, options.path, recursive=options.recursive, with_folders=True
    )
    if options.cursor is not None:
        (after,) = pagination.decode(options.cursor, _ORDER, str)
        entries = [entry for entry in entries if entry.path > str(after)]
    most = _PAGE_EXPANDED if options.expand else _PAGE
    items, following = pagination.cut(
        entries,
        min(options.limit or most, most),
        lambda last: pagination.encode(_ORDER, last.path),
    )
    shown = _shown(tx, repo, commit, items, expand=options.expand)
    return page(request, shown, following)


def _shown(
    tx: Tx, repo: Repository, commit: str, entries: list[Entry], *, expand: bool
) -> list[dict[str, Any]]:
    items = [entry(found) for found in entries]
    if not expand:
        return items
    changes = blame.last_changes(tx, repo, commit, [found.path for found in entries])
    for found, item in zip(entries, items, strict=True):
        change = changes[found.path]
        item["lastCommit"] = {
            "id": change.oid,
            "title": change.title,
            "date": moment(change.created_at),
        }
        if found.is_file:
            # Weights were read before they were published, and hold nothing that runs.
            status = "safe" if found.name.lower().endswith(_SAFE) else "unscanned"
            item["securityFileStatus"] = {
                "status": status,
                "avScan": None,
                "pickleImportScan": None,
            }
    return items
