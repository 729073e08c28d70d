"""A private PostgreSQL for one test process: own folder, own port, thrown away at the end."""

import os
import shutil
import signal
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from support import programs

_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")
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

    def close(self) -> None:
        programs.end(self._process, signal.SIGQUIT)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _execute(self, statement: str) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self) -> "psycopg.Connection[Any]":
        address = self.url("postgres").replace("+psycopg", "")
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


def _each(flag: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]
