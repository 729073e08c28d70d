"""Finding repositories: the one search behind lists, pages and every door."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice, product
from typing import Any

from lorahub_server.access import Tx, passes_gate
from lorahub_server.kit import pagination
from lorahub_server.kit.pagination import Key, Page
from lorahub_server.library import (
    filters,
    permissions,
    queries_facets,
    queries_plan,
    queries_search,
    queries_text,
    queries_walk,
    ranking,
    words,
)
from lorahub_server.library.errors import BadSort
from lorahub_server.library.facets import Count, Facets, facets, popular_tags, repeated
from lorahub_server.library.filters import DEFAULT_SORT, Query
from lorahub_server.library.measures import ANY, Measures
from lorahub_server.library.model import RepoCard
from lorahub_server.library.queries_plan import Plan
from lorahub_server.library.queries_search import CardRow
from lorahub_server.library.queries_walk import COUNTED
from lorahub_server.repos import forks

__all__ = [
    "ANY",
    "COUNTED",
    "DEFAULT_SORT",
    "SORTS",
    "Count",
    "Facets",
    "Measures",
    "Page",
    "Query",
    "Relaxed",
    "RepoCard",
    "cards_from",
    "cards_of",
    "count",
    "facets",
    "find",
    "find_meant",
    "popular_tags",
    "relax",
    "repeated",
    "suggest",
]

SORTS = tuple(queries_walk.SORTS)
_MAX_FOLDED_READS = 5
_MIN_CORRECTED = 3
_LONG = 8
_MAX_NEAR = 500
_MAX_TRIED = 12
_MAX_SUGGESTED = 3


@dataclass(frozen=True, slots=True)
class Relaxed:
    """A filter that could be dropped, and how many there would be without it, up to COUNTED.

    `field` is the name in Query, or in Measures; `value` is what is asked for there.
    """

    field: str
    value: Any
    count: int


def find(
    tx: Tx, query: Query, cursor: str | None = None, limit: int | None = None
) -> Page[RepoCard]:
    """Return a page of what the caller may see. Raises BadSort and BadCursor.

    A search for words that asks for no other order than the usual one is ranked: see `ranking`.
    What is added, removed or moved while somebody turns pages is right in the pages that follow;
    what stays as it is appears exactly once.
    """
    sort = queries_walk.SORTS.get(query.sort)
    if sort is None:
        message = f"There is no order of that name. Use one of {', '.join(SORTS)}."
        raise BadSort(message, place="sort")
    size = pagination.clamp_limit(limit)
    wanted = filters.read(tx.session, query, tx.now)
    is_ranked = bool(wanted.words) and query.sort == DEFAULT_SORT and not query.fold
    if is_ranked:
        place = ranking.place(cursor)
    else:
        after = pagination.decode(cursor, query.sort, sort.kind, int) if cursor else None
    planned = queries_plan.plan(tx.session, tx.caller, wanted, is_ranked=is_ranked)
    if planned is None:
        return Page()
    if is_ranked and planned.words is not None:
        found = ranking.page(tx.session, planned, planned.words, place, size)
        return Page(cards_of(tx, found.items), found.next_cursor)
    if query.fold:
        return _find_folded(tx, query.sort, planned, after, size)
    rows = queries_search.cards(tx.session, planned, sort, after, size + 1)
    shown, following = pagination.cut(rows, size, lambda row: _cursor(query.sort, row))
    return Page(cards_from(tx, shown), following)


def find_meant(
    tx: Tx, query: Query, cursor: str | None = None, limit: int | None = None
) -> tuple[Page[RepoCard], str | None]:
    """Do what `find` does; where no repository has the words, look for what they may have meant.

    Return also the text that was looked for instead, None where it was the one that was given.
    """
    found = find(tx, query, cursor, limit)
    if found.items or not query.text:
        return found, None
    for text in _alternatives(tx, query.text):
        other = find(tx, replace(query, text=text), cursor, limit)
        if other.items:
            return other, text
    return found, None


def _find_folded(
    tx: Tx, order: str, planned: Plan, after: Sequence[Key] | None, size: int
) -> Page[RepoCard]:
    """Return a page with the first of each kind alone; after many copies it may be a short one."""
    sort = queries_walk.SORTS[order]
    shown: list[CardRow] = []
    behind: dict[int, int] = {}
    following = None
    for _ in range(_MAX_FOLDED_READS):
        rows = queries_search.cards(tx.session, planned, sort, after, size + 1)
        keys = {row.fold_key for row in rows if row.fold_key}
        alike = queries_search.alike(tx.session, planned, sort, keys) if keys else {}
        for row in rows[:size]:
            same = alike.get(row.fold_key or "", [row.id])
            if same[0] == row.id:
                behind[row.id] = len(same) - 1
                shown.append(row)
            after, following = [row.at, row.id], _cursor(order, row)
            if len(shown) == size:
                break
        is_last = len(rows) <= size and (not rows or rows[-1].id == (after or [0])[-1])
        if is_last:
            following = None
        if is_last or len(shown) == size:
            break
    cards = cards_from(tx, shown)
    for card in cards:
        card.alike = behind[card.id]
    return Page(cards, following)


def _cursor(order: str, row: CardRow) -> str:
    return pagination.encode(order, row.at, row.id)


def cards_of(tx: Tx, repo_ids: Collection[int]) -> list[RepoCard]:
    """Return the cards of those repositories that the caller may see, in the order given."""
    if not repo_ids:
        return []
    rows = queries_search.cards_by_id(tx.session, tx.caller, repo_ids)
    found = {card.id: card for card in cards_from(tx, rows)}
    return [found[repo_id] for repo_id in repo_ids if repo_id in found]


def count(tx: Tx, query: Query) -> int:
    """Return how many repositories of a query the caller may see, at most ten thousand."""
    wanted = filters.read(tx.session, query, tx.now)
    planned = queries_plan.plan(tx.session, tx.caller, wanted)
    return 0 if planned is None else queries_facets.count(tx.session, planned)


def relax(tx: Tx, query: Query) -> list[Relaxed]:
    """Return what a query without one of its filters would find, for each that would find more.

    For the page that has nothing to show: the one that gives most comes first.
    """
    found = [
        Relaxed(name, value, count(tx, without))
        for name, value, without in filters.drop_each(query)
    ]
    here = [one for one in found if one.count]
    return sorted(here, key=lambda one: one.count, reverse=True)


def suggest(tx: Tx, text: str) -> list[str]:
    """Return texts that may have been meant, the likeliest first: all find something.

    A word that nobody uses is replaced by one that lies a slip or two away.
    """
    return list(
        islice(
            (one for one in _alternatives(tx, text) if count(tx, Query(text=one))), _MAX_SUGGESTED
        )
    )


def _alternatives(tx: Tx, text: str) -> Iterator[str]:
    """Yield what may have been meant, the likeliest first, whether anything has it or not."""
    given = words.asked(text)[: filters.MAX_WORDS]
    choices: list[list[str]] = []
    for word in given:
        is_known = len(word) < _MIN_CORRECTED or count(tx, Query(text=word)) > 0
        choices.append([word] if is_known else _meant(tx, word))
    if [[word] for word in given] != choices:
        yield from (" ".join(each) for each in islice(product(*choices), _MAX_TRIED))


def _meant(tx: Tx, word: str) -> list[str]:
    known = queries_text.near(tx.session, word, _MAX_NEAR)
    near = [(words.distance(word, one), abs(len(word) - len(one)), one) for one in known]
    close = sorted(one for one in near if one[0] <= (1 if len(word) < _LONG else 2))
    return [one for _, _, one in close][:_MAX_SUGGESTED]


def cards_from(tx: Tx, rows: Sequence[CardRow]) -> list[RepoCard]:
    """Return the cards of rows that the caller may see."""
    sources = forks.forked_from(tx, rows)
    return [_card(tx, row, sources.get(row.id)) for row in rows]


# What a card has of its row as it is.
_SAME = {one.name for one in fields(RepoCard)} - {"permits", "has_open_files", "forked_from"}


def _card(tx: Tx, row: CardRow, forked_from: str | None) -> RepoCard:
    # Many times quicker than to ask the row for each by its name.
    named = zip(row._fields, row, strict=True)
    facts = {name: value for name, value in named if name in _SAME}
    facts["starred"] = bool(facts["starred"])
    return RepoCard(
        **facts,
        permits=permissions.names(row.permits),
        has_open_files=passes_gate(tx.caller, row),
        forked_from=forked_from,
    )
