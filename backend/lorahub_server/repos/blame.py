"""Which commits changed files and folders: the last one of each, or all of one."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from lorahub_server.access import Tx
from lorahub_server.repos import history, kept, queries_objects
from lorahub_server.repos.errors import EntryNotFound
from lorahub_server.repos.history import CommitInfo
from lorahub_server.repos.objects import FOLDER, Item
from lorahub_server.repos.tables import Repository

# What did not change for longer than this is said to be as old as the last commit looked at.
_COMMITS_MAX = 1000
_PAGE = 25
# Commits that are looked through for one page of a file's history.
_LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Touch:
    """A commit that changed a file or folder, and what became of it there."""

    commit: CommitInfo
    kind: Literal["added", "changed", "removed"]


@dataclass(frozen=True, slots=True)
class Touches:
    """The newest come first. `after`: from where to go on; None: there is nothing older."""

    found: list[Touch]
    after: str | None


def last_changes(
    tx: Tx, repo: Repository, commit_oid: str, paths: Collection[str]
) -> dict[str, CommitInfo]:
    """Return for each path that the commit has the newest commit in which it is what it is.

    Looks back along first parents, a page of commits at a time, until all are found.
    """
    now: dict[str, str] = {}
    found: dict[str, CommitInfo] = {}
    for commit, there in _states(tx, repo, commit_oid, set(paths)):
        if not found:
            now = dict(there)
        same = [path for path, oid in now.items() if there.get(path) == oid]
        found.update(dict.fromkeys(same, commit))
        for path in now.keys() - set(same):
            del now[path]
        if not now:
            break
    return found


def touches(
    tx: Tx, repo: Repository, commit_oid: str, path: str, *, limit: int, after: str | None = None
) -> Touches:
    """Return the commits that changed what is at a path, along first parents.

    A page may hold fewer than `limit`, even none, and still lead on: only so many commits are
    looked at. Raises EntryNotFound where none of all has the path.
    """
    found: list[Touch] = []
    last: tuple[CommitInfo, str | None] | None = None
    seen = after
    for commit, there in _states(tx, repo, commit_oid, {path}, after=after, most=_LOOKED_AT):
        if last is not None:
            _note(found, *last, there.get(path))
            seen = last[0].oid
            if len(found) == limit:
                return Touches(found, seen)
        last = commit, there.get(path)
    if last is not None and last[0].parent is None:
        _note(found, *last, None)
        seen = None
    elif last is None:
        seen = None
    if not found and seen is None and after is None:
        shown = path if path.isprintable() else ""
        raise EntryNotFound(f"No revision up to this one has {shown}. Check the path.")
    return Touches(found, seen)


def _note(found: list[Touch], commit: CommitInfo, now: str | None, before: str | None) -> None:
    if now != before:
        kind: Literal["added", "changed", "removed"]
        kind = "added" if before is None else "removed" if now is None else "changed"
        found.append(Touch(commit, kind))


def _states(
    tx: Tx,
    repo: Repository,
    start: str,
    paths: set[str],
    *,
    after: str | None = None,
    most: int = _COMMITS_MAX,
) -> Iterator[tuple[CommitInfo, dict[str, str]]]:
    """Yield commits from `start` back, each with the ids of what it has at these paths."""
    for _ in range(most // _PAGE):
        page = history.list_commits(tx, repo, start, limit=_PAGE, after=after)
        roots = queries_objects.trees_of(tx.session, repo.id, [commit.oid for commit in page])
        known = _ids(tx, repo, set(roots.values()), paths)
        for commit in page:
            yield commit, known[roots[commit.oid]]
        if len(page) < _PAGE or page[-1].parent is None:
            return
        after = page[-1].oid


def _ids(tx: Tx, repo: Repository, roots: set[str], paths: set[str]) -> dict[str, dict[str, str]]:
    """Return for each tree what it has at the paths: a statement a level for all together."""
    found: dict[str, dict[str, str]] = {root: {} for root in roots}
    waiting = [
        (root, path, Item(FOLDER, root), path.split("/")) for root in roots for path in paths
    ]
    while waiting:
        lines = kept.trees(tx, repo, {item.oid for _, _, item, _ in waiting})
        deeper = []
        for root, path, item, parts in waiting:
            below = lines[item.oid].get(parts[0])
            if below is not None and len(parts) == 1:
                found[root][path] = below.oid
            elif below is not None and below.is_folder:
                deeper.append((root, path, below, parts[1:]))
        waiting = deeper
    return found
