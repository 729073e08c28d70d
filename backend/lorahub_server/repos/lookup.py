"""From a revision and paths to files, in few statements: one path takes two at any depth."""

from collections.abc import Collection
from dataclasses import dataclass

from lorahub_server.access import Tx
from lorahub_server.blobs.limits import INLINE_MAX
from lorahub_server.kit.names import PATH_MAX_DEPTH
from lorahub_server.repos import kept, refs
from lorahub_server.repos.errors import EntryNotFound
from lorahub_server.repos.objects import FOLDER, Item
from lorahub_server.repos.queries_lookup import Step, path_down
from lorahub_server.repos.refs import Place
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.trees import Entry, as_entries

_NOTHING = -1


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a commit; `content` is there when it was asked for and the file is a small one."""

    commit: str
    entry: Entry
    content: bytes | None


def find(
    tx: Tx, repo: Repository, revision: str | Place, path: str, *, with_content: bool = False
) -> Found:
    """Return the file that a revision, or a place that is known, has at a path.

    Raises RevisionNotFound, or EntryNotFound with the commit as the detail `revision`.
    """
    place = revision if isinstance(revision, Place) else refs.locate(tx, repo, revision)
    way = _Way(tx, repo, INLINE_MAX if with_content else _NOTHING)
    item = way.down(place.tree, path.split("/"))
    if item is None or not item.is_file:
        raise _no_file(path, place.commit, is_folder=item is not None and item.is_folder)
    step = way.step(item.oid)
    entry = Entry(path, "file", item.oid, step.size, step.sha256, step.large, item.mode)
    return Found(place.commit, entry, None if step.large else step.data)


def bring_folders(tx: Tx, repo: Repository, tree: str, path: str) -> None:
    """Have the folders on the way to a path at hand, the one at its end too: one statement."""
    if path:
        # At the end of the way nothing is looked for, which no folder can have.
        _Way(tx, repo, _NOTHING).down(tree, [*path.split("/"), "/"])


def find_many(tx: Tx, repo: Repository, tree: str, paths: Collection[str]) -> dict[str, Entry]:
    """Return the files and folders at those of the paths that a tree has: a statement a level."""
    found: dict[str, Item] = {}
    waiting = [(path, Item(FOLDER, tree), path.split("/")) for path in paths]
    while waiting:
        lines = kept.trees(tx, repo, {item.oid for _, item, _ in waiting})
        deeper = []
        for path, item, parts in waiting:
            below = lines[item.oid].get(parts[0])
            if below is None:
                continue
            if len(parts) == 1:
                found[path] = below
            elif below.is_folder:
                deeper.append((path, below, parts[1:]))
        waiting = deeper
    return {entry.path: entry for entry in as_entries(tx, repo, found)}


class _Way:
    """The trees that are at hand are used; the first other one brings all that are below it."""

    def __init__(self, tx: Tx, repo: Repository, data_max: int) -> None:
        self._tx = tx
        self._repo = repo
        self._data_max = data_max
        self._steps: dict[str, Step] = {}

    def down(self, tree: str, parts: list[str]) -> Item | None:
        item = Item(FOLDER, tree)
        for depth, part in enumerate(parts):
            if not item.is_folder:
                return None
            # A statement grows with what it looks for; what lies deeper is brought by another one.
            found = self._lines(item.oid, parts[depth : depth + PATH_MAX_DEPTH]).get(part)
            if found is None:
                return None
            item = found
        return item

    def step(self, oid: str, parts: list[str] | None = None) -> Step:
        if oid not in self._steps:
            self._steps |= path_down(
                self._tx.session, self._repo.id, oid, parts or [], data_max=self._data_max
            )
        return self._steps[oid]

    def _lines(self, oid: str, parts: list[str]) -> kept.Lines:
        lines = kept.kept_tree(self._repo, oid)
        return (
            kept.keep_tree(self._repo, oid, self.step(oid, parts).data or b"")
            if lines is None
            else lines
        )


def _no_file(path: str, commit: str, *, is_folder: bool) -> EntryNotFound:
    shown = path if path.isprintable() else ""
    if is_folder:
        message = f"{shown} is a folder. Ask for one of its files."
    else:
        message = f"There is no file {shown} in this revision. Check the path."
    return EntryNotFound(message, place=shown or None, revision=commit)
