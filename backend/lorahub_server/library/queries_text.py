"""SQL of the words of repositories: written with the library's entry, found on both databases."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Text,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session, undefer

from lorahub_server.kit import upsert
from lorahub_server.kit.db import once
from lorahub_server.library import words
from lorahub_server.library.tables import LibraryText, SearchWord
from lorahub_server.library.tables_search import FTS

_QUIET: dict[str, Any] = {"synchronize_session": False}
TOP_BUCKET = 63
SHIFT = 32
IDS = 2**SHIFT - 1
# PostgreSQL's steps of popularity hold so many buckets each; no text has such a word.
STEP = 4
STEP_MARK = "^"
_BATCH = 400
COMMON = 1000
# A list of so many needs no guess at the word that somebody is still typing.
_ENOUGH = 100
_LEAST_BEGINNING = 2
TEXTS = table(
    FTS,
    column("rowid", BigInteger),
    *(column(name, Text) for name in (FTS, "names", "words", "facts", "body")),
)


@dataclass(frozen=True, slots=True)
class Texts:
    """A repository's words, joined by spaces, as LibraryText has them."""

    names: str
    words: str
    facts: str
    body: str

    @property
    def all(self) -> list[str]:
        parts = (self.names, self.words, self.facts, self.body)
        return sorted({word for part in parts for word in part.split()})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Words that a repository must have; the last one may be the beginning of a word."""

    words: tuple[str, ...]
    is_beginning: bool = False


def row_id(bucket: int, repo_id: int) -> int:
    """Return the number under which FTS5 has a repository: the most popular come first."""
    return ((TOP_BUCKET - bucket) << SHIFT) | repo_id


def put(session: Session, repo_id: int, texts: Texts, downloads: int) -> None:
    """Keep a repository's words and make them findable. The caller holds its entry's lock."""
    bucket = words.bucket(downloads)
    row = _row(session, repo_id)
    if row is None:
        row = LibraryText(repo_id=repo_id)
        session.add(row)
    elif (row.bucket, _texts(row)) == (bucket, texts):
        return
    elif is_sqlite(session):
        session.execute(insert(TEXTS).values({FTS: "delete", **_values(row)}))
    row.bucket = bucket
    row.names, row.words, row.facts, row.body = texts.names, texts.words, texts.facts, texts.body
    if is_sqlite(session):
        session.execute(insert(TEXTS).values(_values(row)))
    else:
        row.document = _document([*texts.all, step_word(bucket)])
    session.flush()


def move(session: Session, repo_id: int, downloads: int) -> None:
    """Let a repository's words be found by its new popularity."""
    bucket = words.bucket(downloads)
    known = session.scalar(select(LibraryText.bucket).where(LibraryText.repo_id == repo_id))
    if known is None or known == bucket:
        return
    row = _row(session, repo_id)
    assert row is not None
    if is_sqlite(session):
        session.execute(insert(TEXTS).values({FTS: "delete", **_values(row)}))
    elif step_word(known) != step_word(bucket):
        without = func.ts_delete(LibraryText.document, step_word(known))
        row.document = without.op("||")(_document([step_word(bucket)]))
    row.bucket = bucket
    session.flush()
    if is_sqlite(session):
        session.execute(insert(TEXTS).values(_values(row)))


def remove(session: Session, repo_id: int) -> None:
    row = _row(session, repo_id)
    if row is None:
        return
    if is_sqlite(session):
        session.execute(insert(TEXTS).values({FTS: "delete", **_values(row)}))
    session.delete(row)
    session.flush()


def texts_of(session: Session, repo_id: int) -> Texts | None:
    row = _row(session, repo_id)
    return None if row is None else _texts(row)


def clear(session: Session) -> None:
    """Forget all texts, and the words that somebody could mean."""
    if is_sqlite(session):
        session.execute(insert(TEXTS).values({FTS: "delete-all"}))
    for made in (LibraryText, SearchWord):
        session.execute(delete(made), execution_options=_QUIET)
    session.expire_all()


