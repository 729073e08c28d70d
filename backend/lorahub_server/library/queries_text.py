"""SQL of the words of repositories: written with the library's entry, found on both databases."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Text,
    and_,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    table,
    union_all,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session, undefer

from lorahub_server.accounts.tables import Account
from lorahub_server.kit import upsert
from lorahub_server.kit.db import once
from lorahub_server.library import words
from lorahub_server.library.tables import LibraryEntry, LibraryText, SearchWord
from lorahub_server.library.tables_search import FTS
from lorahub_server.repos.tables import Repository

_QUIET: dict[str, Any] = {"synchronize_session": False}
_TOP = 63
_SHIFT = 32
_IDS = 2**_SHIFT - 1
# PostgreSQL's steps of popularity hold so many buckets each, and the highest are asked together.
_STEP = 4
_STEP_MARK = "^"
_STEPS = (range(9, _TOP // _STEP + 1), *(range(step, step + 1) for step in range(8, -1, -1)))
_BATCH = 400
COMMON = 1000
_LEAST_BEGINNING = 2
_SHOWN = (LibraryText.names, LibraryText.words, LibraryText.facts)
_FTS = table(
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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A repository that has the words looked for; `row_id` tells its popularity and its id."""

    row_id: int
    names: str
    words: str
    facts: str

    @property
    def repo_id(self) -> int:
        return int(self.row_id & _IDS)


def row_id(bucket: int, repo_id: int) -> int:
    """Return the number under which FTS5 has a repository: the most popular come first."""
    return ((_TOP - bucket) << _SHIFT) | repo_id


def put(session: Session, repo_id: int, texts: Texts, downloads: int) -> None:
    """Keep a repository's words and make them findable. The caller holds its entry's lock."""
    bucket = words.bucket(downloads)
    row = _row(session, repo_id)
    if row is None:
        row = LibraryText(repo_id=repo_id)
        session.add(row)
    elif (row.bucket, _texts(row)) == (bucket, texts):
        return
    elif _is_sqlite(session):
        session.execute(insert(_FTS).values({FTS: "delete", **_values(row)}))
    row.bucket = bucket
    row.names, row.words, row.facts, row.body = texts.names, texts.words, texts.facts, texts.body
    if _is_sqlite(session):
        session.execute(insert(_FTS).values(_values(row)))
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
    if _is_sqlite(session):
        session.execute(insert(_FTS).values({FTS: "delete", **_values(row)}))
    elif step_word(known) != step_word(bucket):
        without = func.ts_delete(LibraryText.document, step_word(known))
        row.document = without.op("||")(_document([step_word(bucket)]))
    row.bucket = bucket
    session.flush()
    if _is_sqlite(session):
        session.execute(insert(_FTS).values(_values(row)))


def remove(session: Session, repo_id: int) -> None:
    row = _row(session, repo_id)
    if row is None:
        return
    if _is_sqlite(session):
        session.execute(insert(_FTS).values({FTS: "delete", **_values(row)}))
    session.delete(row)
    session.flush()


def texts_of(session: Session, repo_id: int) -> Texts | None:
    row = _row(session, repo_id)
    return None if row is None else _texts(row)


