"""The objects that a push is about: those in its pack, and those that are here."""

from dulwich.errors import ObjectFormatException
from dulwich.objects import parse_tree

from lorahub_server.access import Tx
from lorahub_server.kit.kept import Kept
from lorahub_server.repos import kept, queries_pack
from lorahub_server.repos.draft import key
from lorahub_server.repos.errors import PathConflict
from lorahub_server.repos.kept import Lines
from lorahub_server.repos.objects import FILE, FOLDER, PROGRAM, SUBMODULE, Item
from lorahub_server.repos.pack_read import Unpacked
from lorahub_server.repos.receive_errors import BadPush, Incomplete
from lorahub_server.repos.tables import Repository

_LINK = 0o120000
_OID_BYTES = 20
_NULL = "0" * 40


class Objects:
    def __init__(self, tx: Tx, repo: Repository, unpacked: Unpacked) -> None:
        self.tx = tx
        self.repo = repo
        self.unpacked = unpacked
        self._sound: Kept[str, Lines] = Kept(kept.LINES_MAX, lambda lines: len(lines) + 1)

    def any(self, oid: str) -> tuple[str, bytes]:
        """Return kind and bytes of an object, or raise Incomplete."""
        kind = self.unpacked.kind(oid)
        if kind is not None:
            return kind, self.unpacked.data(oid)
        found = queries_pack.objects(self.tx.session, self.repo.id, [oid]).get(oid)
        if found is None:
            raise Incomplete(oid)
        return found

    def data(self, oid: str, kind: str) -> bytes:
        """Return the bytes of an object of this kind, or raise Incomplete."""
        there, data = self.any(oid)
        if there != kind:
            raise Incomplete(oid)
        return data

    def tree(self, oid: str, base: Lines | None = None) -> Lines:
        """Return the lines of a tree, or raise Incomplete, BadPush or PathConflict.

        Lines that a sound tree `base` has as well need no second look.
        """
        if self.unpacked.kind(oid) != "tree":
            there = kept.kept_tree(self.repo, oid)
            return there or kept.keep_tree(self.repo, oid, self.data(oid, "tree"))
        lines = self._sound.get(oid)
        if lines is None:
            lines = _read(self.unpacked.data(oid))
            _check(lines, base or {})
            self._sound.put(oid, lines)
        return lines

    def find(self, tree: str, path: str) -> Item | None:
        """Return the file that a tree has at a path."""
        item = Item(FOLDER, tree)
        for part in path.split("/"):
            if not item.is_folder:
                return None
            below = self.tree(item.oid).get(part)
            if below is None:
                return None
            item = below
        return item if item.is_file else None


def _read(data: bytes) -> dict[str, Item]:
    try:
        lines = parse_tree(data, _OID_BYTES, strict=True)
    except (ObjectFormatException, ValueError) as error:
        raise _damaged() from error
    places = [name + b"/" if mode == FOLDER else name for name, mode, _ in lines]
    found = {
        name.decode(errors="surrogateescape"): Item(mode, oid.decode()) for name, mode, oid in lines
    }
    if len(found) < len(places) or places != sorted(places):
        raise _damaged()
    return found


def _check(lines: Lines, base: Lines) -> None:
    for name, item in lines.items():
        if base.get(name) != item:
            _check_line(name, item)
    if lines.keys() <= base.keys():
        return
    names: dict[str, str] = {}
    for name in lines:
        other = names.setdefault(key(name), name)
        if other != name:
            message = f"{name} and {other} would be one name on many disks. Rename one of them."
            raise PathConflict(message, place=name)


def _check_line(name: str, item: Item) -> None:
    if not _is_utf8(name):
        shown = name.encode(errors="surrogateescape").decode("ascii", "backslashreplace")
        raise BadPush("The file's name is not UTF-8. Rename it.", place=shown)
    if item.mode == _LINK:
        raise BadPush("Symbolic links are not supported. Push the file itself.", place=name)
    if item.mode == SUBMODULE:
        raise BadPush("Submodules are not supported. Push the files themselves.", place=name)
    if item.mode not in {FILE, PROGRAM, FOLDER} or item.oid == _NULL or "/" in name:
        raise _damaged()


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _damaged() -> BadPush:
    return BadPush("The push has a damaged folder. Run `git fsck`.")