def learn(session: Session, texts: Texts) -> None:
    """Remember the words of names, tags and the like as what somebody could mean."""
    rows = sorted(
        (form, word)
        for word in {*texts.names.split(), *texts.words.split()}
        for form in words.forms(word)
    )
    for at in range(0, len(rows), _BATCH):
        values = [{"form": form, "word": word} for form, word in rows[at : at + _BATCH]]
        session.execute(upsert.insert(session, SearchWord).values(values).on_conflict_do_nothing())


def near(session: Session, word: str, limit: int) -> Sequence[str]:
    """Return known words that share a form with this one."""
    forms = words.forms(word)
    if not forms:
        return []
    return session.scalars(
        select(SearchWord.word).where(SearchWord.form.in_(forms)).distinct().limit(limit)
    ).all()


def read(session: Session, given: tuple[str, ...], most: int) -> tuple[Wanted, int]:
    """Return words as they are looked for, and about how many repositories have them, to `most`.

    The last word may be a beginning, as somebody is still typing it, unless enough have it as it
    is: to gather all that begins with a common word would take too long.
    """
    whole, begun = Wanted(given), opened(Wanted(given))
    asks = _asks_sqlite if is_sqlite(session) else _asks_postgresql
    found = once(session, ("words", given, most), lambda: asks(session, whole, begun, most))
    return (whole, found.whole) if found.begun is None else (begun, found.begun)


def read_to_rank(session: Session, given: tuple[str, ...]) -> tuple[Wanted, int]:
    """Do what `read` does on SQLite for one who looks at the most popular, and counts no more.

    `settle` tells what to look for once he knows how many have the last word as it is. The number
    only tells whether a single word is COMMON.
    """
    last = match(Wanted(given[-1:]))
    number = session.scalar(_COUNT_LAST, {"last": last, "most": COMMON + 1}) or 0
    frequency = number if len(given) == 1 else min(number, COMMON)
    wanted = Wanted(given)
    return (opened(wanted) if number < COMMON else wanted), frequency


def settle(wanted: Wanted, number: int) -> Wanted:
    """Return what to look for where so many have the words: the last one may go on if few do."""
    return wanted if number >= _ENOUGH else opened(wanted)


def note(session: Session, wanted: Wanted, *, is_there: bool) -> None:
    """Let those who read the same words in this session afterwards know what came of it."""
    once(session, ("settled", wanted.words), lambda: (wanted, is_there))


def noted(session: Session, given: tuple[str, ...]) -> tuple[Wanted, bool] | None:
    """Return what is looked for and whether anything has it, if somebody found that out."""
    return once(session, ("settled", given), _nothing)


def _nothing() -> tuple[Wanted, bool] | None:
    return None


def opened(wanted: Wanted) -> Wanted:
    """Return the words of which the last one may go on."""
    is_long = len(wanted.words[-1]) >= _LEAST_BEGINNING
    return replace(wanted, is_beginning=is_long)


_COUNT_LAST = sql(
    "SELECT count(*) FROM (SELECT 1 FROM library_fts WHERE library_fts MATCH :last LIMIT :most)"
)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """How many have the words; `begun` None: what begins with the last one is not looked for."""

    whole: int
    begun: int | None


def _asks_sqlite(session: Session, whole: Wanted, begun: Wanted, most: int) -> _Numbers:
    values = {
        "whole": match(whole), "begun": match(begun), "last": match(Wanted(whole.words[-1:])),
        "most": most, "common": COMMON, "enough": _ENOUGH,
    }  # fmt: skip
    row = session.execute(_COUNT, values).one()
    return _Numbers(row[0], row[1])


_COUNT = sql(
    """
    WITH exact AS MATERIALIZED (
        SELECT count(*) AS number
        FROM (SELECT 1 FROM library_fts WHERE library_fts MATCH :whole LIMIT :most)
    ),
    last AS MATERIALIZED (
        SELECT count(*) AS number
        FROM (SELECT 1 FROM library_fts WHERE library_fts MATCH :last LIMIT :common)
    )
    SELECT exact.number, CASE
        WHEN exact.number < :enough OR last.number < :common THEN (
            SELECT count(*)
            FROM (SELECT 1 FROM library_fts WHERE library_fts MATCH :begun LIMIT :most)
        )
    END
    FROM exact, last
    """
)


