"""Finding repositories: the one search behind lists, pages and every door."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from lorahub_server.access import Tx, passes_gate
from lorahub_server.kit import names, pagination
from lorahub_server.kit.pagination import Key, Page
from lorahub_server.library import permissions, queries, queries_search, vocabulary
from lorahub_server.library.card import normalised_tags
from lorahub_server.library.derive import folded
from lorahub_server.library.errors import BadSort
from lorahub_server.library.measures import ANY, Measures
from lorahub_server.library.model import RepoCard
from lorahub_server.library.queries_filters import HASH, Filter
from lorahub_server.library.queries_search import COUNTED, CardRow
from lorahub_server.repos import forks

__all__ = [
    "ANY",
    "COUNTED",
    "SORTS",
    "Count",
    "Facets",
    "Measures",
    "Page",
    "Query",
    "Relaxed",
    "RepoCard",
    "facets",
    "find",
    "relax",
]

SORTS = tuple(queries_search.SORTS)
DEFAULT_SORT = "trending"
_MAX_WORDS = 10
_MAX_WORD = 100
_MAX_TAGS = 10
_MAX_FACET = 40
_MAX_RELAXED = 20
_MAX_FOLDED_READS = 5
# What of a query takes nothing away.
_NO_FILTERS = frozenset({"sort", "fold", "starred_by", "forked_from", "private"})


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for. All that is given must hold; every word of `text` must be found.

    `terms` are tags in the vocabulary of other hubs, such as `base_model:adapter:owner/name`.
    `starred_by` is an account's id, `forked_from` a repository's. `private` True asks for private
    repositories only, of which a caller sees the own ones; False for public ones only.
    `with_adapters` leaves out repositories that are empty or have only a card. `permits` are
    library.permissions.PERMISSIONS. `file_hash` is any hash that tools know a file by, SHA-256,
    AutoV2 and the like. `updated_within` asks for a late change, `period` for a late publication:
    with an order by stars it finds the best of what is new. `max_maturity`: library.maturity.
    With `fold` near-identical uploads are shown once, the first of them in the order.
    """

    text: str = ""
    owner: str | None = None
    tags: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    family: str | None = None
    layout: str | None = None
    method: str | None = None
    starred_by: int | None = None
    forked_from: int | None = None
    private: bool | None = None
    gated: bool | None = None
    with_adapters: bool = False
    measures: Measures = ANY
    sort: str = DEFAULT_SORT
    without_tags: tuple[str, ...] = ()
    without_owners: tuple[str, ...] = ()
    without_families: tuple[str, ...] = ()
    base_model: str | None = None
    permits: tuple[str, ...] = ()
    license: str | None = None
    task: str | None = None
    file_hash: str | None = None
    updated_within: timedelta | None = None
    period: timedelta | None = None
    max_maturity: int | None = None
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """How many of the found have what. `total` ends at COUNTED."""

    total: int = 0
    families: list[Count] = field(default_factory=list)
    layouts: list[Count] = field(default_factory=list)
    methods: list[Count] = field(default_factory=list)
    tags: list[Count] = field(default_factory=list)
    base_models: list[Count] = field(default_factory=list)
    tasks: list[Count] = field(default_factory=list)
    licenses: list[Count] = field(default_factory=list)
    permissions: list[Count] = field(default_factory=list)
    maturities: list[Count] = field(default_factory=list)


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
    """Return a page of what the caller may see. Raises BadSort and BadCursor."""
    sort = queries_search.SORTS.get(query.sort)
    if sort is None:
        message = f"There is no order of that name. Use one of {', '.join(SORTS)}."
        raise BadSort(message, place="sort")
    after = pagination.decode(cursor, query.sort, sort.kind, int) if cursor else None
    size = pagination.clamp_limit(limit)
    wanted = _filter(query, tx.now)
    if query.fold:
        return _find_folded(tx, query.sort, wanted, after, size)
    rows = queries_search.cards(tx.session, tx.caller, wanted, sort, after, size + 1)
    shown, following = pagination.cut(rows, size, lambda row: _cursor(query.sort, row))
    return Page(_cards(tx, shown), following)


