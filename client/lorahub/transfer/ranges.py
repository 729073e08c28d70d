"""Which bytes of a file are there. A range is (first byte, byte after the last)."""

from collections.abc import Iterable, Iterator

Range = tuple[int, int]


class Ranges:
    """A set of bytes, kept as sorted ranges that neither touch nor overlap."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._ranges: list[Range] = []
        for start, end in ranges:
            self.add(start, end)

    def __iter__(self) -> Iterator[Range]:
        return iter(self._ranges)

    def add(self, start: int, end: int) -> None:
        if start >= end:
            return
        before = [item for item in self._ranges if item[1] < start]
        after = [item for item in self._ranges if item[0] > end]
        touched = self._ranges[len(before) : len(self._ranges) - len(after)]
        merged = (min([start, *(a for a, _ in touched)]), max([end, *(b for _, b in touched)]))
        self._ranges = [*before, merged, *after]

    @property
    def total(self) -> int:
        return sum(end - start for start, end in self._ranges)

    @property
    def frontier(self) -> int:
        """The end of what is there without a gap from byte 0."""
        first = self._ranges[:1]
        return first[0][1] if first and first[0][0] == 0 else 0

    def gaps(self, start: int, end: int) -> list[Range]:
        """What is missing between two offsets."""
        found = []
        for there_from, there_to in self._ranges:
            if there_from > start:
                found.append((start, min(there_from, end)))
            start = max(start, there_to)
        found.append((start, end))
        return [(a, b) for a, b in found if a < b]


def split(ranges: Iterable[Range], piece: int) -> list[Range]:
    """Cut ranges into pieces of at most `piece` bytes, in order."""
    return [(at, min(at + piece, end)) for start, end in ranges for at in range(start, end, piece)]
