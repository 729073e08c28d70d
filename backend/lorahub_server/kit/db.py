"""The database: the only place that opens, commits or rolls back a transaction."""

import re
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

_log = structlog.get_logger(__name__)

# How long a statement waits for another process's write before it fails.
BUSY_S = 30
# Threads that may hold a connection at once; the web framework's pool has 40.
POOL = 40
_AFTER_COMMIT = "after_commit"
_BEFORE_COMMIT = "before_commit"
_SEEN = "seen"
_T = TypeVar("_T")
# SQLite reports mistakes of ours in the same class as its locks.
_MISTAKES = re.compile(r"no such|near |ambiguous|table .* has no column")
_FULL = re.compile(r"database or disk is full|No space left on device")
_WRITES = "writes"

# SQLite gives out row ids by itself only for the type INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    # Named constraints can be dropped by a migration on every engine.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with its zone, kept in UTC on both engines; a naive one is a mistake."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone.")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Database:
    """Sessions of one database: `read` for looking, `write` for one all-or-nothing change."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        # Threads of one process take turns here instead of polling SQLite's lock.
        self._turn = threading.Lock() if self.engine.dialect.name == "sqlite" else None

    @property
    def _reading(self) -> dict[str, Any]:
        if self.is_sqlite:
            return {}
        # Else every statement would see what was committed before it: a page could show what
        # somebody hid after it was decided who may look.
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def ping(self) -> None:
        """Raise what keeps the database from answering."""
        with self.read() as session:
            session.execute(text("PRAGMA schema_version" if self.is_sqlite else "SELECT 1"))

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that sees one state of the database and can't change it."""
        with Session(self.engine, autoflush=False, expire_on_commit=False) as session:
            session.connection(execution_options=self._reading)
            session.info[_SEEN] = {}
            # Closing ends the transaction and, unlike a rollback, leaves what was read usable.
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction that commits at the end of the block, or leaves nothing behind.

        What `on_commit` was given runs after the commit.
        """
        if self._turn is None:
            yield from self._write()
            return
        if not self._turn.acquire(timeout=BUSY_S):
            raise TimeoutError("The database was busy for too long.")
        try:
            yield from self._write()
        finally:
            self._turn.release()

    def _write(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as session:
            session.connection(execution_options={_WRITES: True})
            yield session
            for action in session.info.pop(_BEFORE_COMMIT, []):
                action()
            session.commit()
        for action in session.info.pop(_AFTER_COMMIT, []):
            _run(action)


def on_commit(session: Session, action: Callable[[], None]) -> None:
    """Run `action` once the session's transaction has been committed, else never.

    For what may get lost without harm, such as waking a worker.
    """
    session.info.setdefault(_AFTER_COMMIT, []).append(action)


def before_commit(session: Session, action: Callable[[], None]) -> None:
    """Run `action` as the last thing of the session's transaction.

    For rows that many transactions change: nobody waits longer for them than for a commit.
    """
    session.info.setdefault(_BEFORE_COMMIT, []).append(action)


def once(session: Session, key: Hashable, look: Callable[[], _T]) -> _T:
    """Return what `look` returns, asked once for each key by a session that sees one state.

    A session that writes looks every time.
    """
    seen: dict[Hashable, _T] | None = session.info.get(_SEEN)
    if seen is None:
        return look()
    if key not in seen:
        seen[key] = look()
    return seen[key]


def is_full(error: BaseException) -> bool:
    """Tell whether the disk that holds the database has no room left."""
    return isinstance(error, DBAPIError) and _FULL.search(str(error.orig)) is not None


def is_busy(error: BaseException) -> bool:
    """Tell whether trying again later may help: the database is locked, overrun or away."""
    if isinstance(error, OperationalError):
        return not _MISTAKES.match(str(error.orig))
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    return isinstance(error, TimeoutError | PoolTimeoutError)


def _run(action: Callable[[], None]) -> None:
    try:
        action()
    except Exception:  # the commit stands, whatever follows it
        _log.exception("after_commit_failed")


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        engine = create_engine(url, pool_size=POOL, max_overflow=10, pool_pre_ping=True)
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
    engine = create_engine(
        url, pool_size=POOL, max_overflow=10, connect_args={"check_same_thread": False}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "checkin", _end_sqlite)
    return engine


def _prepare_postgresql(connection: Any, record: object) -> None:
    del record
    # To compile a statement, or to start other processes for it, takes longer than ours take.
    connection.execute("SET jit = off")
    connection.execute("SET max_parallel_workers_per_gather = 0")
    connection.commit()


def _prepare_sqlite(connection: Any, record: object) -> None:
    del record
    # The driver must not begin transactions by itself; see _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    # First, since turning WAL on may have to wait.
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # What was acknowledged is on the disk, even when the power fails.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -16384")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A transaction that begins by reading and then writes can fail at that point; a writing one
    # takes its turn at the start.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _end_sqlite(connection: Any, record: object) -> None:
    del record
    # A commit that failed leaves the transaction open, and the library takes it for ended.
    if connection is not None and connection.in_transaction:
        connection.rollback()
