"""How strongly an adapter wants to be used, as its card says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What people call it in front matter; the plainest first.
KEYS = (
    "strength", "recommended_strength", "weight", "recommended_weight", "lora_weight",
    "lora_scale", "scale",
)  # fmt: skip
USUAL = 1.0
_MOST = 10.0
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,2}(?:[.,]\d{1,4})?(?![\w])")
_BETWEEN = re.compile(r"(?<=\d)\s*(?:-|\u2013|\u2014|\.\.|to|~)\s*(?=-?\d)")
_PAIR = 2


@dataclass(frozen=True, slots=True)
class Strength:
    """`low` and `high` are alike where the card gives one number."""

    low: float
    high: float

    @property
    def best(self) -> float:
        """Return the one to begin with: the middle."""
        return min(self.high, max(self.low, round((self.low + self.high) / 2, 2)))

    @property
    def text(self) -> str:
        if self.low == self.high:
            return number(self.low)
        return f"{number(self.low)} to {number(self.high)}"


def of(front: Mapping[str, Any]) -> Strength | None:
    """Return what a card's front matter says; None when it says nothing that makes sense."""
    return next((found for key in KEYS if (found := parse(front.get(key)))), None)


def parse(value: Any) -> Strength | None:
    """Read a number, a pair of them, or a text such as "0.6-0.9"."""
    found = _numbers(value)
    if not found or len(found) > _PAIR or any(abs(one) > _MOST for one in found):
        return None
    return Strength(min(found), max(found))


def number(value: float) -> str:
    """Return a strength as prompts have it: 0.8, 1."""
    return f"{value:.4g}"


def _numbers(value: Any) -> list[float]:
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int | float):
        return [float(value)] if abs(value) <= _MOST else []
    if isinstance(value, list):
        return [one for item in value[:3] for one in _numbers(item)]
    if isinstance(value, dict):
        return [one for key in ("min", "max") for one in _numbers(value.get(key))]
    parts = _BETWEEN.split(str(value).strip()[:40])
    if any(not _NUMBER.fullmatch(part.strip()) for part in parts):
        return []
    return [float(part.strip().replace(",", ".")) for part in parts]
