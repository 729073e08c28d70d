"""The lines that changed in small text files, as far as a page or an answer can hold them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lorahub_server.access import Tx, can_read_files
from lorahub_server.repos import queries_objects
from lorahub_server.repos.diff import Change
from lorahub_server.repos.diff_lines import Hunk, hunks
from lorahub_server.repos.operations import CARD
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.trees import Entry

# Of one file, and of all files together.
BYTES_MAX = 256 * 1024
LINES_MAX = 5000
READ_MAX = 4 * 1024 * 1024
SHOWN_MAX = 512 * 1024
FILES_MAX = 300

Sign = Literal[" ", "+", "-"]
# What was read, by the ids of the objects.
Texts = dict[str, bytes]
Why = Literal["", "binary", "long", "same", "gated"]
_END = "\\ No newline at end of file"
_NULL = "0" * 40
_DEV_NULL = "/dev/null"
_SHORT = 10
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line, with its number in the old and in the new text. `text` has its line end."""

    sign: Sign
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    header: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """`why`: what keeps the lines from being shown. Of a large file they are its pointer's."""

    change: Change
    sections: Sequence[Section] = ()
    why: Why = ""

    @property
    def is_large(self) -> bool:
        return any(side is not None and side.large for side in (self.change.old, self.change.new))

    @property
    def added(self) -> int:
        return self._count("+")

    @property
    def removed(self) -> int:
        return self._count("-")

    def _count(self, sign: Sign) -> int:
        return sum(line.sign == sign for section in self.sections for line in section.lines)


@dataclass(slots=True)
class _Budget:
    read: int = READ_MAX
    shown: int = SHOWN_MAX
    files: int = FILES_MAX
    texts: Texts = field(default_factory=dict)


def read(tx: Tx, repo: Repository, changes: Iterable[Change]) -> tuple[list[FileDiff], Texts]:
    """Return the changes with their lines, until there is more than can be shown, and the texts.

    Of a gated repository everybody may read the card, and no other file.
    """
    listed = list(changes)
    may_read_all = can_read_files(tx, repo)
    budget = _Budget()
    wanted = set()
    for change in listed[:FILES_MAX]:
        sides = _sides(change)
        if not may_read_all and not _is_card(change):
            continue
        size = sum(_size(side) for side in sides)
        if change.kind != "renamed" and size <= min(2 * BYTES_MAX, budget.read):
            budget.read -= size
            wanted |= {side.oid for side in sides}
    budget.texts = queries_objects.data_of(tx.session, repo.id, wanted)
    diffs = [
        _file(change, budget) if may_read_all or _is_card(change) else FileDiff(change, why="gated")
        for change in listed
    ]
    return diffs, budget.texts


def _sides(change: Change) -> list[Entry]:
    return [side for side in (change.old, change.new) if side is not None]


def _is_card(change: Change) -> bool:
    return all(side.path == CARD and not side.large for side in _sides(change))


def unified(diffs: Iterable[FileDiff]) -> str:
    """Return the text that `git diff` prints."""
    return "".join(_unified(diffs))


def _file(change: Change, budget: _Budget) -> FileDiff:
    if change.kind == "renamed" or (change.old and change.new and change.old.oid == change.new.oid):
        return FileDiff(change, why="same")
    budget.files -= 1
    texts = []
    for side in (change.old, change.new):
        data = b"" if side is None else budget.texts.get(side.oid)
        if data is None or len(data) > BYTES_MAX or budget.files < 0:
            return FileDiff(change, why="long")
        text = _text(data)
        if text is None:
            return FileDiff(change, why="binary")
        texts.append(_lines(text))
    old, new = texts
    if len(old) > LINES_MAX or len(new) > LINES_MAX:
        return FileDiff(change, why="long")
    sections = [_section(hunk, old, new) for hunk in hunks(old, new)]
    budget.shown -= sum(len(line.text) for section in sections for line in section.lines)
    if budget.shown < 0:
        return FileDiff(change, why="long")
    return FileDiff(change, sections)


def _section(hunk: Hunk, old: Sequence[str], new: Sequence[str]) -> Section:
    header = f"@@ -{_range(hunk.old, hunk.old_end)} +{_range(hunk.new, hunk.new_end)} @@"
    return Section(header, list(_section_lines(hunk, old, new)))


def _section_lines(hunk: Hunk, old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    x, y = hunk.old, hunk.new
    for block in hunk.blocks:
        while x < block.old:
            x, y = x + 1, y + 1
            yield Line(" ", x, y, old[x - 1])
        for x in range(block.old, block.old_end):
            yield Line("-", x + 1, None, old[x])
        for y in range(block.new, block.new_end):
            yield Line("+", None, y + 1, new[y])
        x, y = block.old_end, block.new_end
    while x < hunk.old_end:
        x, y = x + 1, y + 1
        yield Line(" ", x, y, old[x - 1])


def _range(start: int, end: int) -> str:
    count = end - start
    first = start + 1 if count else start
    return str(first) if count == 1 else f"{first},{count}"


def _unified(diffs: Iterable[FileDiff]) -> Iterator[str]:
    for diff in diffs:
        change = diff.change
        old, new = change.old, change.new
        before = (old or new or _nothing()).path
        yield f"diff --git {_name('a/', before)} {_name('b/', change.path)}\n"
        yield from _modes(change)
        if old is not None and new is not None and old.oid == new.oid:
            continue
        mode = f" {new.mode:06o}" if old and new and old.mode == new.mode else ""
        ids = f"{_id(old)}..{_id(new)}"
        yield f"index {ids}{mode}\n"
        names = (
            _name("a/", old.path) if old else _DEV_NULL,
            _name("b/", new.path) if new else _DEV_NULL,
        )
        if diff.why:
            yield f"Binary files {names[0]} and {names[1]} differ\n"
        elif diff.sections:
            yield f"--- {names[0]}\n+++ {names[1]}\n"
            for section in diff.sections:
                yield f"{section.header}\n"
                yield from (_line(line) for line in section.lines)


def _modes(change: Change) -> Iterator[str]:
    old, new = change.old, change.new
    if old is None and new is not None:
        yield f"new file mode {new.mode:06o}\n"
    elif new is None and old is not None:
        yield f"deleted file mode {old.mode:06o}\n"
    elif old is not None and new is not None:
        if old.mode != new.mode:
            yield f"old mode {old.mode:06o}\nnew mode {new.mode:06o}\n"
        if change.kind == "renamed":
            yield "similarity index 100%\n"
            yield f"rename from {_name('', old.path)}\nrename to {_name('', new.path)}\n"


def _line(line: Line) -> str:
    if line.text.endswith("\n"):
        return f"{line.sign}{line.text}"
    return f"{line.sign}{line.text}\n{_END}\n"


def _name(start: str, path: str) -> str:
    if path.isprintable() and '"' not in path and "\\" not in path:
        return start + path
    return '"' + start + "".join(_ESCAPED.get(c, c) for c in path) + '"'


def _id(entry: Entry | None) -> str:
    return (_NULL if entry is None else entry.oid)[:_SHORT]


def _nothing() -> Entry:
    raise ValueError("A change is about a file.")


def _size(entry: Entry) -> int:
    return 1024 if entry.large else entry.size


def _text(data: bytes) -> str | None:
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _lines(text: str) -> list[str]:
    *whole, last = text.split("\n")
    found = [f"{line}\n" for line in whole]
    return [*found, last] if last else found
