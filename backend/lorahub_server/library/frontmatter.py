"""The YAML on top of a card: split off, read under limits, changed in place."""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from lorahub_server.library.errors import InvalidCard

MAX_BYTES = 64 * 1024
_MAX_DEPTH = 20
# Nodes and characters once aliases are written out: a few lines can stand for gigabytes.
_MAX_NODES = 10_000
_MAX_CHARS = 256 * 1024
_OPENING = re.compile(r"\ufeff?\s*\n?---[ \t]*\r?\n")
_CLOSING = re.compile(r"^---[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
_KEY_LINE = re.compile(r"[A-Za-z_][\w-]*[ \t]*:")
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Dates stay text: people write some that are none, and nobody calculates with them.
_Loader: Any = type(
    "_Loader",
    (_BASE,),
    {
        "yaml_implicit_resolvers": {
            first: [pair for pair in pairs if pair[0] != _TIMESTAMP]
            for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }
    },
)
# What PyYAML lets through of broken values, next to its own errors.
_FAULTS = (
    yaml.YAMLError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError,
    RecursionError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Split:
    """A card cut in two. `front` is None when there is no front matter; `line` is its first."""

    front: str | None
    body: str
    line: int = 1


def split(text: str) -> Split:
    opening = _OPENING.match(text)
    if opening is None:
        return Split(None, text.removeprefix("\ufeff"))
    closing = _CLOSING.search(text, opening.end())
    if closing is None:
        return Split(None, text.removeprefix("\ufeff"))
    front = text[opening.end() : closing.start()]
    return Split(front, text[closing.end() :], text.count("\n", 0, opening.end()) + 1)


def is_unclosed(text: str) -> bool:
    """Tell whether the text begins front matter and never ends it."""
    opening = _OPENING.match(text)
    if opening is None or _CLOSING.search(text, opening.end()):
        return False
    return _KEY_LINE.match(text, opening.end()) is not None


def load(front: str, first_line: int = 1) -> dict[str, Any]:
    """Return front matter as JSON knows it; raises InvalidCard with the line."""
    found = load_any(front, first_line)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidCard(
            "The card's front matter is not a list of `name: value` lines. Write it so.",
            place=f"line {first_line}",
        )
    return found


def load_any(text: str, first_line: int = 1) -> Any:
    """Return any YAML, under the limits of front matter, as JSON knows it."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise InvalidCard(
            f"The card's front matter is larger than {MAX_BYTES // 1024} KiB. Move text below it.",
            place=f"line {first_line}",
        )
    try:
        _measure(text, first_line)
        loader = _Loader(text)
        try:
            return _plain(loader.get_single_data())
        finally:
            loader.dispose()
    except InvalidCard:
        raise
    except _FAULTS as error:
        raise _invalid(error, first_line) from error


def dump(front: dict[str, Any]) -> str:
    """Return the front matter as YAML, without the lines of dashes."""
    if not front:
        return ""
    return yaml.safe_dump(
        front, sort_keys=False, allow_unicode=True, default_flow_style=False, width=4096
    )


def join(front: str, body: str) -> str:
    if not front.strip():
        return body
    return f"---\n{front.rstrip()}\n---\n{body}"


def change(front: str, changes: dict[str, Any]) -> str:
    """Return the front matter with some keys replaced, and removed where the value is None.

    What is not changed keeps its order, comments and way of writing where that is possible.
    """
    wanted = load(front)
    wanted.update(changes)
    wanted = {key: value for key, value in wanted.items() if value is not None}
    edited = front
    for key, value in changes.items():
        edited = _replace(edited, key, value)
    try:
        kept = load(edited) == _plain(wanted)
    except InvalidCard:
        kept = False
    return edited if kept else dump(wanted)


def _replace(front: str, key: str, value: Any) -> str:
    lines = front.splitlines(keepends=True)
    begin = next((n for n, line in enumerate(lines) if _names(line, key)), None)
    new = [] if value is None else dump({key: value}).splitlines(keepends=True)
    if begin is None:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        return "".join([*lines, *new])
    end = begin + 1
    # A value goes on while lines are indented, or are the items of a list.
    while end < len(lines) and (lines[end][:1] in " \t" or lines[end].startswith(("- ", "-\n"))):
        end += 1
    return "".join([*lines[:begin], *new, *lines[end:]])


def _names(line: str, key: str) -> bool:
    name = re.escape(key)
    return bool(re.match(rf"(?:{name}|\"{name}\"|'{name}')\s*:", line))


def _measure(front: str, first_line: int) -> None:
    """Refuse what would be huge or deep, before anything is built of it."""
    sizes: dict[str, tuple[int, int]] = {}
    open_nodes: list[tuple[str | None, int, int]] = []
    nodes = characters = 0
    for event in yaml.parse(front, Loader=_Loader):
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((anchor, nodes, characters))
            nodes += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            named, nodes_before, characters_before = open_nodes.pop()
            if named:
                sizes[named] = (nodes - nodes_before, characters - characters_before)
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
            characters += len(event.value)
            if anchor:
                sizes[anchor] = (1, len(event.value))
        elif isinstance(event, yaml.AliasEvent):
            more = sizes.get(anchor or "", (_MAX_NODES + 1, 0))
            nodes += more[0]
            characters += more[1]
        if nodes > _MAX_NODES or characters > _MAX_CHARS or len(open_nodes) > _MAX_DEPTH:
            line = first_line + (event.start_mark.line if event.start_mark else 0)
            raise InvalidCard(
                "The card's front matter is too large or too deeply nested. Simplify it.",
                place=f"line {line}",
            )


def _invalid(error: Exception, first_line: int) -> InvalidCard:
    line, problem = first_line, ""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line += mark.line if mark is not None else 0
        problem = f": {error.problem}" if error.problem else ""
    return InvalidCard(
        f"The card's front matter is not valid YAML (line {line}{problem}). Correct that line.",
        place=f"line {line}",
    )


def _plain(value: Any) -> Any:
    """Return the value as JSON knows it; depth and size are bounded already."""
    if isinstance(value, dict):
        return {_name(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        # JSON has no infinity and no NaN.
        return value if value - value == 0 else str(value)
    return value.hex() if isinstance(value, bytes) else str(value)


def _name(key: object) -> str:
    if isinstance(key, bool):
        return "yes" if key else "no"
    return str(key)
