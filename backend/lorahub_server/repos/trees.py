"""What is in a commit: entries by path, listings, small files' bytes."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lorahub_server.access import Tx
from lorahub_server.kit.errors import TooLarge
from lorahub_server.repos import queries_objects
from lorahub_server.repos.errors import EntryNotFound, RevisionNotFound
from lorahub_server.repos.kept import Lines, keep_root, keep_tree, root, trees
from lorahub_server.repos.limits import FILES_MAX
from lorahub_server.repos.objects import FOLDER, Item, is_oid
from lorahub_server.repos.queries_objects import BlobFacts
from lorahub_server.repos.tables import Repository


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder of a commit. `oid` is git's id of it: of a large file, of its pointer.

    `size` and `sha256` are of the file itself; a folder has 0 and None.
    """

    path: str
    kind: Literal["file", "folder"]
    oid: str
    size: int
    sha256: str | None
    large: bool
    mode: int

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def is_file(self) -> bool:
        return self.kind == "file"


def get_entry(tx: Tx, repo: Repository, commit_oid: str, path: str) -> Entry:
    """Return the file or folder at `path`; "" is the top. Raises EntryNotFound."""
    item = _find(tx, repo, commit_oid, path)
    if item is None:
        raise _no_entry(path)
    return as_entries(tx, repo, {path: item})[0]


def find_file(tx: Tx, repo: Repository, commit_oid: str, path: str) -> Entry | None:
    item = _find(tx, repo, commit_oid, path)
    if item is None or not item.is_file:
        return None
    return as_entries(tx, repo, {path: item})[0]


def list_entries(
    tx: Tx,
    repo: Repository,
    commit_oid: str,
    path: str = "",
    *,
    recursive: bool = False,
    with_folders: bool = False,
) -> list[Entry]:
    """Return what is in a folder, sorted by path; `recursive`: all files below it.

    Of a recursive list folders are left out, unless `with_folders`.
    Paths are full ones. Raises EntryNotFound when `path` is no folder.
    """
    item = _find(tx, repo, commit_oid, path)
    if item is None or not item.is_folder:
        raise _no_entry(path, what="folder")
    prefix = f"{path}/" if path else ""
    if recursive:
        found = walk(tx, repo, {prefix: item.oid}, with_folders=with_folders)
    else:
        found = {prefix + name: sub for name, sub in _tree(tx, repo, item.oid).items()}
    return as_entries(tx, repo, found)


def read_file(tx: Tx, repo: Repository, entry: Entry) -> bytes:
    """Return the bytes of a small file. A large one's are in the store."""
    return read_files(tx, repo, [entry])[entry.path]


def read_small(tx: Tx, repo: Repository, commit_oid: str, path: str, most: int) -> bytes | None:
    """Return a file's bytes; None where there is none, or a large one, or one of more than `most`.

    At most one statement beside those that find it.
    """
    item = _find(tx, repo, commit_oid, path)
    if item is None or not item.is_file:
        return None
    return queries_objects.small_data(tx.session, repo.id, item.oid, most)


def read_by_id(tx: Tx, repo: Repository, oid: str) -> bytes:
    """Return the bytes of a small file by git's id of it, as an `Entry` tells it."""
    return queries_objects.data_of(tx.session, repo.id, [oid])[oid]


def read_files(tx: Tx, repo: Repository, entries: Collection[Entry]) -> dict[str, bytes]:
    """Return the bytes of small files by path, in one query for all."""
    if any(entry.large or not entry.is_file for entry in entries):
        raise ValueError("Only small files are read from the database.")
    data = queries_objects.data_of(tx.session, repo.id, [entry.oid for entry in entries])
    return {entry.path: data[entry.oid] for entry in entries}


def walk(
    tx: Tx, repo: Repository, folders: dict[str, str], *, with_folders: bool = False
) -> dict[str, Item]:
    """Return all files below some folders (ids by prefix), by path: at most a query a level."""
    found: dict[str, Item] = {}
    files = 0
    while folders:
        lines = trees(tx, repo, folders.values())
        deeper: dict[str, str] = {}
        for prefix, oid in folders.items():
            for name, item in lines[oid].items():
                if item.is_folder:
                    deeper[f"{prefix}{name}/"] = item.oid
                files += item.is_file
                if item.is_file or (item.is_folder and with_folders):
                    found[prefix + name] = item
            if files + len(deeper) > FILES_MAX:
                message = f"There are more than {FILES_MAX} files. List a folder inside."
                raise TooLarge(message)
        folders = deeper
    return found


def _find(tx: Tx, repo: Repository, commit_oid: str, path: str) -> Item | None:
    """Walk down from the commit's tree: one query a folder."""
    item: Item | None = Item(FOLDER, _root(tx, repo, commit_oid))
    for part in path.split("/") if path else []:
        if item is None or not item.is_folder:
            return None
        item = _tree(tx, repo, item.oid).get(part)
    return item


def _root(tx: Tx, repo: Repository, commit_oid: str) -> str:
    """Return the tree of a commit: no statement if it is at hand."""
    known = root(repo, commit_oid)
    if known is not None:
        return known
    found = queries_objects.root_of(tx.session, repo.id, commit_oid) if is_oid(commit_oid) else None
    if found is None:
        raise RevisionNotFound("There is no such commit in the repository.")
    keep_tree(repo, *found)
    keep_root(repo, commit_oid, found[0])
    return found[0]


def _tree(tx: Tx, repo: Repository, oid: str) -> Lines:
    return trees(tx, repo, [oid])[oid]


def facts_of(tx: Tx, repo: Repository, items: Iterable[Item]) -> Mapping[str, BlobFacts]:
    """Return what is recorded of the files among these lines, by git's id."""
    files = {item.oid for item in items if item.is_file}
    return queries_objects.facts_of(tx.session, repo.id, files) if files else {}


def as_entries(
    tx: Tx,
    repo: Repository,
    items: Mapping[str, Item],
    facts: Mapping[str, BlobFacts] | None = None,
) -> list[Entry]:
    """Return what is known of these lines of trees, sorted by path. `facts`: from `facts_of`."""
    known = facts_of(tx, repo, items.values()) if facts is None else facts
    found = []
    for path, item in items.items():
        if item.is_folder:
            found.append(Entry(path, "folder", item.oid, 0, None, large=False, mode=item.mode))
        elif item.is_file:
            fact = known[item.oid]
            found.append(
                Entry(path, "file", item.oid, fact.size, fact.sha256, fact.large, item.mode)
            )
    return sorted(found, key=lambda entry: entry.path)


def _no_entry(path: str, what: Literal["file", "folder"] = "file") -> EntryNotFound:
    shown = path if path.isprintable() else ""
    return EntryNotFound(f"There is no {what} {shown} in this revision. Check the path.")
