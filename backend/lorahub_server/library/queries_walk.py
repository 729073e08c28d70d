"""SQL of the ids that a list or a search shows. Every one of them asks `visible_repos`.

A list walks the index of one key in its order and stops when the page is full, asking of each
repository on the way whether it has the other keys: the key that fewest have is walked. What is
known to be few is read as a whole and sorted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, false, literal, select, tuple_, union_all
from sqlalchemy.orm import Session

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account
from lorahub_server.kit.pagination import Key
from lorahub_server.library import queries_text
from lorahub_server.library.queries_filters import SET_MAX
from lorahub_server.library.queries_plan import Plan
from lorahub_server.library.tables import LibraryEntry, Listing
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos

# Counts and facets look at so many repositories at most.
COUNTED = 10_000
# And walk over so many that don't have all that is asked for.
_SCANNED = 12_000
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


def found_ids(session: Session, planned: Plan, limit: int) -> Any:
    """Return a SELECT of the ids of what a plan finds, at most `limit`, the liveliest.

    Of what is common it looks at a part: the liveliest of a key, or what has the words and is
    popular.
    """
    sort = SORTS["trending"]
    if planned.words is None or planned.few is not None or planned.frequency <= SET_MAX:
        return page_ids(session, planned, sort, None, limit, within=_SCANNED)
    if planned.uses < planned.frequency and not planned.is_broad:
        return page_ids(session, planned, sort, None, limit, within=_SCANNED_WITH_WORDS)
    most = limit if planned.is_broad else _SCANNED
    some = queries_text.having(session, planned.words).limit(most).subquery()
    return _sorted(planned, sort, None, limit, select(some), (), is_count=True)


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
    order = ordered(sort, both.c.at, both.c.repo_id)
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
        part = some.order_by(*ordered(sort, sort.column)).limit(within).subquery()
        repo_id, at, where = part.c.repo_id, part.c.at, []
    if planned.more or within is None:
        # Keys are of what the caller may see; what only counts needs no second look.
        where.append(is_asked(planned, repo_id))
    if planned.words is not None:
        where.append(queries_text.has(session, repo_id, planned.words))
    if after is not None:
        where.append(_after(sort, at, repo_id, after))
    return (
        select(repo_id, at.label("at"))
        .where(*keyed(planned, repo_id), *where)
        .order_by(*ordered(sort, at, repo_id))
        .limit(limit)
    )


def is_asked(planned: Plan, repo_id: Any) -> ColumnElement[bool]:
    """Return the condition that a listed repository is visible and all else that is asked for."""
    return is_visible(planned.caller, repo_id, planned.more)


def is_visible(
    caller: Caller, repo_id: Any, more: Sequence[ColumnElement[bool]] = ()
) -> ColumnElement[bool]:
    """Return the condition that the caller may see a repository; `more` are on its entry too.

    A look at one repository and not a join, of which a planner who expects few to hold makes one
    that reads them all.
    """
    row = select(literal(1)).select_from(Repository).where(Repository.id == repo_id)
    if more:
        row = row.join(Account, Account.id == Repository.owner_id).join(
            LibraryEntry, LibraryEntry.repo_id == Repository.id
        )
    row = row.where(visible_repos(caller), *more)
    return row.correlate(repo_id.table).scalar_subquery().is_not(None)


def _sorted(
    planned: Plan,
    sort: Sort,
    after: Sequence[Key] | None,
    limit: int,
    few: Any,
    words: Sequence[ColumnElement[bool]],
    *,
    is_count: bool = False,
) -> Any:
    """Read all of a set and sort it; the sum keeps the database from walking an index instead.

    Keys are of what the caller may see: what only counts needs no second look.
    """
    at = sort.column if sort.is_name else sort.column + 0
    listed = select(Listing.repo_id, at.label("at"))
    if planned.more or not is_count:
        listed = _with_joins(listed, planned)
    statement = listed.where(
        Listing.repo_id.in_(few),
        Listing.key_id.in_(planned.walked),
        *words,
        *keyed(planned, Listing.repo_id),
    )
    if after is not None:
        statement = statement.where(_after(sort, at, Listing.repo_id, after))
    return statement.order_by(*ordered(sort, at)).limit(limit)


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
        .where(*words, *keyed(planned, Repository.id))
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


def keyed(planned: Plan, repo_id: Any) -> list[ColumnElement[bool]]:
    found = [has_key(repo_id, key_ids) for key_ids in planned.probes]
    if planned.without:
        # Distinct from, which planners expect to hold, so that they go on walking.
        found.append(_of_listing(repo_id, planned.without).is_distinct_from(1))
    return found


def has_key(repo_id: Any, key_ids: Sequence[int]) -> ColumnElement[bool]:
    # Not EXISTS, of which a planner may make a join that reads all of the other key's index.
    found: ColumnElement[bool] = _of_listing(repo_id, key_ids).is_not(None)
    return found


def _of_listing(repo_id: Any, key_ids: Sequence[int]) -> Any:
    other = Listing.__table__.alias()
    row = select(literal(1)).where(other.c.repo_id == repo_id, other.c.key_id.in_(key_ids))
    return row.limit(1).scalar_subquery()


def ordered(sort: Sort, at: Any, repo_id: Any = Listing.repo_id) -> tuple[Any, Any]:
    return (at.desc(), repo_id.desc()) if sort.descending else (at.asc(), repo_id.asc())


def _after(sort: Sort, at: Any, repo_id: Any, after: Sequence[Key]) -> ColumnElement[bool]:
    value, last = after
    if value is None:
        return false()
    bound = tuple_(literal(value, sort.column.type), literal(last, Listing.repo_id.type))
    here = tuple_(at, repo_id)
    return here < bound if sort.descending else here > bound