def _find_folded(
    tx: Tx, order: str, wanted: Filter, after: Sequence[Key] | None, size: int
) -> Page[RepoCard]:
    """Return a page with the first of each kind alone; after many copies it may be a short one."""
    sort = queries_search.SORTS[order]
    shown: list[CardRow] = []
    behind: dict[int, int] = {}
    following = None
    for _ in range(_MAX_FOLDED_READS):
        rows = queries_search.cards(tx.session, tx.caller, wanted, sort, after, size + 1)
        keys = {row.entry.fold_key for row in rows if row.entry.fold_key}
        alike = queries_search.alike(tx.session, tx.caller, wanted, sort, keys) if keys else {}
        for row in rows[:size]:
            same = alike.get(row.entry.fold_key or "", [row.repo.id])
            if same[0] == row.repo.id:
                behind[row.repo.id] = len(same) - 1
                shown.append(row)
            after, following = _key(order, row), _cursor(order, row)
            if len(shown) == size:
                break
        is_last = len(rows) <= size and (not rows or rows[-1].repo.id == (after or [0])[-1])
        if is_last:
            following = None
        if is_last or len(shown) == size:
            break
    cards = _cards(tx, shown)
    for card in cards:
        card.alike = behind[card.id]
    return Page(cards, following)


def _key(order: str, row: CardRow) -> list[Key]:
    source = row.repo if order == "name" else row.entry
    return [getattr(source, queries_search.SORTS[order].column.key), row.repo.id]


def _cursor(order: str, row: CardRow) -> str:
    return pagination.encode(order, *_key(order, row))


def cards_of(tx: Tx, repo_ids: Collection[int]) -> list[RepoCard]:
    """Return the cards of those repositories that the caller may see, in the order given."""
    rows = queries_search.cards_by_id(tx.session, tx.caller, repo_ids)
    found = {card.id: card for card in _cards(tx, rows)}
    return [found[repo_id] for repo_id in repo_ids if repo_id in found]


def facets(tx: Tx, query: Query) -> Facets:
    """Return counts for filters. Each ignores its own filter, so that one can change it."""
    wanted = _filter(query, tx.now)

    def by(column: str, without: Filter) -> list[Count]:
        rows = queries_search.count_by(tx.session, tx.caller, without, column, _MAX_FACET)
        return [Count(str(value), number) for value, number in rows]

    tags = queries_search.count_tags(tx.session, tx.caller, wanted, _MAX_FACET)
    return Facets(
        total=queries_search.count(tx.session, tx.caller, wanted),
        families=by("family", replace(wanted, family=None)),
        layouts=by("layout", replace(wanted, layout=None)),
        methods=by("method", replace(wanted, method=None)),
        tags=[Count(value, number) for value, number in tags],
        base_models=by("base_key", replace(wanted, base_model=None)),
        tasks=by("task", replace(wanted, task=None)),
        licenses=by("license", replace(wanted, license=None)),
        permissions=_permissions(by("permits", replace(wanted, permits=0))),
        maturities=by("maturity", replace(wanted, max_maturity=None)),
    )


def count(tx: Tx, query: Query) -> int:
    """Return how many repositories of a query the caller may see, at most ten thousand."""
    return queries_search.count(tx.session, tx.caller, _filter(query, tx.now))


def popular_tags(tx: Tx, limit: int = 20) -> list[Count]:
    """Return the commonest tags of what the caller may see."""
    rows = queries_search.count_tags(tx.session, tx.caller, Filter(), min(limit, 100))
    return [Count(value, number) for value, number in rows]


def relax(tx: Tx, query: Query) -> list[Relaxed]:
    """Return what a query without one of its filters would find, for each that would find more.

    For the page that has nothing to show: the one that gives most comes first.
    """
    found = [
        Relaxed(name, value, count(tx, without)) for name, value, without in _without_each(query)
    ]
    here = [one for one in found if one.count]
    return sorted(here, key=lambda one: one.count, reverse=True)


def repeated(tags: Sequence[Count]) -> list[Count]:
    """Return the tags that are used more than once; all of them where none is."""
    return [tag for tag in tags if tag.count > 1] or list(tags)


def _without_each(query: Query) -> list[tuple[str, Any, Query]]:
    """Return each filter that is set, one value of it at a time, with the query without it."""
    found: list[tuple[str, Any, dict[str, Any]]] = []
    empty = Query()
    for name in (one.name for one in fields(Query)):
        value = getattr(query, name)
        if name in _NO_FILTERS or value == getattr(empty, name):
            continue
        if name == "measures":
            found += _without_each_measure(query.measures)
        elif isinstance(value, tuple):
            rest = {one: tuple(other for other in value if other != one) for one in value}
            found += [(name, one, {name: others}) for one, others in rest.items()]
        else:
            found.append((name, value, {name: getattr(empty, name)}))
    return [(name, value, replace(query, **change)) for name, value, change in found[:_MAX_RELAXED]]


