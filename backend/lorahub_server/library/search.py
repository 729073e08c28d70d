"""Finding repositories: the one search behind lists, pages and every door."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from lorahub_server.access import Tx, passes_gate
from lorahub_server.kit import names, pagination
from lorahub_server.kit.pagination import Page
from lorahub_server.library import queries, queries_search, vocabulary
from lorahub_server.library.card import normalised_tags
from lorahub_server.library.derive import folded
from lorahub_server.library.errors import BadSort
from lorahub_server.library.measures import ANY, Measures
from lorahub_server.library.model import RepoCard
from lorahub_server.library.queries_search import COUNTED, CardRow, Filter
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
    "RepoCard",
    "facets",
    "find",
]

SORTS = tuple(queries_search.SORTS)
DEFAULT_SORT = "trending"
_MAX_WORDS = 10
_MAX_WORD = 100
_MAX_TAGS = 10
_MAX_FACET = 40


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for. All that is given must hold; every word of `text` must be found.

    `terms` are tags in the vocabulary of other hubs, such as `base_model:adapter:owner/name`.
    `starred_by` is an account's id, `forked_from` a repository's. `private` True asks for private
    repositories only, of which a caller sees the own ones; False for public ones only.
    `with_adapters` leaves out repositories that are empty or have only a card.
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
    rows = queries_search.cards(tx.session, tx.caller, _filter(query), sort, after, size + 1)
    shown, following = pagination.cut(
        rows,
        size,
        lambda row: pagination.encode(
            query.sort,
            getattr(row.repo if query.sort == "name" else row.entry, sort.column.key),
            row.repo.id,
        ),
    )
    return Page(_cards(tx, shown), following)


def cards_of(tx: Tx, repo_ids: Collection[int]) -> list[RepoCard]:
    """Return the cards of those repositories that the caller may see, in the order given."""
    rows = queries_search.cards_by_id(tx.session, tx.caller, repo_ids)
    found = {card.id: card for card in _cards(tx, rows)}
    return [found[repo_id] for repo_id in repo_ids if repo_id in found]


def facets(tx: Tx, query: Query) -> Facets:
    """Return counts for filters. Each ignores its own filter, so that one can change it."""
    wanted = _filter(query)

    def by(column: str, without: Filter) -> list[Count]:
        rows = queries_search.count_by(tx.session, tx.caller, without, column, _MAX_FACET)
        return [Count(value, number) for value, number in rows]

    tags = queries_search.count_tags(tx.session, tx.caller, wanted, _MAX_FACET)
    return Facets(
        total=queries_search.count(tx.session, tx.caller, wanted),
        families=by("family", replace(wanted, family=None)),
        layouts=by("layout", replace(wanted, layout=None)),
        methods=by("method", replace(wanted, method=None)),
        tags=[Count(value, number) for value, number in tags],
    )


def count(tx: Tx, query: Query) -> int:
    """Return how many repositories of a query the caller may see, at most ten thousand."""
    return queries_search.count(tx.session, tx.caller, _filter(query))


def popular_tags(tx: Tx, limit: int = 20) -> list[Count]:
    """Return the commonest tags of what the caller may see."""
    rows = queries_search.count_tags(tx.session, tx.caller, Filter(), min(limit, 100))
    return [Count(value, number) for value, number in rows]


def repeated(tags: Sequence[Count]) -> list[Count]:
    """Return the tags that are used more than once; all of them where none is."""
    return [tag for tag in tags if tag.count > 1] or list(tags)


def _filter(query: Query) -> Filter:
    words = [word[:_MAX_WORD] for word in folded(query.text.replace("\0", " ")).split()]
    return Filter(
        words=tuple(dict.fromkeys(words))[:_MAX_WORDS],
        owner=names.lower(_clean(query.owner) or "") or None,
        tags=tuple(normalised_tags(query.tags))[:_MAX_TAGS],
        terms=tuple(vocabulary.folded(_clean(term) or "" for term in query.terms))[:_MAX_TAGS],
        family=_clean(query.family),
        layout=_clean(query.layout),
        method=_clean(query.method),
        starred_by=query.starred_by,
        forked_from=query.forked_from,
        private=query.private,
        gated=query.gated,
        with_adapters=query.with_adapters,
        measures=query.measures.bounded(),
    )


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
        cover_size=entry.cover_size,
        cover_picture=entry.cover_picture,
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
