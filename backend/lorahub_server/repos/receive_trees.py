"""What the commits of a push change: every path that is new, and how many files there are."""

from dataclasses import dataclass

from lorahub_server.kit import names
from lorahub_server.repos.errors import BadCommit
from lorahub_server.repos.limits import FILES_MAX, PUSH_FILES_MAX, PUSH_LINES_MAX
from lorahub_server.repos.objects import Item
from lorahub_server.repos.operations import check_name
from lorahub_server.repos.receive_errors import BadPush, TooMuchWork
from lorahub_server.repos.receive_objects import Objects


@dataclass(frozen=True, slots=True)
class _Step:
    """A folder of a commit beside the one at its place in the parent; one of them may lack."""

    prefix: str
    tree: str | None
    base: str | None


class Changes:
    """Looks at commits, parents first. `files` has what is new in any, `trees` the new folders."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._left = PUSH_LINES_MAX
        self._room = FILES_MAX
        self._known: dict[_Step, int] = {}
        self._names: set[str] = set()
        # By path and id: the first commit that has it.
        self.files: dict[tuple[str, str], str] = {}
        self.trees: set[str] = set()

    def look_at(self, commit: str, tree: str, base: str | None, base_files: int) -> int:
        """Note what a commit's tree has that its parent's lacks; return how many files it has."""
        self._room = FILES_MAX
        files = base_files + self._compare(_Step("", tree, base), commit)
        if files > FILES_MAX:
            raise _too_many(files)
        return files

    def _compare(self, step: _Step, commit: str) -> int:
        """Return how many files more there are than in the base."""
        if step.tree == step.base:
            return 0
        if step not in self._known:
            if step.prefix.count("/") > names.PATH_MAX_DEPTH:
                message = f"Folders are nested more than {names.PATH_MAX_DEPTH} deep. Flatten them."
                raise BadPush(message)
            self._known[step] = self._difference(step, commit)
        return self._known[step]

    def _difference(self, step: _Step, commit: str) -> int:
        before = {} if step.base is None else self._objects.tree(step.base)
        lines = {} if step.tree is None else self._objects.tree(step.tree, before)
        self._left -= len(lines) + len(before) + 1
        if self._left < 0:
            raise TooMuchWork
        if step.tree is not None:
            if not lines and step.prefix:
                raise BadPush("The push has a folder with nothing in it.", place=step.prefix[:-1])
            if step.tree in self._objects.unpacked:
                self.trees.add(step.tree)
        changed = [name for name, item in lines.items() if before.get(name) != item]
        changed += [name for name in before if name not in lines]
        more = 0
        for name in changed:
            new, old = lines.get(name), before.get(name)
            more += _is_file(new) - _is_file(old)
            if new is not None and new.is_file:
                self._note(step.prefix + name, new, commit)
            below = _Step(f"{step.prefix}{name}/", _folder(new), _folder(old))
            more += self._compare(below, commit)
        return more

    def _note(self, path: str, item: Item, commit: str) -> None:
        if path not in self._names:
            names.check_path(path)
            check_name(path)
            self._names.add(path)
        self.files.setdefault((path, item.oid), commit)
        self._room -= 1
        if self._room < 0:
            raise _too_many(FILES_MAX + 1)
        if len(self.files) > PUSH_FILES_MAX:
            raise TooMuchWork


def _too_many(files: int) -> BadCommit:
    message = f"A repository holds at most {FILES_MAX} files; this would make {files}."
    return BadCommit(message)


def _is_file(item: Item | None) -> bool:
    return item is not None and item.is_file


def _folder(item: Item | None) -> str | None:
    return item.oid if item is not None and item.is_folder else None
