"""The order of a search for words: what they name comes before what they are mentioned in.

The first TOP of what has the words, by popularity, are ranked by where it has them: a name counts
most, then trigger words and tags, then what was detected, then the card. Of common words it is
half as many: popularity tells more of them. The rest follows by popularity alone. A cursor tells
how far the ranked ones go, so that both parts stay apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lorahub_server.kit import pagination
from lorahub_server.kit.pagination import Page
from lorahub_server.library import queries_search
from lorahub_server.library.queries_plan import Plan
from lorahub_server.library.queries_popular import Candidate
from lorahub_server.library.queries_text import COMMON, Wanted

TOP = 200
_ORDER = "best"
_END = 2**62
_NAMED, _MARKED, _DETECTED = 16, 8, 4
# Less each word of the name: one that says little else is what was asked for.
_EXACT = 4
_UNRANKED = -1


@dataclass(frozen=True, slots=True)
class Place:
    """After which item a page goes on; what is ranked ends with the row id `end`."""

    end: int
    points: int
    row_id: int


def place(cursor: str | None) -> Place | None:
    """Read a cursor; raises BadCursor."""
    if not cursor:
        return None
    end, points, row_id = pagination.decode(cursor, _ORDER, int, int, int)
    if not (isinstance(end, int) and isinstance(points, int) and isinstance(row_id, int)):
        raise pagination.BadCursor
    return Place(end, points, row_id)


def page(
    session: Session, planned: Plan, wanted: Wanted, after: Place | None, size: int
) -> Page[int]:
    """Return the ids of a page, the best first."""
    if after is not None and after.points == _UNRANKED:
        return _page_of_rest(session, planned, wanted, after, [], size)
    top = TOP // 2 if planned.frequency > COMMON else TOP
    candidates = queries_search.best(
        session, planned, wanted, -1, top if after is None else 2 * TOP
    )
    end = after.end if after is not None else _END
    if after is None and len(candidates) == top:
        end = candidates[-1].row_id
    ranked = sorted(
        (-_points(one, wanted.words), one.row_id) for one in candidates if one.row_id <= end
    )
    if after is not None:
        ranked = [one for one in ranked if one > (-after.points, after.row_id)]
    shown = ranked[:size]
    ids = [Candidate(row_id, "", "", "").repo_id for _, row_id in shown]
    if len(ranked) > size:
        return Page(ids, _cursor(Place(end, -shown[-1][0], shown[-1][1])))
    if end == _END:
        return Page(ids)
    return _page_of_rest(session, planned, wanted, Place(end, _UNRANKED, end), ids, size)


def _page_of_rest(
    session: Session, planned: Plan, wanted: Wanted, after: Place, shown: list[int], size: int
) -> Page[int]:
    """Fill a page with what follows by popularity."""
    room = size - len(shown)
    found = queries_search.best(session, planned, wanted, after.row_id, room + 1)
    ids = [*shown, *(one.repo_id for one in found[:room])]
    if len(found) <= room:
        return Page(ids)
    last = found[room - 1].row_id if room else after.row_id
    return Page(ids, _cursor(Place(after.end, _UNRANKED, last)))


def _cursor(last: Place) -> str:
    return pagination.encode(_ORDER, last.end, last.points, last.row_id)


def _points(one: Candidate, wanted: Sequence[str]) -> int:
    """Return what the words count where they are first, or where words begin with them."""
    names = f" {one.names} "
    parts = ((names, _NAMED), (f" {one.words} ", _MARKED), (f" {one.facts} ", _DETECTED))
    total, is_named = 0, True
    for word in wanted:
        begun = f" {word}"
        # Even a beginning in one part counts more than the whole word in the next.
        for among, most in parts:
            if begun in among:
                total += most if f"{begun} " in among else most - most // 4
                break
        is_named = is_named and begun in names
    return total + (max(_EXACT - one.names.count(" "), 0) if is_named else 0)
