"""What is in a revision, and how it came to be."""

import re
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel

from lorahub_server.access import Tx
from lorahub_server.doors.api import examples
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.schemas import (
    Cursor,
    FilePath,
    Limit,
    Owner,
    RepoName,
    Revision,
    Time,
    example,
)
from lorahub_server.kit import pagination
from lorahub_server.repos import history, refs, service, trees

router = APIRouter(prefix="/repos/{owner}/{name}", tags=["files and history"])

# Of one page; clients that want the whole tree follow `next`.
ENTRIES = 1000
_ORDER = "tree"
_OID = re.compile(r"[0-9a-f]{40}")


class EntryOut(BaseModel):
    """`sha256` and `size` are of the file itself, `oid` is git's name for it."""

    model_config = example(examples.ENTRY)

    path: str
    kind: Literal["file", "folder"]
    size: int
    sha256: str | None
    oid: str
    large: bool

    @classmethod
    def of(cls, entry: trees.Entry) -> Self:
        return cls(**{name: getattr(entry, name) for name in cls.model_fields})


class TreeOut(BaseModel):
    model_config = example(
        {"revision": examples.OID, "path": "", "items": [examples.ENTRY], "next": None}
    )

    revision: str
    path: str
    items: list[EntryOut]
    next: str | None


class CommitInfoOut(BaseModel):
    model_config = example(
        {
            "revision": examples.OID,
            "title": "Add my-style.safetensors",
            "message": "Add my-style.safetensors\n",
            "author": "alice",
            "created_at": examples.TIME,
            "parent": examples.PARENT,
        }
    )

    revision: str
    title: str
    message: str
    author: str
    created_at: Time
    parent: str | None

    @classmethod
    def of(cls, commit: history.CommitInfo) -> Self:
        names = [name for name in cls.model_fields if name != "revision"]
        return cls(revision=commit.oid, **{name: getattr(commit, name) for name in names})


class CommitList(BaseModel):
    items: list[CommitInfoOut]
    next: str | None


Recursive = Annotated[bool, Query(description="All files below, and no folders.")]
TreeLimit = Annotated[int, Query(ge=1, le=ENTRIES, description="Items on a page.")]


@router.get("/tree/{revision}", summary="List the files of a revision")
def list_top(
    tx: ReadTx,
    owner: Owner,
    name: RepoName,
    revision: Revision,
    recursive: Recursive = False,
    limit: TreeLimit = ENTRIES,
    cursor: Cursor = None,
) -> TreeOut:
    """Sorted by path. The answer names the commit that the revision is at now."""
    return _tree(tx, (owner, name), revision, "", recursive=recursive, page=(limit, cursor))


@router.get("/tree/{revision}/{path:path}", summary="List a folder of a revision")
def list_folder(
    tx: ReadTx,
    owner: Owner,
    name: RepoName,
    revision: Revision,
    path: FilePath,
    recursive: Recursive = False,
    limit: TreeLimit = ENTRIES,
    cursor: Cursor = None,
) -> TreeOut:
    """Paths in it are whole ones, from the top of the repository."""
    return _tree(tx, (owner, name), revision, path, recursive=recursive, page=(limit, cursor))


@router.get("/commits/{revision}", summary="List the commits that led to a revision")
def list_commits(
    tx: ReadTx,
    owner: Owner,
    name: RepoName,
    revision: Revision,
    limit: Limit = 30,
    cursor: Cursor = None,
) -> CommitList:
    """The newest first."""
    repo = service.get_repo(tx, owner, name)
    start = refs.resolve(tx, repo, revision)
    if cursor is not None and not _OID.fullmatch(cursor):
        raise pagination.BadCursor
    found = history.list_commits(tx, repo, start, limit=limit, after=cursor)
    last = found[-1] if len(found) == limit else None
    return CommitList(
        items=[CommitInfoOut.of(commit) for commit in found],
        next=last.oid if last is not None and last.parent is not None else None,
    )


def _tree(
    tx: Tx,
    place: tuple[str, str],
    revision: str,
    path: str,
    *,
    recursive: bool,
    page: tuple[int, str | None],
) -> TreeOut:
    repo = service.get_repo(tx, *place)
    oid = refs.resolve(tx, repo, revision)
    entries = trees.list_entries(tx, repo, oid, path, recursive=recursive)
    limit, cursor = page
    if cursor is not None:
        (after,) = pagination.decode(cursor, _ORDER, str)
        entries = [entry for entry in entries if entry.path > str(after)]
    shown, following = pagination.cut(
        entries, limit, lambda entry: pagination.encode(_ORDER, entry.path)
    )
    items = [EntryOut.of(entry) for entry in shown]
    return TreeOut(revision=oid, path=path, items=items, next=following)
