"""The front of the library: what is lively, what is new, and where to begin."""

from collections.abc import Sequence
from dataclasses import dataclass

from lorahub_server.access import Tx
from lorahub_server.doors import links
from lorahub_server.doors.web import families
from lorahub_server.doors.web.browsing import Choice
from lorahub_server.library import search
from lorahub_server.library.search import Facets, Query, RepoCard

# A smaller hub is seen at a glance as one list.
_ENOUGH = 14
STRIP = 6
_BASES, _TAGS = 8, 14


@dataclass(frozen=True, slots=True)
class Front:
    """`rest` is what the list below goes on with after the strip of what is trending."""

    trending: list[RepoCard]
    newest: list[RepoCard]
    bases: list[Choice]
    tags: list[Choice]
    rest: list[RepoCard]


def of(tx: Tx, items: Sequence[RepoCard], facets: Facets) -> Front | None:
    """Return the strips above the first page of the list; None where there is too little."""
    if len(items) < _ENOUGH:
        return None
    newest = search.find(tx, Query(sort="newest", with_adapters=True), limit=STRIP)
    return Front(
        trending=list(items[:STRIP]),
        newest=newest.items,
        bases=[
            Choice(
                links.query("/", q=f"base:{one.value}"),
                families.family_label(one.value),
                one.value,
                one.count,
            )
            for one in facets.families[:_BASES]
        ],
        tags=[
            Choice(links.tag(one.value), one.value, one.value, one.count)
            for one in search.repeated(facets.tags)[:_TAGS]
        ],
        rest=list(items[STRIP:]),
    )
