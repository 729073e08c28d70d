"""The keys under which a repository is listed. No database here."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from lorahub_server.library.tables import LibraryEntry

ALL = ("all", "")
# The columns of an entry that are keys, by the keys' kind.
COLUMNS = {
    "family": "family",
    "layout": "layout",
    "method": "method",
    "base": "base_key",
    "task": "task",
    "license": "license",
}
TAG, MATURITY = "tag", "maturity"
KINDS = ("all", TAG, *COLUMNS, MATURITY)
NEVER = -(2**62)
NO_SIZE = 2**62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_VALUE_MAX = 200

Key = tuple[str, str]


def of_entry(entry: LibraryEntry, tags: Collection[str]) -> set[Key]:
    """Return kind and value of each. Nobody looks for what is for everybody, so that is none."""
    found = {ALL, *((TAG, tag[:_VALUE_MAX]) for tag in tags)}
    for kind, column in COLUMNS.items():
        value = getattr(entry, column)
        if value:
            found.add((kind, value[:_VALUE_MAX]))
    if entry.maturity > 0:
        found.add((MATURITY, str(entry.maturity)))
    return found


def orders(entry: LibraryEntry) -> dict[str, Any]:
    """Return the columns of Listing that lists are ordered by."""
    return {
        **counters(entry),
        "published": NEVER if entry.published_at is None else microseconds(entry.published_at),
        "updated": microseconds(entry.updated_at),
        "size": entry.size if entry.adapters else NO_SIZE,
    }


def counters(entry: LibraryEntry) -> dict[str, Any]:
    """Return those that change without a commit."""
    return {
        "trending": entry.trending,
        "downloads": entry.downloads,
        "stars": entry.stars,
    }


def microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
