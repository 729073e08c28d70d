"""What a list of adapters is asked for, and the addresses that ask for something else.

The address is the state: `q` has the search line, `sort` and `period` how it is ordered. Parameters
of their own, such as `family=sdxl` or `tag=style`, mean the same as their words in the line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from starlette.datastructures import QueryParams

from lorahub_server.doors import links
from lorahub_server.library import parts, search, syntax
from lorahub_server.library.amounts import read_span, write_span
from lorahub_server.library.parts import Part
from lorahub_server.library.search import Measures, Query

SORTS = {
    "trending": "Trending",
    "newest": "Newest",
    "updated": "Updated",
    "stars": "Stars",
    "downloads": "Downloads",
    "smallest": "Smallest",
}
PERIODS = {
    "": "All time",
    "1d": "Past day",
    "7d": "Past week",
    "30d": "Past month",
    "365d": "Past year",
}
_MB = 1_000_000
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that changes one part of the list."""

    href: str
    label: str
    value: str = ""
    count: int = 0
    is_on: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """A query, where its list stands, and what of the address was not understood."""

    query: Query
    start: str = "/"
    told: tuple[str, ...] = ()
    # Near-identical uploads are shown one by one.
    is_unfolded: bool = False

    @property
    def is_bare(self) -> bool:
        return parts.is_bare(self.query)

    @property
    def line(self) -> str:
        return syntax.line_of(self.query, with_order=False)

    @property
    def whole_line(self) -> str:
        """The line with the order, as a saved search keeps it."""
        return syntax.line_of(self.query)

    def feed(self, ending: str) -> str:
        """Return the address of the list as a feed; the newest come first unless said otherwise."""
        return links.query(f"/feed.{ending}", **order_of(self.query))

    @property
    def parts(self) -> list[Part]:
        """What narrows the list, but for the period, which belongs to its order."""
        return [part for part in parts.of(self.query) if part.field != "period"]

    def wanted(self) -> Query:
        """Return the query as the page asks for it.

        Nobody asked for certain repositories, so those without an adapter only stand about.
        """
        query = self.query
        is_overview = not (query.text or query.tags or query.owner or query.starred_by)
        # Of words the best match comes first, also where it is one of several copies.
        is_ranked = query.text and query.sort == search.DEFAULT_SORT
        is_folded = not (self.is_unfolded or is_ranked or query.file_hash or query.starred_by)
        return replace(query, with_adapters=is_overview, fold=is_folded)

    def href(self, query: Query | None = None, **more: object) -> str:
        """Return the address of the list of another query, from its start."""
        return links.query(self.start, **{**order_of(query or self.query), **self._same(), **more})

    @property
    def unfolded(self) -> str:
        """Return the address of the list with near-identical uploads one by one."""
        return self.href(all="1")

    @property
    def folded(self) -> str:
        return self.href(all="")

    def order(self, **changes: Any) -> str:
        return self.href(replace(self.query, **changes))

    def without(self, part: Part) -> str:
        return self.href(parts.without(self.query, part))

    def _same(self) -> dict[str, object]:
        return {"all": "1" if self.is_unfolded else ""}


def order_of(query: Query) -> dict[str, object]:
    """Return the parts of an address that ask for a query."""
    return {
        "q": syntax.line_of(query, with_order=False),
        "sort": "" if query.sort == search.DEFAULT_SORT else query.sort,
        "period": write_span(query.period) if query.period else "",
    }


def read(given: QueryParams) -> State:
    """Return what an address asks for; raises nothing, whatever it says."""
    parsed = syntax.combined(given.get("q", ""), _parameters(given))
    query = parsed.query
    if sort := given.get("sort"):
        query = replace(query, sort=sort)
    if period := read_span(given.get("period", "")):
        query = replace(query, period=period)
    return State(query, told=parsed.told, is_unfolded=given.get("all") == "1")


def sorts(state: State) -> list[Choice]:
    labels = {**SORTS, search.DEFAULT_SORT: "Best match"} if state.query.text else SORTS
    return [
        Choice(state.order(sort=name), label, is_on=name == state.query.sort)
        for name, label in labels.items()
    ]


def periods(state: State) -> list[Choice]:
    """Return how far back to look: only what was published since then."""
    here = state.query.period
    choices = [
        Choice(state.order(period=_span(name)), label, is_on=_span(name) == here)
        for name, label in PERIODS.items()
    ]
    if not any(one.is_on for one in choices):
        label = f"Past {write_span(here)}" if here else ""
        choices.append(Choice(state.href(), label, is_on=True))
    return choices


def measures_of(query: Query) -> dict[str, object]:
    """Return the values of the form's fields for rank, size, trigger words and health."""
    found = query.measures
    return {
        "rank_from": "" if found.rank_from is None else found.rank_from,
        "rank_to": "" if found.rank_to is None else found.rank_to,
        "mb": "" if found.size_to is None else f"{found.size_to / _MB:g}",
        "trigger": found.has_trigger,
        "healthy": found.healthy,
    }


def without_measures(query: Query) -> Query:
    """Return the query for the form that asks for them anew."""
    return replace(query, measures=search.ANY)


def _parameters(given: QueryParams) -> Query:
    family = given.get("family", "")
    return Query(
        family=syntax.family_of(family) or family or None,
        method=given.get("method") or None,
        layout=given.get("layout") or None,
        tags=tuple(tag for tag in given.getlist("tag") if tag.strip()),
        measures=_measures(given),
    )


def _measures(given: Mapping[str, str]) -> Measures:
    """What is no number asks for nothing."""
    size = _number(given.get("mb", ""))
    return Measures(
        rank_from=_number(given.get("rank_from", "")),
        rank_to=_number(given.get("rank_to", "")),
        size_to=None if size is None else size * _MB,
        has_trigger=True if given.get("trigger") == "1" else None,
        healthy=True if given.get("healthy") == "1" else None,
    )


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def _span(name: str) -> timedelta | None:
    return read_span(name) if name else None