def _asks_postgresql(session: Session, whole: Wanted, begun: Wanted, most: int) -> _Numbers:
    # What the planner expects from its statistics: to count would read as much as to find.
    del most
    last = Wanted(whole.words[-1:])
    values = {"whole": tsquery(whole), "begun": tsquery(begun), "last": tsquery(last)}
    plan = session.scalar(_EXPLAIN, values)
    of_whole, of_begun, of_last = (int(one["Plan Rows"]) for one in plan[0]["Plan"]["Plans"])
    is_open = of_whole < _ENOUGH or of_last < COMMON
    return _Numbers(of_whole, of_begun if is_open else None)


_EXPLAIN = sql(
    """
    EXPLAIN (FORMAT JSON)
    SELECT 1 FROM library_texts WHERE document @@ CAST(:whole AS tsquery)
    UNION ALL
    SELECT 1 FROM library_texts WHERE document @@ CAST(:begun AS tsquery)
    UNION ALL
    SELECT 1 FROM library_texts WHERE document @@ CAST(:last AS tsquery)
    """
)


def has(session: Session, repo_id: Any, wanted: Wanted) -> ColumnElement[bool]:
    """Return the condition that one repository, named by a column, has all of the words."""
    other = LibraryText.__table__.alias()
    row = select(literal(1)).where(other.c.repo_id == repo_id)
    if is_sqlite(session):
        at = (TOP_BUCKET - other.c.bucket).op("<<")(SHIFT).op("|")(other.c.repo_id)
        row = row.where(
            select(literal(1)).where(TEXTS.c.rowid == at, matches(match(wanted))).exists()
        )
    else:
        row = row.where(documents(tsquery(wanted), other.c.document))
    # Not EXISTS, of which a planner may make a join that reads all that have the words.
    return row.scalar_subquery().is_not(None)


def having(session: Session, wanted: Wanted) -> Any:
    """Return a SELECT of the ids of all repositories that have the words."""
    if is_sqlite(session):
        return select(repo_id_of(TEXTS.c.rowid)).where(matches(match(wanted)))
    return select(LibraryText.repo_id).where(documents(tsquery(wanted)))


def documents(query: Any, document: Any = LibraryText.document) -> ColumnElement[bool]:
    """Return the condition that a document has what a `tsquery` asks for."""
    found: ColumnElement[bool] = document.op("@@")(cast(query, postgresql.TSQUERY))
    return found


def tsquery(wanted: Wanted) -> str:
    """Return the words as PostgreSQL is asked for them."""
    # They hold letters and digits alone, so nothing in them has to be escaped.
    return " & ".join(f"'{word}'" for word in wanted.words) + (":*" if wanted.is_beginning else "")


def match(wanted: Wanted) -> str:
    """Return the words as FTS5 is asked for them."""
    query = " AND ".join(f'"{word}"' for word in wanted.words)
    return f"{query} *" if wanted.is_beginning else query


def matches(query: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = literal_column(FTS).op("MATCH")(query)
    return found


def repo_of(row_id: int) -> int:
    """Return the repository of a `row_id`."""
    return int(row_id & IDS)


def repo_id_of(number: Any) -> Any:
    """Return the id in a `row_id`."""
    return number.op("&")(IDS)


def _document(lexemes: Sequence[str]) -> Any:
    return func.array_to_tsvector(literal(list(lexemes), ARRAY(Text)))


def step_word(bucket: int) -> str:
    """Return the word that PostgreSQL finds a popularity by; no text has it."""
    return f"{STEP_MARK}{bucket // STEP}"


def is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _row(session: Session, repo_id: int) -> LibraryText | None:
    options = [undefer(LibraryText.body)]
    return session.get(LibraryText, repo_id, populate_existing=True, options=options)


def _texts(row: LibraryText) -> Texts:
    return Texts(row.names, row.words, row.facts, row.body)


def _values(row: LibraryText) -> dict[str, Any]:
    return {"rowid": row_id(row.bucket, row.repo_id), **asdict(_texts(row))}
