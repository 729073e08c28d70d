"""A private PostgreSQL for one test process: own folder, own port, thrown away at the end."""

import os
import shutil
import signal
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from support import programs

_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200",
         "autovacuum=off")  # fmt: skip
# What a database is made of, and what it knows of its rows.
_SHAPE = """
    SELECT md5(string_agg(one, ' ' ORDER BY one)) FROM (
        SELECT concat(c.relname, c.relkind, pg_get_indexdef(i.indexrelid), (
            SELECT string_agg(concat(a.attname, a.atttypid, a.attnotnull), ',' ORDER BY a.attnum)
            FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0))
        FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat(conname, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT starelid::text FROM pg_statistic WHERE starelid >= 16384
    ) AS shape (one)
"""
_WRITTEN = """
    SELECT string_agg(oid::regclass::text, ', ') FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""
_COUNTED = "SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL"
_END_OTHERS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_names = count(1)


class Postgres:
    """A running cluster. Anyone on this machine may connect; nothing in it outlives the tests."""

    def __init__(self) -> None:
        initdb = programs.need("initdb", package="postgresql", folders=_FOLDERS)
        # Not below pytest's folder: only root may enter that, and PostgreSQL refuses to be root.
        self._folder = Path(tempfile.mkdtemp(prefix="lorahub-pg-"))
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
            self._as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        self.port = programs.free_port()
        self._shape = ""
        self._clean: list[str] = []
        data = self._folder / "data"
        self._run(initdb, "-D", data, "-U", "hub", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = ["listen_addresses=127.0.0.1", f"port={self.port}", *_FAST]
        options.append(f"unix_socket_directories={self._folder}")
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            [initdb.with_name("postgres"), "-D", data, *_each("-c", options)],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            **self._as_user,
        )
        programs.wait(self._answers, f"PostgreSQL, whose log is {self._log.name}", 60)

    def url(self, database: str) -> str:
        """The address of a database, as SQLAlchemy writes it."""
        return f"postgresql+psycopg://hub@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template0", name: str = "") -> str:
        """Make a database, empty or as a copy of another; return its address."""
        name = name or f"test_{next(_names)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, url: str) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def lend(self, template: str) -> str:
        """Return the address of a copy of the template, a new one or one that was given back."""
        if not self._clean:
            return self.create(template)
        # Under another name, so that nobody who still has the old one writes into it.
        name = f"test_{next(_names)}"
        self._execute(f'ALTER DATABASE "{self._clean.pop()}" RENAME TO "{name}"')
        return self.url(name)

    def give_back(self, url: str, template: str) -> None:
        """Empty a copy, which is quicker than to make another; drop it if it was made over."""
        self._shape = self._shape or self._shape_of(self.url(template))
        try:
            self._empty(url)
            is_clean = self._shape_of(url) == self._shape
        except psycopg.Error:
            is_clean = False
        if is_clean:
            self._clean.append(url.rpartition("/")[2])
        else:
            self.drop(url)

    def _empty(self, url: str) -> None:
        with self._connect(url) as connection:
            connection.execute("SET lock_timeout = '5s'")
            programs.wait(lambda: _one(connection, _END_OTHERS) == 0, "others to leave", 5, 0.01)
            written = _one(connection, _WRITTEN)
            if written:
                connection.execute(f"TRUNCATE {written} RESTART IDENTITY CASCADE")
            for (name,) in connection.execute(_COUNTED).fetchall():
                connection.execute(f'ALTER SEQUENCE "{name}" RESTART')

    def _shape_of(self, url: str) -> str:
        with self._connect(url) as connection:
            return str(_one(connection, _SHAPE))

    def close(self) -> None:
        programs.end(self._process, signal.SIGQUIT)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _execute(self, statement: str) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self, url: str = "") -> "psycopg.Connection[Any]":
        address = (url or self.url("postgres")).replace("+psycopg", "")
        return psycopg.connect(address, autocommit=True, connect_timeout=5)

    def _answers(self) -> bool:
        assert self._process.poll() is None, Path(self._log.name).read_text()
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, *command: object) -> None:
        done = subprocess.run(
            [str(word) for word in command],
            check=False,
            capture_output=True,
            text=True,
            cwd=self._folder,
            **self._as_user,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _one(connection: "psycopg.Connection[Any]", statement: LiteralString) -> Any:
    row = connection.execute(statement).fetchone()
    return None if row is None else row[0]


def _each(flag: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]
