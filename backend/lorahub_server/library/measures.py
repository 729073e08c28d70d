"""Wishes about what was detected in an adapter: rank, size, trigger words, health."""

from dataclasses import dataclass, fields, replace
from typing import Any

# What a database's integers hold; a larger wish finds what this one does.
_MOST = 2**31 - 1
_MOST_BYTES = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Measures:
    """All that is not None must hold. `healthy`: inspected and found sound."""

    rank_from: int | None = None
    rank_to: int | None = None
    size_to: int | None = None  # bytes of all adapter files
    has_trigger: bool | None = None
    healthy: bool | None = None
    size_from: int | None = None

    @property
    def is_empty(self) -> bool:
        return self == ANY

    def filled(self, other: "Measures") -> "Measures":
        """Return the same, and what is not asked for as the other asks."""
        changes: dict[str, Any] = {
            one.name: getattr(other, one.name)
            for one in fields(self)
            if getattr(self, one.name) is None
        }
        return replace(self, **changes)

    def bounded(self) -> "Measures":
        """Return the same with numbers that every database takes."""
        return Measures(
            rank_from=_within(self.rank_from, _MOST),
            rank_to=_within(self.rank_to, _MOST),
            size_from=_within(self.size_from, _MOST_BYTES),
            size_to=_within(self.size_to, _MOST_BYTES),
            has_trigger=self.has_trigger,
            healthy=self.healthy,
        )


ANY = Measures()


def _within(number: int | None, most: int) -> int | None:
    return None if number is None else max(0, min(number, most))
