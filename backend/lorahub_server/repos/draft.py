"""A tree being changed: only the folders that operations touch are read and written."""

import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from lorahub_server.access import Tx
from lorahub_server.repos import queries_objects
from lorahub_server.repos.errors import EntryNotFound, PathConflict
from lorahub_server.repos.objects import FOLDER, Item, NewObject, read_tree, tree_object
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.trees import walk


@dataclass(slots=True)
class Folder:
    """Its lines, some of them opened as folders below; `oid` None: changed since it was read."""

    oid: str | None
    items: "dict[str, Item | Folder]"
    _keys: dict[str, str] = field(default_factory=dict)

    def clash(self, name: str) -> str | None:
        """Return another name here that some file systems can't tell from this one."""
        if not self._keys:
            self._keys = {key(there): there for there in self.items}
        there = self._keys.get(key(name))
        return None if there is None or there == name else there

    def set(self, name: str, item: "Item | Folder") -> None:
        if self._keys:
            self._keys[key(name)] = name
        self.items[name] = item
        self.oid = None

    def remove(self, name: str) -> None:
        del self.items[name]
        self._keys = {}
        self.oid = None


class Draft:
    """Begins as a commit's tree, or empty; `added` and `removed` count files."""

    def __init__(self, tx: Tx, repo: Repository, root: tuple[str, bytes] | None) -> None:
        self._tx = tx
        self._repo = repo
        self._root = Folder(None, {}) if root is None else Folder(root[0], dict(read_tree(root[1])))
        self.added = 0
        self.removed = 0

    def open_for(self, paths: Collection[str]) -> None:
        """Read the folders on the way to these paths, all of one depth in one go."""
        waiting = [(self._root, path.split("/")[:-1]) for path in paths]
        while waiting:
            wanted: dict[str, list[tuple[Folder, str]]] = {}
            for folder, parts in waiting:
                item = folder.items.get(parts[0]) if parts else None
                if isinstance(item, Item) and item.is_folder:
                    wanted.setdefault(item.oid, []).append((folder, parts[0]))
            data = queries_objects.data_of(self._tx.session, self._repo.id, wanted)
            for oid, places in wanted.items():
                for folder, name in places:
                    if isinstance(folder.items[name], Item):
                        folder.items[name] = Folder(oid, dict(read_tree(data[oid])))
            deeper = []
            for folder, parts in waiting:
                item = folder.items.get(parts[0]) if parts else None
                if isinstance(item, Folder):
                    deeper.append((item, parts[1:]))
            waiting = deeper

    def get(self, path: str) -> Item | None:
        """Return the file at a path whose folders are open."""
        folder, name = self._root, path
        for part in path.split("/")[:-1]:
            item = folder.items.get(part)
            if not isinstance(item, Folder):
                return None
            folder = item
        found = folder.items.get(name.rpartition("/")[2])
        return found if isinstance(found, Item) and found.is_file else None

    def delete(self, path: str) -> None:
        """Take out a file, or a folder with all in it, and the folders that this empties."""
        way, parts = [self._root], path.split("/")
        for part in parts[:-1]:
            item = way[-1].items.get(part)
            if not isinstance(item, Folder):
                raise _missing(path)
            way.append(item)
        there = way[-1].items.get(parts[-1])
        if there is None:
            raise _missing(path)
        self.removed += self._count(there)
        for folder, name in zip(reversed(way), reversed(parts), strict=True):
            folder.remove(name)
            if folder.items:
                break
        for folder in way:
            folder.oid = None

    def put(self, path: str, item: Item) -> None:
        """Write a file, or raise PathConflict."""
        parts = path.split("/")
        way = [self._root]
        for depth, part in enumerate(parts[:-1], start=1):
            self._check_clash(way[-1], part, path)
            there = way[-1].items.get(part)
            if there is None:
                there = Folder(None, {})
                way[-1].set(part, there)
            elif isinstance(there, Item):
                above = "/".join(parts[:depth])
                message = f"{above} is a file, so nothing can lie below it. Delete or move it."
                raise PathConflict(message, place=path)
            way.append(there)
        self._check_clash(way[-1], parts[-1], path)
        there = way[-1].items.get(parts[-1])
        if isinstance(there, Folder) or (there is not None and not there.is_file):
            message = f"{path} is a folder, so no file can have that name. Delete or move it."
            raise PathConflict(message, place=path)
        if there is None:
            self.added += 1
        elif there == item:
            return
        for folder in way:
            folder.oid = None
        way[-1].set(parts[-1], item)

    def files(self) -> dict[str, Item]:
        """Return every file of the tree as it is now, by path."""
        return dict(self._files(self._root, ""))

    def write(self) -> tuple[str, list[NewObject]]:
        """Return the id of the whole tree, and the trees that are new."""
        made: list[NewObject] = []
        oid = self._write(self._root, made)
        return oid, made

    def _write(self, folder: Folder, made: list[NewObject]) -> str:
        if folder.oid is not None:
            return folder.oid
        items = {
            name: Item(FOLDER, self._write(item, made)) if isinstance(item, Folder) else item
            for name, item in folder.items.items()
        }
        tree = tree_object(items)
        made.append(tree)
        return tree.oid

    def _count(self, there: Item | Folder) -> int:
        if isinstance(there, Item) and not there.is_folder:
            return int(there.is_file)
        if isinstance(there, Item):
            return len(walk(self._tx, self._repo, {"": there.oid}))
        return sum(self._count(item) for item in there.items.values())

    def _files(self, folder: Folder, prefix: str) -> Iterator[tuple[str, Item]]:
        closed: dict[str, str] = {}
        for name, item in folder.items.items():
            if isinstance(item, Folder):
                yield from self._files(item, f"{prefix}{name}/")
            elif item.is_folder:
                closed[f"{prefix}{name}/"] = item.oid
            elif item.is_file:
                yield prefix + name, item
        yield from walk(self._tx, self._repo, closed).items()

    @staticmethod
    def _check_clash(folder: Folder, name: str, path: str) -> None:
        other = folder.clash(name)
        if other is not None:
            message = f"{name} and {other} would be one name on many disks. Rename one of them."
            raise PathConflict(message, place=path)


def key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _missing(path: str) -> EntryNotFound:
    return EntryNotFound(f"There is no file or folder {path} to delete.", place=path)
