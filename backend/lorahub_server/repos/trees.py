"""What is in a commit: entries by path, listings, small files' bytes."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from lorahub_server.access import Tx
from lorahub_server.kit.errors import TooLarge
from lorahub_server.repos import queries_objects
from lorahub_server.repos.errors import EntryNotFound, RevisionNotFound
from lorahub_server.repos.limits import FILES_MAX
from lorahub_server.repos.objects import FOLDER, Item, read_tree
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
    return _entries(tx, repo, {path: item})[0]


def find_file(tx: Tx, repo: Repository, commit_oid: str, path: str) -> Entry | None:
    item = _find(tx, repo, commit_oid, path)
    if item is None or not item.is_file:
        return None
    return _entries(tx, repo, {path: item})[0]


def list_entries(
    tx: Tx, repo: Repository, commit_oid: str, path: str = "", *, recursive: bool = False
) -> list[Entry]:
    """Return what is in a folder, sorted by path; `recursive`: all files below it, no folders.

    Paths are full ones. Raises EntryNotFound when `path` is no folder.
    """
    item = _find(tx, repo, commit_oid, path)
    if item is None or not item.is_folder:
        raise _no_entry(path, what="folder")
    prefix = f"{path}/" if path else ""
    if recursive:
        found = walk(tx, repo, {prefix: item.oid})
    else:
        found = {prefix + name: sub for name, sub in _tree(tx, repo, item.oid).items()}
    return _entries(tx, repo, found)


def read_file(tx: Tx, repo: Repository, entry: Entry) -> bytes:
    """Return the bytes of a small file. A large one's are in the store."""
    return read_files(tx, repo, [entry])[entry.path]


def read_files(tx: Tx, repo: Repository, entries: Collection[Entry]) -> dict[str, bytes]:
    """Return the bytes of small files by path, in one query for all."""
    if any(entry.large or not entry.is_file for entry in entries):
        raise ValueError("Only small files are read from the database.")
    data = queries_objects.data_of(tx.session, repo.id, [entry.oid for entry in entries])
    return {entry.path: data[entry.oid] for entry in entries}


def walk(tx: Tx, repo: Repository, folders: dict[str, str]) -> dict[str, Item]:
    """Return all files below some folders (ids by prefix), by path: a few queries a level."""
    files: dict[str, Item] = {}
    while folders:
        data = queries_objects.data_of(tx.session, repo.id, folders.values())
        deeper: dict[str, str] = {}
        for prefix, oid in folders.items():
            for name, item in read_tree(data[oid]).items():
                if item.is_folder:
                    deeper[f"{prefix}{name}/"] = item.oid
                elif item.is_file:
                    files[prefix + name] = item
            if len(files) + len(deeper) > FILES_MAX:
                message = f"There are more than {FILES_MAX} files. List a folder inside."
                raise TooLarge(message)
        folders = deeper
    return files


def _find(tx: Tx, repo: Repository, commit_oid: str, path: str) -> Item | None:
    """Walk down from the commit's tree: one query a folder."""
    root = queries_objects.root_of(tx.session, repo.id, commit_oid)
    if root is None:
        raise RevisionNotFound("There is no such commit in the repository.")
    item: Item | None = Item(FOLDER, root[0])
    items = read_tree(root[1]) if path else {}
    parts = path.split("/") if path else []
    for depth, part in enumerate(parts):
        if item is None or not item.is_folder:
            return None
        if depth:
            items = _tree(tx, repo, item.oid)
        item = items.get(part)
    return item


def _tree(tx: Tx, repo: Repository, oid: str) -> dict[str, Item]:
    return read_tree(queries_objects.data_of(tx.session, repo.id, [oid])[oid])


def _entries(tx: Tx, repo: Repository, items: dict[str, Item]) -> list[Entry]:
    files = [item.oid for item in items.values() if item.is_file]
    facts = queries_objects.facts_of(tx.session, repo.id, files) if files else {}
    found = []
    for path, item in items.items():
        if item.is_folder:
            found.append(Entry(path, "folder", item.oid, 0, None, large=False, mode=item.mode))
        elif item.is_file:
            fact = facts[item.oid]
            found.append(
                Entry(path, "file", item.oid, fact.size, fact.sha256, fact.large, item.mode)
            )
    return sorted(found, key=lambda entry: entry.path)


def _no_entry(path: str, what: Literal["file", "folder"] = "file") -> EntryNotFound:
    shown = path if path.isprintable() else ""
    return EntryNotFound(f"There is no {what} {shown} in this revision. Check the path.")
