"""SQL of lists and searches. Every one of them asks `visible_repos`.

A list walks the index of one key in its order and stops when the page is full, asking of each
repository on the way whether it has the other keys: the key that fewest have is walked. What is
known to be few is read as a whole and sorted.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    bindparam,
    exists,
    false,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from lorahub_server.access import Caller, anonymous
from lorahub_server.access.rules import reading_ids
from lorahub_server.accounts.tables import Account
from lorahub_server.community.tables import Star
from lorahub_server.insight.bases.tables import BaseModel
from lorahub_server.insight.previews.tables import Preview, PreviewSet
from lorahub_server.kit.pagination import Key
from lorahub_server.library import keys, queries_keys, queries_text
from lorahub_server.library.queries_filters import (
    SET_MAX,
    Filter,
    conditions,
    keys_of,
    keys_without,
    sets_of,
)
from lorahub_server.library.queries_text import Wanted
from lorahub_server.library.tables import EvaluationResult, LibraryEntry, LibraryText, Listing
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos

# Counts and facets look at so many repositories at most.
COUNTED = 10_000
# And walk over so many that don't have all that is asked for.
_SCANNED = 20_000
_SCANNED_WITH_WORDS = 2_000


@dataclass(frozen=True, slots=True)
class Sort:
    """What a list is ordered by; the repository's id decides between equals."""

    column: Any
    kind: type
    descending: bool = True

    @property
    def is_name(self) -> bool:
        return self.kind is str


