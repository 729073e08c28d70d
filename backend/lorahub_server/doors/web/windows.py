"""Pages of what is all at hand: some of it, and the ways to the pages beside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window(Generic[T]):
    """`first` counts from 1; `before` and `after` are addresses, None where there is no page."""

    rows: Sequence[T]
    first: int
    before: str | None
    after: str | None


def window(
    found: Sequence[T], start: int, size: int, address: Callable[[int | None], str]
) -> Window[T]:
    """Return the page behind the first `start`; the first page where there are not so many.

    `address` tells where a page is, by how many come before it, None for the first.
    """
    start = start if start < len(found) else 0
    return Window(
        rows=found[start : start + size],
        first=start + 1,
        before=address(max(0, start - size) or None) if start else None,
        after=address(start + size) if start + size < len(found) else None,
    )
