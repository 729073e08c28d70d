"""A measure of liveliness that fades by itself and can be sorted by.

Each event counts `weight`, and half of that after every HALF_LIFE. All counts fade alike, so their
order does not change while nothing happens, and what is stored is the logarithm of the sum as it
would be seen from a fixed moment: it only changes with an event, and an index can hold it.
"""

import math
from datetime import UTC, datetime, timedelta

HALF_LIFE = timedelta(days=7)
PUBLISHED, STARRED, DOWNLOADED = 4.0, 5.0, 1.0
# Before the first event that any hub knows; levels stay above 0.
_START = datetime(2020, 1, 1, tzinfo=UTC)


def level(weight: float, moment: datetime) -> float:
    """Return the level of one event alone."""
    return max(math.log2(weight) + (moment - _START) / HALF_LIFE, 0.0)


def plus(before: float, weight: float, moment: datetime) -> float:
    added = level(weight, moment)
    high, low = max(before, added), min(before, added)
    if low <= 0:
        return high
    return high + math.log2(1 + 2 ** (low - high))


def score(before: float, moment: datetime) -> int:
    """Return what a level amounts to at a moment: the faded weights of its events, added up."""
    return round(2 ** min(before - (moment - _START) / HALF_LIFE, 60.0))


def minus(before: float, weight: float, moment: datetime, *, least: float = 0.0) -> float:
    """Take an event back that was added; `least` is what stays in any case."""
    taken = level(weight, moment)
    if taken >= before:
        return least
    return max(before + math.log2(1 - 2 ** (taken - before)), least)
