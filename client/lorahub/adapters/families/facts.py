"""The modules of a file, asked by pattern."""

import re
from collections.abc import Iterable

from lorahub.adapters.layouts import Module

# The families that fit, and why.
Guess = tuple[list[str], str]


class Facts:
    """The modules, asked by pattern: widths of the first match, largest block index."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules = list(modules)
        self.flat = [(module.flat, module) for module in self.modules]

    def has(self, pattern: str) -> bool:
        search = re.compile(pattern).search
        return any(search(flat) for flat, _ in self.flat)

    def width(self, pattern: str, *, out: bool = False) -> int | None:
        search = re.compile(pattern).search
        for flat, module in self.flat:
            if search(flat):
                width = module.width_out if out else module.width_in
                if width:
                    return width
        return None

    def last(self, pattern: str) -> int:
        search = re.compile(pattern).search
        found = [int(match[1]) for flat, _ in self.flat if (match := search(flat))]
        return max(found, default=-1)
