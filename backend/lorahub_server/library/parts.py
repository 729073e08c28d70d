"""The filters of a query, one by one: what chips show, take away and turn round."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lorahub_server.library.measures import ANY, Measures
from lorahub_server.library.search import Query


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a query asks for.

    `field` is one of Query's or Measures'; `rank` and `size` stand for the two ends of a range.
    `value` is given where the field holds several.
    """

    field: str
    value: str = ""

    @property
    def is_excluded(self) -> bool:
        return self.field in _OPPOSITES and self.field.startswith("without_")


MANY = ("tags", "without_tags", "without_owners", "without_families", "permits", "has")
_ONE = (
    "owner", "family", "base_model", "task", "layout", "method", "license", "file_hash",
    "updated_within", "period", "max_maturity",
)  # fmt: skip
_RANGES = {"rank": ("rank_from", "rank_to"), "size": ("size_from", "size_to")}
_MEASURES = ("has_trigger", "healthy")
_OPPOSITES = {
    "tags": "without_tags",
    "without_tags": "tags",
    "owner": "without_owners",
    "without_owners": "owner",
    "family": "without_families",
    "without_families": "family",
}


def of(query: Query) -> list[Part]:
    """Return all that narrows a query, the words first; neither order nor programs' wishes."""
    found = [Part("text")] if query.text else []
    for name in ("tags", "without_tags"):
        found += [Part(name, value) for value in getattr(query, name)]
    found += [Part(name) for name in _ONE if getattr(query, name) is not None]
    for name in ("without_owners", "without_families", "permits", "has"):
        found += [Part(name, value) for value in getattr(query, name)]
    for name, ends in _RANGES.items():
        if any(getattr(query.measures, end) is not None for end in ends):
            found.append(Part(name))
    return found + [Part(n) for n in _MEASURES if getattr(query.measures, n) is not None]


def without(query: Query, part: Part) -> Query:
    """Return the query that doesn't ask for it."""
    if part.field == "text":
        return replace(query, text="")
    if part.field in MANY:
        return _with_many(query, part.field, lambda there: there - {part.value})
    if part.field in _RANGES:
        ends: dict[str, Any] = dict.fromkeys(_RANGES[part.field])
        return replace(query, measures=replace(query.measures, **ends))
    if part.field in _MEASURES:
        return _put(query, "measures", measured_without(query.measures, part.field))
    return _put(query, part.field, None)


def turned(query: Query, part: Part) -> Query | None:
    """Return the query that leaves out what it asks for, or the other way; None if none can."""
    other = _OPPOSITES.get(part.field)
    if other is None:
        return None
    value = part.value or getattr(query, part.field)
    return added(without(query, part), other, value)


def added(query: Query, field: str, value: str) -> Query:
    """Return the query that asks for one thing more; of which there is one, for it instead.

    What is asked for is no longer left out, and the other way round.
    """
    other = _OPPOSITES.get(field)
    if other is not None and other in MANY:
        query = _with_many(query, other, lambda there: there - {value})
    elif other is not None and getattr(query, other) == value:
        query = _put(query, other, None)
    if field in MANY:
        return _with_many(query, field, lambda there: there | {value})
    return _put(query, field, value)


def is_bare(query: Query) -> bool:
    return query.measures == ANY and not of(query)


def _with_many(query: Query, field: str, change: Callable[[set[str]], set[str]]) -> Query:
    there: tuple[str, ...] = getattr(query, field)
    wanted = change(set(there))
    kept = [one for one in there if one in wanted]
    return _put(query, field, (*kept, *(one for one in sorted(wanted) if one not in there)))


def measured_without(measures: Measures, name: str) -> Measures:
    """Return the wishes about what was measured, without one of them."""
    changes: dict[str, Any] = {name: None}
    return replace(measures, **changes)


def _put(query: Query, field: str, value: Any) -> Query:
    changes = {field: value}
    return replace(query, **changes)
