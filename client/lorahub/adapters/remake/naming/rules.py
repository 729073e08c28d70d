"""How one module of an original model answers to one or more modules of diffusers.

A rule is data: the spelling of the original, the spellings of diffusers, and how the rows of the
first are shared out among the second. `{}` stands for a number.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

WHOLE = "whole"
EQUAL = "equal"  # equal parts: q, k, v
HIDDEN = "hidden"  # three parts as wide as the input, the rest is the MLP
GROUPED = "grouped"  # q as wide as the input, k and v share the rest
SWAP = "swap"  # the halves change places: (shift, scale) against (scale, shift)
SWAP_LAST = "swap-last"  # the same for the last block alone, which has two parts instead of six

_MLP_RATIO = 4
_THREE = 3


@dataclass(frozen=True)
class Rule:
    """`only_read`: a spelling that is understood but never written."""

    original: str
    pieces: tuple[str, ...]
    rows: str = WHOLE
    only_read: bool = False

    @cached_property
    def dotted(self) -> re.Pattern[str]:
        return _pattern(self.original)

    @cached_property
    def flat(self) -> re.Pattern[str]:
        return _pattern(self.original.replace(".", "_"))

    @cached_property
    def piece_patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(_pattern(piece) for piece in self.pieces)

    @cached_property
    def flat_piece_patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(_pattern(piece.replace(".", "_")) for piece in self.pieces)

    def swapped(self, height: int, width: int) -> bool:
        """Whether the halves of a weight of this size change places."""
        return self.rows == SWAP or (self.rows == SWAP_LAST and height == 2 * width)

    def sizes(self, height: int, width: int) -> list[int] | None:
        """The rows of each piece of a module with `height` rows; None when they do not fit."""
        count = len(self.pieces)
        if self.rows == EQUAL:
            return [height // count] * count if height % count == 0 else None
        if self.rows == HIDDEN:
            rest = height - _THREE * width
            return [width] * _THREE + [rest] if rest > 0 else None
        if self.rows == GROUPED:
            rest = height - width
            return [width, rest // 2, rest // 2] if rest > 0 and rest % 2 == 0 else None
        return [height]

    def fill(self, known: Sequence[int | None], width: int) -> list[int] | None:
        """The rows of every piece when only some are there; None when that can't be known."""
        found = list(known)
        if self.rows == EQUAL:
            usual = next((size for size in found if size), None)
            found = [size or usual for size in found]
        elif self.rows == HIDDEN:
            usual_sizes = [width] * _THREE + [_MLP_RATIO * width]
            found = [size or usual for size, usual in zip(found, usual_sizes, strict=True)]
        elif self.rows == GROUPED:
            found[0] = found[0] or width
            found[1], found[2] = found[1] or found[2], found[2] or found[1]
        sizes = [size for size in found if size]
        if len(sizes) < len(found) or self.sizes(sum(sizes), width) != sizes:
            return None
        return sizes


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(r"(\d+)".join(re.escape(part) for part in template.split("{}")))


@dataclass(frozen=True)
class Place:
    """A module of the original that was recognised by one of its spellings, or by a piece's."""

    rule: Rule
    numbers: tuple[str, ...]
    piece: int | None = None

    @property
    def original(self) -> str:
        return self.rule.original.format(*self.numbers)

    @property
    def pieces(self) -> list[str]:
        return [piece.format(*self.numbers) for piece in self.rule.pieces]


class Names:
    """The rules of one model, asked by any spelling."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)

    def read(self, path: str) -> Place | None:
        """The place of a module path: dotted or flattened, original or diffusers."""
        return self._original(path) or self._piece(path)

    def piece(self, path: str) -> Place | None:
        """The place to write for a diffusers path, with the index of the piece."""
        for rule in self.rules:
            if rule.only_read:
                continue
            for index, pattern in enumerate(rule.piece_patterns):
                match = pattern.fullmatch(path)
                if match:
                    return Place(rule, match.groups(), index)
        return None

    def _original(self, path: str) -> Place | None:
        for rule in self.rules:
            match = rule.dotted.fullmatch(path) or rule.flat.fullmatch(path)
            if match:
                return Place(rule, match.groups())
        return None

    def _piece(self, path: str) -> Place | None:
        for rule in self.rules:
            for index, (dotted, flat) in enumerate(
                zip(rule.piece_patterns, rule.flat_piece_patterns, strict=True)
            ):
                match = dotted.fullmatch(path) or flat.fullmatch(path)
                if match:
                    return Place(rule, match.groups(), index)
        return None


def same(*templates: str) -> Iterator[Rule]:
    """Modules that the original and diffusers call alike."""
    for template in templates:
        yield Rule(template, (template,))


def table(text: str) -> Iterator[Rule]:
    """One rule a line: `original -> piece piece piece : rows`. A leading `?` means only read.

    `[original -> diffusers]` gives the block that the lines after it are in.
    """
    before = after = ""
    for line in text.strip().splitlines():
        head, _, tail = line.strip("[]").partition("->")
        if line.startswith("["):
            before, after = (f"{part.strip()}." if part.strip() else "" for part in (head, tail))
            continue
        names, _, rows = tail.partition(":")
        original = head.strip()
        yield Rule(
            before + original.removeprefix("?").strip(),
            tuple(after + name for name in names.split()),
            rows.strip() or WHOLE,
            only_read=original.startswith("?"),
        )
