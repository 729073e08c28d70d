"""A name for the state of the database that changes with every commit, whoever makes it."""

import threading
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from lorahub_server.kit.db import Database


class Generation:
    """Watches one database over a connection of its own, on which nothing is written.

    As long as the name is the same, everything that was read is still so: SQLite's `data_version`
    counts the commits of all other connections, in this process and others; PostgreSQL's snapshot
    tells which transactions' changes are seen.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._connection: Any = None
        self._question = (
            "PRAGMA data_version" if db.is_sqlite else "SELECT pg_current_snapshot()::text"
        )
        driver: Any = db.engine.dialect.dbapi
        self._errors: tuple[type[Exception], ...] = (DBAPIError, PoolTimeoutError, driver.Error)
        # Names of one connection mean nothing to the next.
        self._round = 0

    @property
    def is_instant(self) -> bool:
        """Whether asking takes microseconds, so that no thread is needed for it."""
        return self._db.is_sqlite

    def name(self) -> tuple[int, str] | None:
        """Return the name of the present state; None while the database doesn't answer."""
        with self._lock:
            try:
                cursor = self._connected().cursor()
                (found,) = cursor.execute(self._question).fetchone()
                cursor.close()
            except self._errors:
                self._drop()
                return None
            return self._round, str(found)

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _connected(self) -> Any:
        if self._connection is None:
            # Past the session's machinery: each question by itself, since a transaction would see
            # one state for ever.
            connection: Any = self._db.engine.raw_connection()
            connection.detach()
            if not self._db.is_sqlite:
                connection.dbapi_connection.autocommit = True
            self._connection = connection
            self._round += 1
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
