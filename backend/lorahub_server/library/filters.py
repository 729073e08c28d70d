"""What can be asked of the library, and how it is read: names folded, numbers within bounds."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.kit import names
from lorahub_server.library import permissions, vocabulary, words
from lorahub_server.library.card import normalised_tags
from lorahub_server.library.measures import ANY, Measures
from lorahub_server.library.queries_filters import HASH, HAVING, Filter, has_hash

DEFAULT_SORT = "trending"
MAX_WORDS = 10
_MAX_TAGS = 10
_MAX_RELAXED = 20
# What of a query takes nothing away, or would show what was not asked for.
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
    `has` are some of HAVING: what there has to be on the repository's page.
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
    has: tuple[str, ...] = ()
    license: str | None = None
    task: str | None = None
    file_hash: str | None = None
    updated_within: timedelta | None = None
    period: timedelta | None = None
    max_maturity: int | None = None
    fold: bool = False


def drop_each(query: Query) -> list[tuple[str, Any, Query]]:
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


def read(session: Session, query: Query, moment: datetime) -> Filter:
    """Return a query in the database's terms. A word that is a known file's hash means the file."""
    text, file_hash = query.text.replace("\0", " "), _hash(query.file_hash)
    given = list(dict.fromkeys(words.asked(text)))[:MAX_WORDS]
    # Signs alone are no words, and nothing is found by them.
    is_nothing = bool(text.strip()) and not given
    if len(given) == 1 and not file_hash and has_hash(session, given[0]):
        given, file_hash = [], given[0]
    return Filter(
        words=tuple(given),
        is_nothing=is_nothing,
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
        has=tuple(one for one in query.has if one in HAVING),
        file_hash=file_hash,
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


def _clean(value: str | None) -> str | None:
    # PostgreSQL knows no text with a NUL in it.
    return value.replace("\0", "\ufffd") if value else None
