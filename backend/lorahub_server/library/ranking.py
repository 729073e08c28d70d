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
from lorahub_server.library.queries_text import COMMON, Wanted, note, repo_of, settle

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
    top = TOP // 2 if planned.frequency > COMMON else TOP
    wanted, candidates = _best(session, planned, wanted, top if after is None else 2 * TOP)
    if after is not None and after.points == _UNRANKED:
        return _page_of_rest(session, planned, wanted, after, [], size)
    end = after.end if after is not None else _END
    if after is None and len(candidates) == top:
        end = candidates[-1].row_id
    ranked = sorted(
        (-_points(one, wanted.words), one.row_id) for one in candidates if one.row_id <= end
    )
    if after is not None:
        ranked = [one for one in ranked if one > (-after.points, after.row_id)]
    shown = ranked[:size]
    ids = [repo_of(row_id) for _, row_id in shown]
    if len(ranked) > size:
        return Page(ids, _cursor(Place(end, -shown[-1][0], shown[-1][1])))
    if end == _END:
        return Page(ids)
    return _page_of_rest(session, planned, wanted, Place(end, _UNRANKED, end), ids, size)


def _best(
    session: Session, planned: Plan, wanted: Wanted, most: int
) -> tuple[Wanted, list[Candidate]]:
    """Return the most popular, and what they have: the last word may go on where few have it."""
    found = queries_search.best(session, planned, wanted, -1, most)
    if not planned.is_broad:
        return wanted, found
    other = settle(wanted, len(found))
    if other != wanted:
        wanted = other
        found = queries_search.best(session, planned, wanted, -1, most)
    note(session, wanted, is_there=bool(found))
    return wanted, found


def _page_of_rest(
    session: Session, planned: Plan, wanted: Wanted, after: Place, shown: list[int], size: int
) -> Page[int]:
    """Fill a page with what follows by popularity."""
    room = size - len(shown)
    found = queries_search.best(session, planned, wanted, after.row_id, room + 1)
    ids = [*shown, *(repo_of(one.row_id) for one in found[:room])]
    if len(found) <= room:
        return Page(ids)
    last = found[room - 1].row_id if room else after.row_id
    return Page(ids, _cursor(Place(after.end, _UNRANKED, last)))


def _cursor(last: Place) -> str:
    return pagination.encode(_ORDER, last.end, last.points, last.row_id)


def _points(one: Candidate, wanted: Sequence[str]) -> int:
    """Return what the words count where they are first, or where words begin with them."""
    total, is_named = 0, True
    for word in wanted:
        # Even a beginning in one part counts more than the whole word in the next.
        named = _share(word, one.names, _NAMED)
        is_named = is_named and named > 0
        total += named or _share(word, one.words, _MARKED) or _share(word, one.facts, _DETECTED)
    return total + (max(_EXACT - one.names.count(" "), 0) if is_named else 0)


def _share(word: str, among: str, most: int) -> int:
    """Return `most` if a text has the word, and less if a word in it begins so."""
    # Few have it anywhere, and that is soon found out.
    if word not in among or f" {word}" not in (padded := f" {among} "):
        return 0
    return most if f" {word} " in padded else most - most // 4
