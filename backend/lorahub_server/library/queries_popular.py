"""SQL of the most popular repositories that have some words, which a search ranks.

To make these statements takes longer than to run them, so those that are alike but for what is
looked for are made once.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Text,
    and_,
    bindparam,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from lorahub_server.library.queries_text import (
    IDS,
    SHIFT,
    STEP,
    STEP_MARK,
    TEXTS,
    TOP_BUCKET,
    Wanted,
    documents,
    has,
    is_sqlite,
    match,
    matches,
    repo_id_of,
    row_id,
    tsquery,
)
from lorahub_server.library.tables import LibraryText

Conditions = tuple[ColumnElement[bool], ...]

# The highest steps of popularity are asked together.
_STEPS = (range(9, TOP_BUCKET // STEP + 1), *(range(step, step + 1) for step in range(8, -1, -1)))
# Columns of the table: to load those of the class takes longer than to find them.
_TABLE = LibraryText.__table__.c
_SHOWN = (_TABLE.names, _TABLE.words, _TABLE.facts)
_MOST = bindparam("most", type_=Integer)
_KEPT = 32


class Candidate(NamedTuple):
    """A repository that has the words looked for; `row_id` tells its popularity and its id."""

    row_id: int
    names: str
    words: str
    facts: str


def popular(
    session: Session,
    wanted: Wanted,
    more: Conditions,
    after: int,
    limit: int,
    *,
    is_common: bool,
    few: Any = None,
) -> list[Candidate]:
    """Return those with all of the words, by `row_id`: the most popular first.

    `more` are conditions on the repository that LibraryText.repo_id names. `few` selects the ids of
    all that come into question, where those are fewer than what has the words.
    """
    values: dict[str, Any] = {"most": limit}
    if few is None and is_sqlite(session):
        values |= {"wanted": match(wanted), "after": after}
        return [Candidate._make(row) for row in session.execute(_in_fts(more), values)]
    is_first = after < 0
    if not is_first:
        values |= {"bucket": TOP_BUCKET - (after >> SHIFT), "last": after & IDS}
    if few is not None:
        among = (LibraryText.repo_id.in_(few), has(session, LibraryText.repo_id, wanted))
        statement = _by_bucket((*more, *among), is_first=is_first)
    elif is_common:
        # It is looked for among the popular first: a step is only read when those above it have
        # too few.
        statement = _by_steps(more, is_first=is_first)
        values |= {f"wanted_{at}": _in_step(wanted, step) for at, step in enumerate(_STEPS)}
    else:
        statement = _having(more, is_first=is_first)
        values["wanted"] = tsquery(wanted)
    rows = session.execute(statement, values)
    found = (Candidate(row_id(row[0], row[1]), *row[2:]) for row in rows)
    return sorted(found, key=lambda one: one.row_id)


@lru_cache(maxsize=_KEPT)
def _in_fts(more: Conditions) -> Any:
    return (
        select(TEXTS.c.rowid, *_SHOWN)
        .select_from(TEXTS)
        .join(LibraryText.__table__, _TABLE.repo_id == repo_id_of(TEXTS.c.rowid))
        .where(
            matches(bindparam("wanted", type_=Text)),
            TEXTS.c.rowid > bindparam("after", type_=BigInteger),
            *more,
        )
        .order_by(TEXTS.c.rowid)
        .limit(_MOST)
    )


@lru_cache(maxsize=_KEPT)
def _by_steps(more: Conditions, *, is_first: bool) -> Any:
    steps = []
    for at in range(len(_STEPS)):
        wanted = documents(bindparam(f"wanted_{at}", type_=Text))
        steps.append(select(_by_bucket((wanted, *more), is_first=is_first).subquery()))
    return union_all(*steps).limit(_MOST)


@lru_cache(maxsize=_KEPT)
def _having(more: Conditions, *, is_first: bool) -> Any:
    return _by_bucket((documents(bindparam("wanted", type_=Text)), *more), is_first=is_first)


def _by_bucket(wanted: Conditions, *, is_first: bool) -> Any:
    statement = (
        select(_TABLE.bucket, _TABLE.repo_id, *_SHOWN)
        .where(*wanted)
        .order_by(_TABLE.bucket.desc(), LibraryText.repo_id)
        .limit(_MOST)
    )
    if is_first:
        return statement
    bucket, last = bindparam("bucket", type_=Integer), bindparam("last", type_=BigInteger)
    later = and_(_TABLE.bucket == bucket, LibraryText.repo_id > last)
    return statement.where(or_(_TABLE.bucket < bucket, later))


def _in_step(wanted: Wanted, steps: Sequence[int]) -> str:
    marks = " | ".join(f"'{STEP_MARK}{step}'" for step in steps)
    return f"{tsquery(wanted)} & ({marks})"
