"""SQL of lists, searches and their counts. Every one of them asks `visible_repos`."""

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
from lorahub_server.kit.pagination import Key
from lorahub_server.library.queries_filters import Filter, conditions
from lorahub_server.library.tables import LibraryEntry, RepoTag
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos

# Counts and facets look at so many repositories at most.
COUNTED = 10_000


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
    "smallest": Sort(LibraryEntry.size, int, descending=False),
    "name": Sort(Repository.name_lower, str, descending=False),
}


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
    statement = _cards(caller).where(*conditions(wanted))
    if after is not None:
        statement = statement.where(_after(sort, after))
    return statement.order_by(*_order(sort)).limit(limit)


def _order(sort: Sort) -> tuple[Any, Any]:
    if not sort.descending:
        return sort.column.asc(), LibraryEntry.repo_id.asc()
    if _is_nullable(sort):
        return sort.column.desc().nulls_last(), LibraryEntry.repo_id.desc()
    # Saying where NULLs go would keep PostgreSQL from walking the index.
    return sort.column.desc(), LibraryEntry.repo_id.desc()


def cards_by_id(session: Session, caller: Caller, repo_ids: Collection[int]) -> Sequence[CardRow]:
    return _rows(session, _cards(caller).where(LibraryEntry.repo_id.in_(repo_ids)))


def alike(
    session: Session, caller: Caller, wanted: Filter, sort: Sort, keys: Collection[str]
) -> dict[str, list[int]]:
    """Return what a query finds of repositories with these fold keys, in the order of the list."""
    statement = (
        select(LibraryEntry.fold_key, LibraryEntry.repo_id)
        .join(Repository, Repository.id == LibraryEntry.repo_id)
        .join(Account, Account.id == Repository.owner_id)
        .where(visible_repos(caller), LibraryEntry.fold_key.in_(keys), *conditions(wanted))
        .order_by(*_order(sort))
        .limit(COUNTED)
    )
    found: dict[str, list[int]] = {}
    for key, repo_id in session.execute(statement):
        found.setdefault(str(key), []).append(repo_id)
    return found


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
        .where(visible_repos(caller), *conditions(wanted))
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