SORTS = {
    "trending": Sort(Listing.trending, float),
    "updated": Sort(Listing.updated, int),
    "newest": Sort(Listing.published, int),
    "stars": Sort(Listing.stars, int),
    "downloads": Sort(Listing.downloads, int),
    "smallest": Sort(Listing.size, int, descending=False),
    "name": Sort(Repository.name_lower, str, descending=False),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How a filter is answered: by a walk along `walked`, or by sorting the ids in `few`.

    `public` and `own` are numbers of the key that is walked; of each of `probes` a repository must
    have one, and of `without` none. `more` are all other conditions.
    """

    caller: Caller
    public: tuple[int, ...]
    own: tuple[int, ...]
    few: Any | None
    probes: tuple[tuple[int, ...], ...]
    without: tuple[int, ...]
    more: tuple[ColumnElement[bool], ...]
    uses: int
    is_all: bool
    words: Wanted | None = None
    frequency: int = 0

    @property
    def is_broad(self) -> bool:
        """Nothing but words is asked for."""
        return self.is_all and not (self.probes or self.without or self.more)

    @property
    def is_simple(self) -> bool:
        """Nobody in particular asks for all that has one key."""
        asks_more = self.probes or self.without or self.more or self.words is not None
        is_public = self.caller.is_anonymous and len(self.public) == 1 and not self.own
        return is_public and self.few is None and not asks_more

    @property
    def walked(self) -> tuple[int, ...]:
        return (*self.public, *self.own)


# All columns of the entry, those of the repository that cards and rules need, `owner`, a name,
# `starred`, and `at`, which the list is ordered by. Rows that are asked for by their ids also tell
# `has_previews`, `has_results` and `has_base`.
CardRow = Any


def scopes(caller: Caller, wanted: Filter) -> list[int]:
    """Return whose keys the caller may look under: 0 is everybody's."""
    public = [] if wanted.private else [0]
    return public + ([] if wanted.private is False else reading_ids(caller))


def plan(session: Session, caller: Caller, wanted: Filter) -> Plan | None:
    """Return how to find what a filter asks for; None where there is nothing."""
    if wanted.is_nothing:
        return None
    asked, left_out = [keys.ALL, *keys_of(wanted)], keys_without(wanted)
    found = queries_keys.known(session, scopes(caller, wanted), [*asked, *left_out])
    by_key: dict[keys.Key, list[queries_keys.Found]] = {}
    for key in found:
        by_key.setdefault((key.kind, key.value), []).append(key)
    if any(key not in by_key for key in asked):
        return None
    ranked = sorted(asked, key=lambda key: sum(one.uses for one in by_key[key]))
    walked, others = ranked[0], [key for key in ranked[1:] if key != keys.ALL]
    uses = sum(one.uses for one in by_key[walked])
    text, frequency = None, 0
    if wanted.words:
        text, frequency = queries_text.read(session, wanted.words, SET_MAX + 1)
        if not frequency:
            return None
    sets = sorted(sets_of(session, wanted), key=lambda one: one[0])
    few = sets.pop(0)[1] if sets and sets[0][0] < min(uses, SET_MAX) else None
    more = conditions(wanted) + [LibraryEntry.repo_id.in_(ids) for _, ids in sets]
    return Plan(
        caller=caller,
        public=tuple(one.id for one in by_key[walked] if one.scope == 0),
        own=tuple(one.id for one in by_key[walked] if one.scope != 0),
        few=few,
        probes=tuple(tuple(one.id for one in by_key[key]) for key in others),
        without=tuple(one.id for key in left_out for one in by_key.get(key, [])),
        more=tuple(more),
        uses=uses,
        is_all=walked == keys.ALL,
        words=text,
        frequency=frequency,
    )


def cards(
    session: Session, planned: Plan, sort: Sort, after: Sequence[Key] | None, limit: int
) -> Sequence[CardRow]:
    """Return entries with their repositories and whether the caller starred them."""
    if not planned.is_simple or sort.is_name or (after is not None and after[0] is None):
        return _rows(session, list_statement(session, planned, sort, after, limit))
    value, last = after or (None, None)
    wanted = {"key": planned.public[0], "value": value, "last": last, "most": limit}
    statement = _simple_list(sort, is_first=after is None)
    return session.execute(statement, wanted).all()


@cache
def _simple_list(sort: Sort, *, is_first: bool) -> Any:
    """Return what most lists are, made once: everybody's view of what has one key."""
    listed = (
        select(Listing.repo_id, sort.column.label("at"))
        .join(Repository, Repository.id == Listing.repo_id)
        .where(visible_repos(anonymous()), Listing.key_id == bindparam("key"))
        .order_by(*_ordered(sort, sort.column))
        .limit(bindparam("most", type_=Integer))
    )
    if not is_first:
        bound = tuple_(
            bindparam("value", type_=sort.column.type),
            bindparam("last", type_=Listing.repo_id.type),
        )
        here = tuple_(sort.column, Listing.repo_id)
        listed = listed.where(here < bound if sort.descending else here > bound)
    found = listed.subquery()
    statement = _cards(anonymous(), found.c.at).join(found, found.c.repo_id == Repository.id)
    return statement.order_by(*_ordered(sort, found.c.at, found.c.repo_id))


def list_statement(
    session: Session, planned: Plan, sort: Sort, after: Sequence[Key] | None, limit: int
) -> Any:
    found = page_ids(session, planned, sort, after, limit).subquery()
    statement = _cards(planned.caller, found.c.at).join(found, found.c.repo_id == Repository.id)
    return statement.order_by(*_ordered(sort, found.c.at, found.c.repo_id))


def cards_by_id(session: Session, caller: Caller, repo_ids: Collection[int]) -> Sequence[CardRow]:
    statement = _cards_by_id() if caller.is_anonymous else _made_cards_by_id(caller)
    return session.execute(statement, {"ids": list(repo_ids)}).all()


@cache
def _cards_by_id() -> Any:
    return _made_cards_by_id(anonymous())


def _made_cards_by_id(caller: Caller) -> Any:
    wanted = LibraryEntry.repo_id.in_(bindparam("ids", expanding=True))
    has_set = exists().where(PreviewSet.repo_id == LibraryEntry.repo_id)
    has_preview = exists().where(Preview.repo_id == LibraryEntry.repo_id)
    result = exists().where(EvaluationResult.repo_id == LibraryEntry.repo_id)
    base = exists().where(BaseModel.family == LibraryEntry.family, BaseModel.enabled)
    columns = (
        or_(has_set, has_preview).label("has_previews"),
        result.label("has_results"),
        base.label("has_base"),
    )
    return _cards(caller, literal(0)).add_columns(*columns).where(wanted)


def alike(
    session: Session, planned: Plan, sort: Sort, fold_keys: Collection[str]
) -> dict[str, list[int]]:
    """Return what a plan finds of repositories with these fold keys, in the order of the list."""
    same = LibraryEntry.fold_key.in_(fold_keys)
    few = select(LibraryEntry.repo_id).where(same)
    also = () if planned.few is None else (LibraryEntry.repo_id.in_(planned.few),)
    narrow = replace(planned, few=few, more=(*planned.more, *also))
    found = page_ids(session, narrow, sort, None, COUNTED).subquery()
    statement = (
        select(LibraryEntry.fold_key, LibraryEntry.repo_id)
        .join(found, found.c.repo_id == LibraryEntry.repo_id)
        .order_by(*_ordered(sort, found.c.at, found.c.repo_id))
    )
    kinds: dict[str, list[int]] = {}
    for key, repo_id in session.execute(statement):
        kinds.setdefault(str(key), []).append(repo_id)
    return kinds


def best(
    session: Session, planned: Plan, wanted: Wanted, after: int, limit: int
) -> list[queries_text.Candidate]:
    """Return the most popular of what has the words and all else, by queries_text.row_id."""
    few = planned.few
    more = [
        visible_repos(planned.caller),
        *planned.more,
        *_keyed(planned, LibraryText.repo_id),
    ]
    if few is None and planned.uses < min(planned.frequency, SET_MAX):
        few = select(Listing.repo_id).where(Listing.key_id.in_(planned.walked))
    elif not planned.is_all:
        more.append(_listed(LibraryText.repo_id, planned.walked))
    return queries_text.popular(
        session,
        wanted,
        more,
        after,
        limit,
        is_common=planned.frequency > queries_text.COMMON,
        joined=bool(planned.more),
        few=few,
    )


def found_ids(session: Session, planned: Plan, limit: int) -> Any:
    """Return a SELECT of the ids of what a plan finds, at most `limit`, the liveliest.

    Of what is common it looks at a part: the liveliest of a key, or what has the words and is
    popular.
    """
    sort = SORTS["trending"]
    if planned.words is None or planned.few is not None or planned.frequency <= SET_MAX:
        return page_ids(session, planned, sort, None, limit, within=_SCANNED)
    if planned.uses < planned.frequency:
        return page_ids(session, planned, sort, None, limit, within=_SCANNED_WITH_WORDS)
    most = limit if planned.is_broad else _SCANNED
    some = queries_text.having(session, planned.words).limit(most).subquery()
    return _sorted(planned, sort, None, limit, select(some), ())


def page_ids(
    session: Session,
    planned: Plan,
    sort: Sort,
    after: Sequence[Key] | None,
    limit: int,
    within: int | None = None,
) -> Any:
    """Return a SELECT of `repo_id` and `at`, a page of the list."""
    few = planned.few
    words: tuple[ColumnElement[bool], ...] = ()
    if planned.words:
        if few is None and planned.frequency <= SET_MAX:
            few = queries_text.having(session, planned.words)
        else:
            words = (queries_text.has(session, Listing.repo_id, planned.words),)
    if few is not None:
        return _sorted(planned, sort, after, limit, few, words)
    if sort.is_name and planned.uses <= SET_MAX:
        ids = select(Listing.repo_id).where(Listing.key_id.in_(planned.walked))
        return _sorted(planned, sort, after, limit, ids, words)
    if sort.is_name:
        return _along_names(planned, sort, after, limit, words)
    ways = [
        _walk(session, planned, key_ids, sort, after, limit, within)
        for key_ids in (planned.public, planned.own)
        if key_ids
    ]
    if len(ways) == 1:
        return ways[0]
    both = union_all(*(select(way.subquery()) for way in ways)).subquery()
    order = _ordered(sort, both.c.at, both.c.repo_id)
    return select(both.c.repo_id, both.c.at).order_by(*order).limit(limit)


def _walk(
    session: Session,
    planned: Plan,
    key_ids: Sequence[int],
    sort: Sort,
    after: Sequence[Key] | None,
    limit: int,
    within: int | None,
) -> Any:
    """Walk the index of a key in the order of the list."""
    # Equal to one number, the key leaves the rest of the index in order; among several it doesn't.
    listed = Listing.key_id == key_ids[0] if len(key_ids) == 1 else Listing.key_id.in_(key_ids)
    repo_id: Any = Listing.repo_id
    at, where = sort.column, [listed]
    if within is not None and planned.uses > within:
        some = select(Listing.repo_id, sort.column.label("at")).where(listed)
        part = some.order_by(*_ordered(sort, sort.column)).limit(within).subquery()
        repo_id, at, where = part.c.repo_id, part.c.at, []
    if planned.more or within is None:
        # Keys are of what the caller may see; what only counts needs no second look.
        where.append(_is_asked(planned, repo_id))
    if planned.words is not None:
        where.append(queries_text.has(session, repo_id, planned.words))
    if after is not None:
        where.append(_after(sort, at, repo_id, after))
    return (
        select(repo_id, at.label("at"))
        .where(*_keyed(planned, repo_id), *where)
        .order_by(*_ordered(sort, at, repo_id))
        .limit(limit)
    )


def _is_asked(planned: Plan, repo_id: Any) -> ColumnElement[bool]:
    """Return the condition that a listed repository is visible and all else that is asked for.

    A look at one repository and not a join, of which a planner who expects few to hold makes one
    that reads them all.
    """
    row = select(literal(1)).select_from(Repository).where(Repository.id == repo_id)
    if planned.more:
        row = row.join(Account, Account.id == Repository.owner_id).join(
            LibraryEntry, LibraryEntry.repo_id == Repository.id
        )
    row = row.where(visible_repos(planned.caller), *planned.more)
    return row.correlate(repo_id.table).scalar_subquery().is_not(None)


def _sorted(
    planned: Plan,
    sort: Sort,
    after: Sequence[Key] | None,
    limit: int,
    few: Any,
    words: Sequence[ColumnElement[bool]],
) -> Any:
    """Read all of a set and sort it; the sum keeps the database from walking an index instead."""
    at = sort.column if sort.is_name else sort.column + 0
    statement = _with_joins(select(Listing.repo_id, at.label("at")), planned).where(
        Listing.repo_id.in_(few),
        Listing.key_id.in_(planned.walked),
        *words,
        *_keyed(planned, Listing.repo_id),
    )
    if after is not None:
        statement = statement.where(_after(sort, at, Listing.repo_id, after))
    return statement.order_by(*_ordered(sort, at)).limit(limit)


def _along_names(
    planned: Plan,
    sort: Sort,
    after: Sequence[Key] | None,
    limit: int,
    words: Sequence[ColumnElement[bool]],
) -> Any:
    """Walk the index of all names, asking of each repository whether it has the key."""
    statement = (
        select(Listing.repo_id, sort.column.label("at"))
        .select_from(Repository)
        .join(Listing, and_(Listing.repo_id == Repository.id, Listing.key_id.in_(planned.walked)))
        .join(Account, Account.id == Repository.owner_id)
        .join(LibraryEntry, LibraryEntry.repo_id == Repository.id)
        .where(visible_repos(planned.caller), *planned.more)
        .where(*words, *_keyed(planned, Repository.id))
    )
    if after is not None:
        statement = statement.where(_after(sort, sort.column, Repository.id, after))
    return statement.order_by(sort.column.asc(), Repository.id.asc()).limit(limit)


def _with_joins(statement: Any, planned: Plan) -> Any:
    statement = statement.join(Repository, Repository.id == Listing.repo_id)
    if planned.more:
        statement = statement.join(Account, Account.id == Repository.owner_id).join(
            LibraryEntry, LibraryEntry.repo_id == Listing.repo_id
        )
    return statement.where(visible_repos(planned.caller), *planned.more)


def _keyed(planned: Plan, repo_id: Any) -> list[ColumnElement[bool]]:
    found = [_listed(repo_id, key_ids) for key_ids in planned.probes]
    if planned.without:
        # Distinct from, which planners expect to hold, so that they go on walking.
        found.append(_of_listing(repo_id, planned.without).is_distinct_from(1))
    return found


def _listed(repo_id: Any, key_ids: Sequence[int]) -> ColumnElement[bool]:
    # Not EXISTS, of which a planner may make a join that reads all of the other key's index.
    found: ColumnElement[bool] = _of_listing(repo_id, key_ids).is_not(None)
    return found


def _of_listing(repo_id: Any, key_ids: Sequence[int]) -> Any:
    other = Listing.__table__.alias()
    row = select(literal(1)).where(other.c.repo_id == repo_id, other.c.key_id.in_(key_ids))
    return row.limit(1).scalar_subquery()


def _ordered(sort: Sort, at: Any, repo_id: Any = Listing.repo_id) -> tuple[Any, Any]:
    return (at.desc(), repo_id.desc()) if sort.descending else (at.asc(), repo_id.asc())


def _after(sort: Sort, at: Any, repo_id: Any, after: Sequence[Key]) -> ColumnElement[bool]:
    value, last = after
    if value is None:
        return false()
    bound = tuple_(literal(value, sort.column.type), literal(last, Listing.repo_id.type))
    here = tuple_(at, repo_id)
    return here < bound if sort.descending else here > bound


def _rows(session: Session, statement: Any) -> Sequence[CardRow]:
    return session.execute(statement).all()


# Columns and not entities: to make those takes longer than to find them.
_CARD = (
    select(
        *(getattr(LibraryEntry, column.key) for column in LibraryEntry.__mapper__.column_attrs),
        Repository.id,
        Repository.owner_id,
        Repository.creator_id,
        Repository.name,
        Repository.private,
        Repository.gated,
        Repository.default_branch,
        Repository.forked_from_id,
        Repository.created_at,
        Repository.deleted_at,
        Account.name.label("owner"),
    )
    .join(Repository, Repository.id == LibraryEntry.repo_id)
    .join(Account, Account.id == Repository.owner_id)
)


def _cards(caller: Caller, at: Any) -> Any:
    starred: ColumnElement[bool] = literal(value=False)
    if caller.account_id is not None:
        starred = exists().where(
            Star.repo_id == LibraryEntry.repo_id, Star.account_id == caller.account_id
        )
    return _CARD.add_columns(starred.label("starred"), at.label("at")).where(visible_repos(caller))
