"""Empty databases with all tables. To make them takes longer than most tests: they are copies."""

import atexit
import importlib
import pkgutil
import shutil
import tempfile
from functools import cache
from pathlib import Path

import lorahub_server
from lorahub_server.kit import ratelimit
from lorahub_server.kit.db import Base, Database

_SQLITE = "sqlite:///"


def load_tables() -> None:
    """Import every subject's tables, so that their classes are known to Base."""
    assert ratelimit.RateWindow.__table__ is not None
    for folder in pkgutil.iter_modules(lorahub_server.__path__):
        if folder.ispkg and Path(lorahub_server.__path__[0], folder.name, "tables.py").is_file():
            importlib.import_module(f"lorahub_server.{folder.name}.tables")


def fill(url: str) -> None:
    """Make all tables in an empty database."""
    if url.startswith(_SQLITE):
        shutil.copy(empty_file(), url.removeprefix(_SQLITE))
    else:
        _make(url)


@cache
def empty_file() -> Path:
    """An SQLite file with all tables and nothing in them, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="lorahub-tables-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "hub.db"
    _make(f"{_SQLITE}{path}")
    return path


def _make(url: str) -> None:
    load_tables()
    database = Database(url)
    with database.write() as session:
        Base.metadata.create_all(session.connection())
    if database.is_sqlite:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.engine.dispose()
