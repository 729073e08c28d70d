"""SQL of counts for filters: kept numbers where nothing is asked for, else of what is found."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func, literal, select, true, union_all
from sqlalchemy.orm import Session

from lorahub_server.library.queries_plan import Plan
from lorahub_server.library.queries_walk import COUNTED, found_ids
from lorahub_server.library.tables import Listing, SearchKey

Row = tuple[str, str, int]  # kind, value, how many
TOTAL = "total"
# Of what is found so many are looked at, the liveliest.
SAMPLED = 3000
# Of private repositories, which are one person's and few.
_OWN = 2000


def count(session: Session, planned: Plan) -> int:
    """Return how many repositories a plan finds, at most COUNTED."""
    some = found_ids(session, planned, COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def kept(
    session: Session, scopes: Sequence[int], kinds: Mapping[str, int], *, full: bool
) -> list[Row]:
    """Return the commonest keys of each kind, so many, with the numbers that are kept of them.

    With `full` those of repositories with an adapter.
    """
    number = SearchKey.full if full else SearchKey.uses
    ways = [
        select(
            select(SearchKey.kind, SearchKey.value, number.label("number"))
            .where(SearchKey.scope == 0, SearchKey.kind == kind)
            .order_by(SearchKey.uses.desc())
            .limit(2 * most)
            .subquery()
        )
        for kind, most in kinds.items()
        if 0 in scopes
    ]
    own = [scope for scope in scopes if scope != 0]
    if own:
        private = (
            select(SearchKey.kind, SearchKey.value, number.label("number"))
            .where(SearchKey.scope.in_(own), SearchKey.kind.in_(kinds))
            .order_by(SearchKey.uses.desc())
            .limit(_OWN)
        )
        ways.append(select(private.subquery()))
    if not ways:
        return []
    rows = union_all(*ways).subquery()
    total = func.sum(rows.c.number)
    found = session.execute(
        select(rows.c.kind, rows.c.value, total).group_by(rows.c.kind, rows.c.value)
    )
    return _cut(((kind, value, int(number)) for kind, value, number in found), kinds)


def among(
    session: Session, plans: Sequence[tuple[Plan | None, Collection[str]]], kinds: dict[str, int]
) -> list[Row]:
    """Return the commonest keys of each kind among what plans find, in one statement.

    Each plan answers for the kinds that come with it, by a sample of SAMPLED of what it finds; of
    the first the TOTAL is told too, up to COUNTED. Kind "all" has the size of its sample.
    """
    ways = [
        _counted(session, planned, {kind: kinds[kind] for kind in wanted})
        for planned, wanted in plans
        if planned is not None
    ]
    if not ways:
        return []
    if plans[0][0] is not None:
        ways.append(_total(session, plans[0][0]))
    rows = session.execute(union_all(*ways))
    return _cut(((kind, value, int(number)) for kind, value, number in rows), kinds | {TOTAL: 1})


def _total(session: Session, planned: Plan) -> Any:
    some = found_ids(session, planned, COUNTED).subquery()
    return select(literal(TOTAL), literal(""), func.count()).select_from(some)


def _counted(session: Session, planned: Plan, kinds: Mapping[str, int]) -> Any:
    some = found_ids(session, planned, SAMPLED).subquery()
    listed = _listed_under(session, some).subquery()
    uses = (
        select(listed.c.key_id, func.count().label("number")).group_by(listed.c.key_id).subquery()
    )
    number = func.sum(uses.c.number)
    place = func.row_number().over(
        partition_by=SearchKey.kind, order_by=(number.desc(), SearchKey.value)
    )
    ranked = (
        select(
            SearchKey.kind,
            SearchKey.value,
            number.label("number"),
            place.label("place"),
        )
        .join(uses, uses.c.key_id == SearchKey.id)
        .where(SearchKey.kind.in_(kinds))
        .group_by(SearchKey.kind, SearchKey.value)
        .subquery()
    )
    return select(ranked.c.kind, ranked.c.value, ranked.c.number).where(
        ranked.c.place <= literal(max(kinds.values()))
    )


def _listed_under(session: Session, some: Any) -> Any:
    """Return a SELECT of the keys of some repositories, one row for each."""
    if session.get_bind().dialect.name == "sqlite":
        return select(Listing.key_id).join(some, some.c.repo_id == Listing.repo_id)
    each = select(Listing.key_id).where(Listing.repo_id == some.c.repo_id)
    # The offset keeps the planner from a join that reads the listings of all repositories.
    beside = each.correlate(some).offset(0).lateral()
    return select(beside.c.key_id).select_from(some).join(beside, true())


def _cut(rows: Any, kinds: Mapping[str, int]) -> list[Row]:
    """Return the rows that count, the commonest of each kind first."""
    ordered = sorted((row for row in rows if row[2]), key=lambda row: (row[0], -row[2], row[1]))
    shown: dict[str, int] = {}
    found = []
    for row in ordered:
        shown[row[0]] = shown.get(row[0], 0) + 1
        if shown[row[0]] <= kinds[row[0]]:
            found.append(row)
    return found
