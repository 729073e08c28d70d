"""Which lines of a text were taken out and put in: Myers' algorithm, with a bound on its work.

Where two texts have too little in common to be worth it, all of one is taken for the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Lines taken out and put in that are looked for, of one text.
EDITS_MAX = 400
CONTEXT = 3


@dataclass(frozen=True, slots=True)
class Block:
    """Lines `old` to `old_end` became lines `new` to `new_end`."""

    old: int
    old_end: int
    new: int
    new_end: int


@dataclass(frozen=True, slots=True)
class Hunk:
    """Blocks that are near each other, with the lines around them."""

    old: int
    old_end: int
    new: int
    new_end: int
    blocks: Sequence[Block]


def blocks(old: Sequence[str], new: Sequence[str]) -> list[Block]:
    """Return what changed, in order."""
    start = 0
    most = min(len(old), len(new))
    while start < most and old[start] == new[start]:
        start += 1
    end = 0
    while end < most - start and old[-1 - end] == new[-1 - end]:
        end += 1
    ours, theirs = old[start : len(old) - end], new[start : len(new) - end]
    if not ours and not theirs:
        return []
    same = _same(ours, theirs)
    found: list[Block] = []
    at_old = at_new = 0
    for x, y in [*same, (len(ours), len(theirs))]:
        if (x, y) != (at_old, at_new):
            found.append(Block(start + at_old, start + x, start + at_new, start + y))
        at_old, at_new = x + 1, y + 1
    return found


def hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[Hunk]:
    group: list[Block] = []
    for block in blocks(old, new):
        if group and block.old - group[-1].old_end > 2 * CONTEXT:
            yield _hunk(group, len(old), len(new))
            group = []
        group.append(block)
    if group:
        yield _hunk(group, len(old), len(new))


def _hunk(group: list[Block], old_length: int, new_length: int) -> Hunk:
    first, last = group[0], group[-1]
    before = min(CONTEXT, first.old, first.new)
    after = min(CONTEXT, old_length - last.old_end, new_length - last.new_end)
    return Hunk(
        first.old - before, last.old_end + after, first.new - before, last.new_end + after, group
    )


def _same(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of lines that stay; none when that would take too many edits."""
    farthest = {1: 0}
    trail: list[dict[int, int]] = []
    for edits in range(min(len(old) + len(new), EDITS_MAX) + 1):
        trail.append(dict(farthest))
        for diagonal in range(-edits, edits + 1, 2):
            x = _step(farthest, diagonal, edits)
            y = x - diagonal
            while x < len(old) and y < len(new) and old[x] == new[y]:
                x, y = x + 1, y + 1
            farthest[diagonal] = x
            if x >= len(old) and y >= len(new):
                return _back(trail, len(old), len(new))
    return []


def _step(farthest: dict[int, int], diagonal: int, edits: int) -> int:
    goes_down = diagonal == -edits or (
        diagonal != edits and farthest[diagonal - 1] < farthest[diagonal + 1]
    )
    return farthest[diagonal + 1] if goes_down else farthest[diagonal - 1] + 1


def _back(trail: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for edits in range(len(trail) - 1, -1, -1):
        farthest = trail[edits]
        diagonal = x - y
        if edits == 0:
            start_x, start_y = 0, 0
        else:
            goes_down = diagonal == -edits or (
                diagonal != edits and farthest[diagonal - 1] < farthest[diagonal + 1]
            )
            before = diagonal + 1 if goes_down else diagonal - 1
            start_x = farthest[before]
            start_y = start_x - before
        while x > start_x and y > start_y:
            x, y = x - 1, y - 1
            found.append((x, y))
        x, y = start_x, start_y
    return found[::-1]
