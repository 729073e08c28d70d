"""Cursors: where a list goes on, right while things are added and removed.

A cursor holds the sort key of the last item that was shown (keyset pagination). It is no secret and
grants nothing, so it is not signed; whatever it holds is checked before it reaches a query.
"""

import base64
import binascii
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from lorahub_server.kit.errors import BadRequest

Item = TypeVar("Item")
Key = str | int | float | datetime | None

DEFAULT_LIMIT = 30
MAX_LIMIT = 100
_MAX_CURSOR = 2048
_MAX_TEXT = 1024
_INT64 = 2**63
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The years 1 to 9999, as microseconds from the epoch.
_MOMENTS = (-62_135_596_800_000_000, 253_402_300_799_999_999)


class BadCursor(BadRequest):
    """The cursor was cut, changed, or comes from another list or order."""

    code = "bad_cursor"

    def __init__(self) -> None:
        super().__init__(
            "The cursor doesn't fit this list. Begin again without a cursor.", place="cursor"
        )


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list; `next_cursor` is None when there are no more."""

    items: list[Item] = field(default_factory=list)
    next_cursor: str | None = None


def clamp_limit(limit: int | None, default: int = DEFAULT_LIMIT, most: int = MAX_LIMIT) -> int:
    """Return how many items a page holds: what was asked for, within bounds."""
    return default if limit is None else min(max(limit, 1), most)


def encode(order: str, *key: Key) -> str:
    """Return a cursor for the list's order and the key of the last item shown."""
    values = [_from_moment(part) if isinstance(part, datetime) else part for part in key]
    text = json.dumps([order, *values], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, order: str, *kinds: type) -> list[Key]:
    """Return the key in a cursor of this order, one value of each kind; raises BadCursor.

    A kind is str, int, float or datetime; every value may also be None, if it was when encoded.
    """
    found = _load(cursor)
    if len(found) != len(kinds) + 1 or found[0] != order:
        raise BadCursor
    return [_checked(value, kind) for value, kind in zip(found[1:], kinds, strict=True)]


def cut(
    rows: Sequence[Item], limit: int, cursor_after: Callable[[Item], str]
) -> tuple[list[Item], str | None]:
    """Split what a query for `limit + 1` rows found into a page's rows and the next cursor."""
    shown = list(rows[:limit])
    more = len(rows) > limit
    return shown, cursor_after(shown[-1]) if more and shown else None


def _load(cursor: str) -> list[object]:
    if not 0 < len(cursor) <= _MAX_CURSOR or not cursor.isascii():
        raise BadCursor
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadCursor from error
    if not isinstance(found, list):
        raise BadCursor
    return found


def _checked(value: object, kind: type) -> Key:
    if value is None:
        return None
    check = _CHECKS[kind]
    return check(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT or "\0" in value:
        raise BadCursor
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise BadCursor
    return value


def _integer(value: object) -> int:
    if type(value) is not int or not -_INT64 <= value < _INT64:
        raise BadCursor
    return value


def _number(value: object) -> float:
    if type(value) not in (int, float):
        raise BadCursor
    assert isinstance(value, int | float)
    try:
        number = float(value)
    except OverflowError as error:
        raise BadCursor from error
    if not math.isfinite(number):
        raise BadCursor
    return number


def _moment(value: object) -> datetime:
    microseconds = _integer(value)
    if not _MOMENTS[0] <= microseconds <= _MOMENTS[1]:
        raise BadCursor
    return _EPOCH + microseconds * _MICROSECOND


def _from_moment(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


_CHECKS: dict[type, Callable[[object], Key]] = {
    str: _text,
    int: _integer,
    float: _number,
    datetime: _moment,
}