def clear(session: Session) -> None:
    """Forget all texts, and the words that somebody could mean."""
    if _is_sqlite(session):
        session.execute(insert(_FTS).values({FTS: "delete-all"}))
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

    The last word may be a beginning, as somebody is still typing it, unless many have it as it is:
    to gather all that begins with a common word would take too long.
    """
    whole, begun = Wanted(given), Wanted(given, is_beginning=True)
    asks = _asks_sqlite if _is_sqlite(session) else _asks_postgresql
    number, number_begun = once(
        session, ("words", given, most), lambda: asks(session, whole, begun, most)
    )
    if number >= COMMON or len(given[-1]) < _LEAST_BEGINNING:
        return whole, number
    return begun, number_begun


def _asks_sqlite(session: Session, whole: Wanted, begun: Wanted, most: int) -> tuple[int, int]:
    values = {"whole": _match(whole), "begun": _match(begun), "most": most, "common": COMMON}
    row = session.execute(_COUNT, values).one()
    return row[0], row[1] or 0


_COUNT = sql(
    """
    WITH exact AS MATERIALIZED (
        SELECT count(*) AS number
        FROM (SELECT 1 FROM library_fts WHERE library_fts MATCH :whole LIMIT :most)
    )
    SELECT number, CASE WHEN number < :common THEN (
        SELECT count(*)
        FROM (SELECT 1 FROM library_fts WHERE library_fts MATCH :begun LIMIT :most)
    ) END
    FROM exact
    """
)


def _asks_postgresql(session: Session, whole: Wanted, begun: Wanted, most: int) -> tuple[int, int]:
    # What the planner expects from its statistics: to count would read as much as to find.
    del most
    values = {"whole": _tsquery(whole), "begun": _tsquery(begun)}
    plan = session.scalar(_EXPLAIN, values)
    first, second = plan[0]["Plan"]["Plans"]
    return int(first["Plan Rows"]), int(second["Plan Rows"])


_EXPLAIN = sql(
    """
    EXPLAIN (FORMAT JSON)
    SELECT 1 FROM library_texts WHERE document @@ CAST(:whole AS tsquery)
    UNION ALL
    SELECT 1 FROM library_texts WHERE document @@ CAST(:begun AS tsquery)
    """
)


def has(session: Session, repo_id: Any, wanted: Wanted) -> ColumnElement[bool]:
    """Return the condition that one repository, named by a column, has all of the words."""
    other = LibraryText.__table__.alias()
    row = select(literal(1)).where(other.c.repo_id == repo_id)
    if _is_sqlite(session):
        at = (_TOP - other.c.bucket).op("<<")(_SHIFT).op("|")(other.c.repo_id)
        row = row.where(select(literal(1)).where(_FTS.c.rowid == at, _matches(wanted)).exists())
    else:
        row = row.where(_documents(wanted, document=other.c.document))
    # Not EXISTS, of which a planner may make a join that reads all that have the words.
    return row.scalar_subquery().is_not(None)


def having(session: Session, wanted: Wanted) -> Any:
    """Return a SELECT of the ids of all repositories that have the words."""
    if _is_sqlite(session):
        return select(_repo_id()).where(_matches(wanted))
    return select(LibraryText.repo_id).where(_documents(wanted))


def popular(
    session: Session,
    wanted: Wanted,
    more: Sequence[ColumnElement[bool]],
    after: int,
    limit: int,
    *,
    is_common: bool,
    joined: bool,
    few: Any = None,
) -> list[Candidate]:
    """Return those with all of the words, by `row_id`: the most popular first.

    `more` are conditions on the repository, with its entry and its owner's account `joined`. `few`
    selects the ids of all that come into question, where those are fewer than what has the words.
    """
    if few is not None:
        among = (LibraryText.repo_id.in_(few), has(session, LibraryText.repo_id, wanted))
        return _by_bucket(session, [*more, *among], after, limit, joined=joined)
    if _is_sqlite(session):
        return _popular_in_fts(session, wanted, more, after, limit, joined=joined)
    if not is_common:
        return _by_bucket(session, [_documents(wanted), *more], after, limit, joined=joined)
    # A common word is looked for among the popular first: a step is only read when those above it
    # have too few.
    steps = [
        _bucket_statement([_documents(wanted, step), *more], after, limit, joined=joined).subquery()
        for step in _STEPS
    ]
    rows = session.execute(union_all(*(select(step) for step in steps)).limit(limit))
    return sorted((_candidate(row) for row in rows), key=lambda one: one.row_id)


def _popular_in_fts(
    session: Session,
    wanted: Wanted,
    more: Sequence[ColumnElement[bool]],
    after: int,
    limit: int,
    *,
    joined: bool,
) -> list[Candidate]:
    statement = (
        select(_FTS.c.rowid, *_SHOWN)
        .select_from(_FTS)
        .join(LibraryText, LibraryText.repo_id == _repo_id())
        .join(Repository, Repository.id == LibraryText.repo_id)
        .where(_matches(wanted), _FTS.c.rowid > after, *more)
        .order_by(_FTS.c.rowid)
        .limit(limit)
    )
    if joined:
        statement = _with_joins(statement)
    return [Candidate(*row) for row in session.execute(statement)]


def _by_bucket(
    session: Session,
    wanted: Sequence[ColumnElement[bool]],
    after: int,
    limit: int,
    *,
    joined: bool,
) -> list[Candidate]:
    statement = _bucket_statement(wanted, after, limit, joined=joined)
    return [_candidate(row) for row in session.execute(statement)]


def _bucket_statement(
    wanted: Sequence[ColumnElement[bool]], after: int, limit: int, *, joined: bool
) -> Any:
    statement = (
        select(LibraryText.bucket, LibraryText.repo_id, *_SHOWN)
        .join(Repository, Repository.id == LibraryText.repo_id)
        .where(*wanted)
        .order_by(LibraryText.bucket.desc(), LibraryText.repo_id)
        .limit(limit)
    )
    if joined:
        statement = _with_joins(statement)
    if after >= 0:
        bucket, repo_id = _TOP - (after >> _SHIFT), after & _IDS
        later = and_(LibraryText.bucket == bucket, LibraryText.repo_id > repo_id)
        statement = statement.where(or_(LibraryText.bucket < bucket, later))
    return statement


def _candidate(row: Any) -> Candidate:
    return Candidate(row_id(row[0], row[1]), *row[2:])


def _with_joins(statement: Any) -> Any:
    return statement.join(Account, Account.id == Repository.owner_id).join(
        LibraryEntry, LibraryEntry.repo_id == LibraryText.repo_id
    )


def _documents(
    wanted: Wanted,
    steps: Sequence[int] | None = None,
    document: Any = LibraryText.document,
) -> ColumnElement[bool]:
    query = _tsquery(wanted)
    if steps is not None:
        query += " & (" + " | ".join(f"'{_STEP_MARK}{step}'" for step in steps) + ")"
    found: ColumnElement[bool] = document.op("@@")(cast(query, postgresql.TSQUERY))
    return found


def _tsquery(wanted: Wanted) -> str:
    # Words hold letters and digits alone, so nothing in them has to be escaped.
    return " & ".join(f"'{word}'" for word in wanted.words) + (":*" if wanted.is_beginning else "")


def _match(wanted: Wanted) -> str:
    query = " AND ".join(f'"{word}"' for word in wanted.words)
    return f"{query} *" if wanted.is_beginning else query


def _matches(wanted: Wanted) -> ColumnElement[bool]:
    return literal_column(FTS).op("MATCH")(_match(wanted))


def _repo_id() -> ColumnElement[int]:
    return _FTS.c.rowid.op("&")(_IDS)


def _document(lexemes: Sequence[str]) -> Any:
    return func.array_to_tsvector(literal(list(lexemes), ARRAY(Text)))


def step_word(bucket: int) -> str:
    """Return the word that PostgreSQL finds a popularity by; no text has it."""
    return f"{_STEP_MARK}{bucket // _STEP}"


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _row(session: Session, repo_id: int) -> LibraryText | None:
    options = [undefer(LibraryText.body)]
    return session.get(LibraryText, repo_id, populate_existing=True, options=options)


def _texts(row: LibraryText) -> Texts:
    return Texts(row.names, row.words, row.facts, row.body)


def _values(row: LibraryText) -> dict[str, Any]:
    return {"rowid": row_id(row.bucket, row.repo_id), **asdict(_texts(row))}
