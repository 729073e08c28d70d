"""`.gitattributes`: which paths git gives to git-lfs, and the lines that make it so.

A clone is only clean when git's view is ours: every large file is matched, no small file is.
"""

import re
from collections.abc import Mapping
from contextlib import suppress

from dulwich.attrs import Pattern
from dulwich.wildmatch import MalformedPattern

_LFS = "filter=lfs diff=lfs merge=lfs -text"
_NOT_LFS = "!filter !diff !merge !text"
# Every file with one of these endings is weights, and weights are always large files.
_ALWAYS_LARGE = (".safetensors", ".sft")
_LINE_MAX = 2048  # git ignores longer ones
_BLANK = " \t\r\n"
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WILD = set("*?[\\")
_MACRO = "[attr]"
_ATTRIBUTE = re.compile(r"[-!]?(?!builtin_)[A-Za-z0-9_.][A-Za-z0-9_.-]*(?:=.*)?")
_LEAST = 2  # a pattern and an attribute


class Attributes:
    """Tells for paths whether git-lfs handles them. Knows the file at the top only."""

    def __init__(self, text: str) -> None:
        # Of a path, the last line that matches and says something about the filter counts.
        self._exact: dict[str, tuple[int, bool]] = {}
        self._wild: list[tuple[int, Pattern, bool]] = []
        self._macros: dict[str, bool] = {}
        for number, line in enumerate(text.split("\n")):
            self._read(number, line)

    def is_lfs(self, path: str) -> bool:
        last, answer = self._exact.get(path, (-1, False))
        raw = path.encode()
        for number, pattern, is_lfs in reversed(self._wild):
            if number < last:
                break
            if pattern.match(raw):
                return is_lfs
        return answer

    def _read(self, number: int, line: str) -> None:
        parts = _parts(line)
        if len(parts) < _LEAST or not all(_ATTRIBUTE.fullmatch(part) for part in parts[1:]):
            return  # git ignores the whole line
        is_lfs = self._filter(parts[1:])
        pattern = parts[0]
        if is_lfs is None or pattern.startswith("!"):
            return
        if pattern.startswith(_MACRO):
            self._macros[pattern.removeprefix(_MACRO)] = is_lfs
        elif pattern.startswith("/") and not _WILD & set(pattern):
            self._exact[pattern[1:]] = (number, is_lfs)
        else:
            # One that is malformed matches nothing.
            with suppress(MalformedPattern):
                self._wild.append((number, Pattern(pattern.encode()), is_lfs))

    def _filter(self, parts: list[str]) -> bool | None:
        """Return what the last of these attributes says about the filter, if any does."""
        for part in reversed(parts):
            if part.lstrip("-!").split("=", 1)[0] == "filter":
                return part == "filter=lfs"
            if part in self._macros:
                return self._macros[part]
        return None


def amended(text: str, large: Mapping[str, bool]) -> str:
    """Return the text with a line for every path that git would treat otherwise than we do.

    `large` tells of each path whether it is a large file.
    """
    known = Attributes(text)
    lines = dict.fromkeys(
        _line(path, is_large)
        for path, is_large in sorted(large.items())
        if known.is_lfs(path) != is_large
    )
    if not lines:
        return text
    if text and not text.endswith("\n"):
        text += "\n"
    return text + "".join(f"{line}\n" for line in lines)


def _line(path: str, is_large: bool) -> str:
    if is_large:
        ending = next((e for e in _ALWAYS_LARGE if path.endswith(e)), None)
        return f"*{ending} {_LFS}" if ending else f"{_pattern(path)} {_LFS}"
    return f"{_pattern(path)} {_NOT_LFS}"


def _pattern(path: str) -> str:
    """Return the pattern that matches this path alone."""
    escaped = "/" + "".join(f"\\{c}" if c in _WILD else c for c in path)
    if not set(_BLANK) & set(escaped):
        return escaped
    inner = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def _parts(line: str) -> list[str]:
    """Return the pattern and the attributes of a line; an empty list for a line without."""
    line = line.strip(_BLANK)
    if not line or line.startswith("#") or len(line.encode()) > _LINE_MAX:
        return []
    quoted = _QUOTED.match(line)
    if quoted:
        return [_unquoted(quoted[1]), *_split(line[quoted.end() :])]
    return _split(line)


def _split(text: str) -> list[str]:
    return [part for part in re.split(f"[{_BLANK}]+", text) if part]


def _unquoted(text: str) -> str:
    return re.sub(r"\\([0-7]{3}|.)", lambda found: _unescaped(found[1]), text)


def _unescaped(code: str) -> str:
    return chr(int(code, 8)) if len(code) > 1 else _ESCAPES.get(code, code)
