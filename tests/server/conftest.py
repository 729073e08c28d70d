from collections.abc import Iterator
from pathlib import Path

import pytest

from lorahub_server.kit.db import Database
from support.inside import Inside


@pytest.fixture
def accounts_db(tables_url: str) -> Iterator[Database]:
    """An empty database, on both engines."""
    database = Database(tables_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def inside(tables_url: str, tmp_path: Path) -> Iterator[Inside]:
    """A hub on each database, with its files on disk."""
    hub = Inside(tables_url, f"file://{tmp_path}/objects", tmp_path, make_tables=False)
    yield hub
    hub.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Inside]:
    """A hub on SQLite and disk, where neither makes a difference."""
    hub = Inside(f"sqlite:///{tmp_path}/hub.db", f"file://{tmp_path}/objects", tmp_path)
    yield hub
    hub.close()