def _without_each_measure(measures: Measures) -> list[tuple[str, Any, dict[str, Any]]]:
    asked = {one.name: getattr(measures, one.name) for one in fields(Measures)}
    nothing: dict[str, Any]
    found = []
    for name, value in asked.items():
        if value is not None:
            nothing = {name: None}
            found.append((name, value, {"measures": replace(measures, **nothing)}))
    return found


def _filter(query: Query, moment: datetime) -> Filter:
    words = [word[:_MAX_WORD] for word in folded(query.text.replace("\0", " ")).split()]
    return Filter(
        words=tuple(dict.fromkeys(words))[:_MAX_WORDS],
        owner=_lower(query.owner),
        tags=tuple(normalised_tags(query.tags))[:_MAX_TAGS],
        terms=tuple(vocabulary.folded(_clean(term) or "" for term in query.terms))[:_MAX_TAGS],
        family=_clean(query.family),
        layout=_clean(query.layout),
        method=_clean(query.method),
        base_model=_lower(query.base_model),
        task=_clean(query.task),
        license=_lower(query.license),
        permits=permissions.bits(query.permits),
        file_hash=_hash(query.file_hash),
        without_tags=tuple(normalised_tags(query.without_tags))[:_MAX_TAGS],
        without_owners=_all_lower(query.without_owners),
        without_families=_all_lower(query.without_families),
        starred_by=query.starred_by,
        forked_from=query.forked_from,
        private=query.private,
        gated=query.gated,
        with_adapters=query.with_adapters,
        max_maturity=query.max_maturity,
        updated_after=_before(moment, query.updated_within),
        published_after=_before(moment, query.period),
        measures=query.measures.bounded(),
    )


def _before(moment: datetime, span: timedelta | None) -> datetime | None:
    if span is None:
        return None
    try:
        return moment - span
    except OverflowError:
        return None


def _lower(value: str | None) -> str | None:
    return names.lower(_clean(value) or "") or None


def _all_lower(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found for one in values if (found := _lower(one))))[:_MAX_TAGS]


def _hash(value: str | None) -> str | None:
    """Return a hash as it is kept; what is none is looked for too, and never found."""
    if not value:
        return None
    wanted = value.strip().lower().removeprefix("0x").removeprefix("sha256:")
    return wanted if HASH.fullmatch(wanted) else "-"


def _permissions(rows: Sequence[Count]) -> list[Count]:
    """Return how often each permission is given, from the counts of their combinations."""
    found = Counter[str]()
    for row in rows:
        for name in permissions.names(int(row.value)):
            found[name] += row.count
    return [Count(name, number) for name, number in found.most_common()]


def _clean(value: str | None) -> str | None:
    # PostgreSQL knows no text with a NUL in it.
    return value.replace("\0", "\ufffd") if value else None


def _cards(tx: Tx, rows: Sequence[CardRow]) -> list[RepoCard]:
    tags = queries.tags_of(tx.session, [row.repo.id for row in rows]) if rows else {}
    sources = forks.forked_from(tx, [row.repo for row in rows])
    return [_card(tx, row, tags[row.repo.id], sources.get(row.repo.id)) for row in rows]


def _card(tx: Tx, row: CardRow, tags: list[str], forked_from: str | None) -> RepoCard:
    entry, repo = row.entry, row.repo
    return RepoCard(
        id=repo.id,
        owner=repo.owner.name,
        name=repo.name,
        private=repo.private,
        default_branch=repo.default_branch,
        revision=entry.revision,
        title=entry.title,
        summary=entry.summary,
        license=entry.license,
        base_model=entry.base_model,
        task=entry.task,
        permits=permissions.names(entry.permits),
        maturity=entry.maturity,
        family=entry.family,
        family_declared=entry.family_declared,
        layout=entry.layout,
        method=entry.method,
        rank=entry.rank,
        size=entry.size,
        adapters=entry.adapters,
        trigger_words=list(entry.trigger_words),
        tags=tags,
        health=entry.health,
        cover=entry.cover,
        cover_preview=entry.cover_preview,
        stars=entry.stars,
        downloads=entry.downloads,
        starred=row.starred,
        created_at=repo.created_at,
        updated_at=entry.updated_at,
        published_at=entry.published_at,
        trending=entry.trending,
        gated=repo.gated,
        has_open_files=passes_gate(tx.caller, repo),
        forked_from=forked_from,
    )
