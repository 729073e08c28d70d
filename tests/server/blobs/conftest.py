from collections.abc import Iterator
from pathlib import Path

import pytest

from support.inside import Inside


@pytest.fixture
def stored(store_url: str, tmp_path: Path) -> Iterator[Inside]:
    """A hub on each store."""
    hub = Inside(f"sqlite:///{tmp_path}/hub.db", store_url, tmp_path)
    yield hub
    hub.close()
