"""The regular expressions of `rank_pattern` and `alpha_pattern`, matched without running them.

A stranger's regular expression can keep `re` busy for years. What people really write (names,
numbers, a choice of names) is read here into states that are followed side by side: the time is the
length of the name times the length of the pattern, whatever the pattern.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

MAX_PATTERN_CHARS = 400
# So many expressions are followed for each module; names alone are looked up and have no limit.
MAX_FOLLOWED = 100
# States visited for all modules of a file, about two seconds; real ones need a fifth of that.
_MOST_WORK = 1_000_000
_MAX_CHOICES = 64
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/@ ")
_DIGITS = frozenset("0123456789")
_WORD = _PLAIN - frozenset("-/@ ")
_CLASSES = {"d": _DIGITS, "w": _WORD}

_NAME = re.compile(r"[A-Za-z0-9_./@ -]+")
_Value = TypeVar("_Value", int, float)

# One step: the characters it takes (None: any) and how often: "", "*", "+" or "?".
_Step = tuple[frozenset[str] | None, str]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A key of rank_pattern or alpha_pattern that was understood."""

    choices: tuple[tuple[_Step, ...], ...]
    anchored: bool

    def matches(self, name: str) -> bool:
        r"""Whether PEFT's `(.*\.)?(key)$` matches `name` from its start."""
        return self.follow(name)[0]

    def follow(self, name: str) -> tuple[bool, int]:
        """Whether it matches, and how much work that was."""
        work = 0
        for steps in self.choices:
            matches, taken = self._follow(steps, name)
            work += taken
            if matches:
                return True, work
        return False, work

    def _follow(self, steps: tuple[_Step, ...], name: str) -> tuple[bool, int]:
        live = _skip({0}, steps)
        work = len(live)
        for char in name:
            if not live and self.anchored:
                return False, work
            following = set()
            for state in live:
                if state == len(steps):
                    continue
                takes, often = steps[state]
                if takes is None or char in takes:
                    following.add(state + 1)
                    if often in ("*", "+"):
                        following.add(state)
            # The last part of a path may match as well as the whole.
            if char == "." and not self.anchored:
                following.add(0)
            live = _skip(following, steps)
            work += 1 + len(live)
        return len(steps) in live, work


class Lookup(Generic[_Value]):
    """rank_pattern or alpha_pattern: the first key that fits a module's name gives its value."""

    def __init__(self, patterns: Mapping[str, _Value]) -> None:
        self._ends: dict[str, tuple[int, _Value]] = {}
        self._whole: dict[str, tuple[int, _Value]] = {}
        self._followed: list[tuple[int, _Value, Pattern]] = []
        self._budget: int = _MOST_WORK
        for at, (key, value) in enumerate(patterns.items()):
            plain = key.replace("\\.", ".").removesuffix("$")
            if _NAME.fullmatch(plain.removeprefix("^")):
                places = self._whole if plain.startswith("^") else self._ends
                places.setdefault(plain.removeprefix("^"), (at, value))
                continue
            # A key that is not understood still counts for the module of that very name.
            self._whole.setdefault(key, (at, value))
            pattern = read_pattern(key) if len(self._followed) < MAX_FOLLOWED else None
            if pattern is not None:
                self._followed.append((at, value, pattern))

    def get(self, module: str) -> _Value | None:
        found = [self._whole[module]] if module in self._whole else []
        parts = module.split(".")
        ends = (".".join(parts[at:]) for at in range(len(parts)))
        found += [self._ends[end] for end in ends if end in self._ends]
        first = min((at for at, _ in found), default=-1)
        for at, value, pattern in self._followed:
            if 0 <= first < at:
                break
            if self._budget < 0:
                break
            matches, work = pattern.follow(module)
            self._budget -= work
            if matches:
                return value
        return next((value for at, value in found if at == first), None)


def _skip(states: set[int], steps: tuple[_Step, ...]) -> set[int]:
    """The states, and those reached from them over steps that may take nothing."""
    found = set(states)
    for state in sorted(states):
        at = state
        while at < len(steps) and steps[at][1] in ("*", "?"):
            at += 1
            found.add(at)
    return found


@lru_cache(maxsize=1024)
def read_pattern(text: str) -> Pattern | None:
    """What `text` matches, or None when it is longer or more complicated than is evaluated."""
    if not 0 < len(text) <= MAX_PATTERN_CHARS:
        return None
    anchored = text.startswith("^")
    if anchored and "|" in text and not _GROUP.search(text):
        return None
    choices = _choices(text.removeprefix("^").removesuffix("$"))
    if choices is None:
        return None
    read = [_steps(choice) for choice in choices]
    if any(steps is None for steps in read):
        return None
    return Pattern(tuple(steps for steps in read if steps is not None), anchored)


_GROUP = re.compile(r"\((?:\?:)?([^()]*)\)(?![*+?{])")


def _choices(text: str) -> list[str] | None:
    """Every text that the groups without repetition stand for: "a(b|c)" is "ab" and "ac"."""
    done: list[str] = []
    waiting = [text]
    while waiting:
        one = waiting.pop()
        group = _GROUP.search(one)
        if group is None:
            done += one.split("|")
        else:
            if "|" in one[: group.start()] + one[group.end() :]:
                return None
            parts = group[1].split("|")
            waiting += [one[: group.start()] + part + one[group.end() :] for part in parts]
        if len(done) + len(waiting) > _MAX_CHOICES:
            return None
    return done


def _steps(text: str) -> tuple[_Step, ...] | None:
    steps: list[_Step] = []
    at = 0
    while at < len(text):
        takes, at = _one(text, at)
        if takes == frozenset():
            return None
        often = text[at] if at < len(text) and text[at] in "*+?" else ""
        at += len(often)
        if at < len(text) and text[at] in "*+?{":
            return None
        if often == "+":
            steps += [(takes, ""), (takes, "*")]
        else:
            steps.append((takes, often))
    return tuple(steps)


_NONE: frozenset[str] = frozenset()


def _one(text: str, at: int) -> tuple[frozenset[str] | None, int]:
    """The characters that the next piece takes (none: it is not understood), and where it ends."""
    char = text[at]
    if char in _PLAIN:
        return frozenset(char), at + 1
    if char == ".":
        return None, at + 1
    if char == "\\" and at + 1 < len(text):
        escaped = text[at + 1]
        if escaped in _CLASSES:
            return _CLASSES[escaped], at + 2
        return (_NONE if escaped.isalnum() else frozenset(escaped)), at + 2
    if char == "[":
        return _set(text, at)
    return _NONE, at + 1


def _set(text: str, at: int) -> tuple[frozenset[str], int]:
    end = text.find("]", at)
    inside = text[at + 1 : end] if end > at else ""
    if not inside or not set(inside) <= _WORD | {"-"}:
        return _NONE, at + 1
    found: set[str] = set()
    place = 0
    while place < len(inside):
        if inside[place + 1 : place + 2] == "-" and place + 2 < len(inside):
            first, last = ord(inside[place]), ord(inside[place + 2])
            found |= {chr(code) for code in range(first, last + 1)}
            place += 3
        else:
            found.add(inside[place])
            place += 1
    return frozenset(found), end + 1
