"""SQL of lists, searches and their counts. Every one of them asks `visible_repos`."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, contains_eager

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account
from lorahub_server.community.tables import Star
from lorahub_server.insight.tables import FileHash
from lorahub_server.kit.pagination import Key
from lorahub_server.library.measures import ANY, Measures
from lorahub_server.library.tables import AdapterFile, LibraryEntry, RepoTag, RepoTerm
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos

# Counts and facets look at so many repositories at most.
COUNTED = 10_000
_HASH = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class Sort:
    """What a list is ordered by; the repository's id decides between equals."""

    column: InstrumentedAttribute[Any]
    kind: type
    descending: bool = True


SORTS = {
    "trending": Sort(LibraryEntry.trending, float),
    "updated": Sort(LibraryEntry.updated_at, datetime),
    "newest": Sort(LibraryEntry.published_at, datetime),
    "stars": Sort(LibraryEntry.stars, int),
    "downloads": Sort(LibraryEntry.downloads, int),
    "name": Sort(Repository.name_lower, str, descending=False),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """A query in the database's terms: names in lower case, words folded."""

    words: tuple[str, ...] = ()
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


@dataclass(frozen=True, slots=True)
class CardRow:
    entry: LibraryEntry
    repo: Repository
    starred: bool


def cards(
    session: Session,
    caller: Caller,
    wanted: Filter,
    sort: Sort,
    after: Sequence[Key] | None,
    limit: int,
) -> Sequence[CardRow]:
    """Return entries with their repositories and whether the caller starred them."""
    return _rows(session, list_statement(caller, wanted, sort, after, limit))


def list_statement(
    caller: Caller, wanted: Filter, sort: Sort, after: Sequence[Key] | None, limit: int
) -> Any:
    statement = _cards(caller).where(*_conditions(wanted))
    if after is not None:
        statement = statement.where(_after(sort, after))
    if not sort.descending:
        order = (sort.column.asc(), LibraryEntry.repo_id.asc())
    elif _is_nullable(sort):
        order = (sort.column.desc().nulls_last(), LibraryEntry.repo_id.desc())
    else:
        # Saying where NULLs go would keep PostgreSQL from walking the index.
        order = (sort.column.desc(), LibraryEntry.repo_id.desc())
    return statement.order_by(*order).limit(limit)


def cards_by_id(session: Session, caller: Caller, repo_ids: Collection[int]) -> Sequence[CardRow]:
    return _rows(session, _cards(caller).where(LibraryEntry.repo_id.in_(repo_ids)))


def count(session: Session, caller: Caller, wanted: Filter) -> int:
    """Return how many repositories a query finds, at most COUNTED."""
    return session.scalar(select(func.count()).select_from(_found(caller, wanted))) or 0


def count_by(
    session: Session, caller: Caller, wanted: Filter, column: str, limit: int
) -> Sequence[tuple[str, int]]:
    """Return the values of an entry's column among what is found, the commonest first."""
    found = _found(caller, wanted)
    value = getattr(LibraryEntry, column)
    number = func.count().label("number")
    rows = session.execute(
        select(value, number)
        .join(found, found.c.repo_id == LibraryEntry.repo_id)
        .where(value.is_not(None))
        .group_by(value)
        .order_by(number.desc(), value)
        .limit(limit)
    )
    return [(name, int(amount)) for name, amount in rows]


def count_tags(
    session: Session, caller: Caller, wanted: Filter, limit: int
) -> Sequence[tuple[str, int]]:
    found = _found(caller, wanted)
    number = func.count().label("number")
    rows = session.execute(
        select(RepoTag.tag, number)
        .join(found, found.c.repo_id == RepoTag.repo_id)
        .group_by(RepoTag.tag)
        .order_by(number.desc(), RepoTag.tag)
        .limit(limit)
    )
    return [(tag, int(amount)) for tag, amount in rows]


def _rows(session: Session, statement: Any) -> list[CardRow]:
    return [
        CardRow(entry, repo, bool(starred)) for entry, repo, starred in session.execute(statement)
    ]


def _cards(caller: Caller) -> Any:
    starred: ColumnElement[bool] = literal(value=False)
    if caller.account_id is not None:
        starred = exists().where(
            Star.repo_id == LibraryEntry.repo_id, Star.account_id == caller.account_id
        )
    return (
        select(LibraryEntry, Repository, starred)
        .join(Repository, Repository.id == LibraryEntry.repo_id)
        .join(Account, Account.id == Repository.owner_id)
        .options(contains_eager(Repository.owner))
        .where(visible_repos(caller))
    )


def _found(caller: Caller, wanted: Filter) -> Any:
    return (
        select(LibraryEntry.repo_id)
        .join(Repository, Repository.id == LibraryEntry.repo_id)
        .join(Account, Account.id == Repository.owner_id)
        .where(visible_repos(caller), *_conditions(wanted))
        .limit(COUNTED)
        .subquery()
    )


def _after(sort: Sort, after: Sequence[Key]) -> ColumnElement[bool]:
    value, repo_id = after
    bound_id = literal(repo_id, LibraryEntry.repo_id.type)
    if not sort.descending:
        return tuple_(sort.column, LibraryEntry.repo_id) > tuple_(
            literal(value, sort.column.type), bound_id
        )
    if value is None:
        # Entries without a value stand at the end.
        return sort.column.is_(None) & (LibraryEntry.repo_id < bound_id)
    later = tuple_(sort.column, LibraryEntry.repo_id) < tuple_(
        literal(value, sort.column.type), bound_id
    )
    return or_(later, sort.column.is_(None)) if _is_nullable(sort) else later


def _is_nullable(sort: Sort) -> bool:
    return bool(sort.column.property.columns[0].nullable)


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    found = [_has_word(word) for word in wanted.words]
    if wanted.owner is not None:
        found.append(Account.name_lower == wanted.owner)
    found += [
        exists().where(RepoTag.repo_id == LibraryEntry.repo_id, RepoTag.tag == tag)
        for tag in wanted.tags
    ]
    found += [
        exists().where(RepoTerm.repo_id == LibraryEntry.repo_id, RepoTerm.term == term)
        for term in wanted.terms
    ]
    for column, value in (
        (LibraryEntry.family, wanted.family),
        (LibraryEntry.layout, wanted.layout),
        (LibraryEntry.method, wanted.method),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.starred_by is not None:
        found.append(
            exists().where(
                Star.repo_id == LibraryEntry.repo_id, Star.account_id == wanted.starred_by
            )
        )
    if wanted.forked_from is not None:
        found.append(Repository.forked_from_id == wanted.forked_from)
    if wanted.private is not None:
        found.append(Repository.private.is_(wanted.private))
    if wanted.gated is not None:
        found.append(Repository.gated.is_not(None) if wanted.gated else Repository.gated.is_(None))
    if wanted.with_adapters:
        found.append(LibraryEntry.adapters > 0)
    return found + _measured(wanted.measures)


def _measured(wanted: Measures) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.rank_from is not None:
        found.append(LibraryEntry.rank >= wanted.rank_from)
    if wanted.rank_to is not None:
        found.append(LibraryEntry.rank <= wanted.rank_to)
    if wanted.size_to is not None:
        found += [LibraryEntry.adapters > 0, LibraryEntry.size <= wanted.size_to]
    if wanted.has_trigger is not None:
        words = func.json_array_length(LibraryEntry.trigger_words)
        found.append(words > 0 if wanted.has_trigger else words == 0)
    if wanted.healthy is not None:
        is_sound = LibraryEntry.health == "ok"
        found.append(is_sound if wanted.healthy else ~is_sound)
    return found


def _has_word(word: str) -> ColumnElement[bool]:
    conditions = [
        LibraryEntry.search_text.contains(word, autoescape=True),
        Repository.name_lower.contains(word, autoescape=True),
        Account.name_lower.contains(word, autoescape=True),
    ]
    if _HASH.fullmatch(word):
        named = (
            select(AdapterFile.repo_id)
            .join(FileHash, FileHash.sha256 == AdapterFile.sha256)
            .where(FileHash.value == word)
        )
        conditions.append(LibraryEntry.repo_id.in_(named))
        same = select(AdapterFile.repo_id).where(AdapterFile.sha256 == word)
        conditions.append(LibraryEntry.repo_id.in_(same))
    return or_(*conditions)
