"""The files of a repository, folder by folder and one by one."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lorahub.adapters.limits import MAX_TENSORS
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web import weights, words
from lorahub_server.doors.web.repo_pages import repo_and_head, repo_at
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.repos import history, lookup, refs, trees
from lorahub_server.repos.errors import EntryNotFound
from lorahub_server.repos.lookup import Found
from lorahub_server.repos.operations import CARD
from lorahub_server.repos.trees import Entry

router = APIRouter()

_ROWS = 1000
_TEXT_MAX = 512 * 1024
_LINES_MAX = 10_000
_GATED = "The files of this repository wait for access. Ask for it on the repository's first page."


@router.get("/{owner}/{name}/tree")
def show_top(tx: ReadTx, owner: str, name: str) -> Response:
    repo, _ = repo_and_head(tx, owner, name, "files")
    return redirect(links.tree(repo.owner.name, repo.name, repo.default_branch))


@router.get("/{owner}/{name}/tree/{revision}")
@router.get("/{owner}/{name}/tree/{revision}/{path:path}")
def show_tree(
    request: Request, tx: ReadTx, owner: str, name: str, revision: str, path: str = ""
) -> Response:
    repo, head, place = repo_at(tx, owner, name, revision, "files")
    oid = place.commit
    lookup.bring_folders(tx, repo, place.tree, path)
    if path and trees.get_entry(tx, repo, oid, path).is_file:
        return redirect(links.blob(repo.owner.name, repo.name, revision, path))
    entries = trees.list_entries(tx, repo, oid, path)
    entries.sort(key=lambda entry: (entry.is_file, entry.path))
    return page(
        request,
        "tree.html",
        **head,
        refs=refs.list_refs(tx, repo),
        revision=revision,
        folder=path,
        entries=entries[:_ROWS],
        is_cut=len(entries) > _ROWS,
        commit=history.get_commit(tx, repo, oid),
    )


@router.get("/{owner}/{name}/blob/{revision}/{path:path}")
def show_blob(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    revision: str,
    path: str,
    tensors: Annotated[str, Query(max_length=200)] = "",
    start: Annotated[int, Query(ge=0, le=MAX_TENSORS)] = 0,
) -> Response:
    """`tensors`: what names of tensors must hold; `start`: how many are on the pages before."""
    repo, head, place = repo_at(tx, owner, name, revision, "files")
    try:
        found = lookup.find(tx, repo, place, path, with_content=True)
    except EntryNotFound:
        # Raises the same again unless there is a folder.
        trees.get_entry(tx, repo, place.commit, path)
        return redirect(links.tree(repo.owner.name, repo.name, revision, path))
    entry = found.entry
    here = links.blob(repo.owner.name, repo.name, revision, path)
    is_open = path == CARD or head["repo"].has_open_files
    is_picture = is_open and words.ending(path) in words.PICTURES
    lines = None if is_picture or not is_open else _lines(found)
    return page(
        request,
        "blob.html",
        **head,
        refs=refs.list_refs(tx, repo),
        revision=revision,
        entry=entry,
        is_picture=is_picture,
        lines=lines,
        sheet=weights.sheet(tx, entry, here, tensors, start, is_open=is_open),
        why_not_shown=_why_not(entry) if is_open else _GATED,
    )


def _lines(found: Found) -> list[str] | None:
    """Return a text's lines; None for what is no text, or more than a page holds."""
    data = found.content
    if data is None or len(data) > _TEXT_MAX or b"\0" in data:
        return None
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        return None
    return lines if len(lines) <= _LINES_MAX else None


def _why_not(entry: Entry) -> str:
    if entry.large or entry.size > _TEXT_MAX:
        return "The file is too large to be shown here. Download it."
    return "The file is no text. Download it."
