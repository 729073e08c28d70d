from collections.abc import Iterator
from pathlib import Path

import pytest

from support.inside import Inside


@pytest.fixture
def inside(database_url: str, tmp_path: Path) -> Iterator[Inside]:
    """A hub on each database, with its files on disk."""
    hub = Inside(database_url, f"file://{tmp_path}/objects", tmp_path)
    yield hub
    hub.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Inside]:
    """A hub on SQLite, where the engine makes no difference."""
    hub = Inside(f"sqlite:///{tmp_path}/hub.db", f"file://{tmp_path}/objects", tmp_path)
    yield hub
    hub.close()
