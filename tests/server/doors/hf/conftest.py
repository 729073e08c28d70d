from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lorahub_server.config import Settings
from lorahub_server.doors.hf import xet
from support.asgi import InProcess, Site
from support.xet_server import Server, build


@pytest.fixture
def site(start_site: Callable[..., Site]) -> Site:
    site = start_site()
    if not any(path.startswith("/api/xet/") for path in paths_of(site)):
        site.app.include_router(xet.router)
    return site


def paths_of(site: Site) -> list[str]:
    return [getattr(route, "path", "") for route in site.app.routes]


@pytest.fixture
def alice(site: Site) -> InProcess:
    """Has a repository `style`."""
    alice = site.add_account("alice")
    alice.post("repos", json={"name": "style"}).expect(201)
    return alice


@pytest.fixture
def server(tmp_path: Path, empty_database: Path) -> Iterator[Server]:
    """The application on a port, with the repository alice/style."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "hub.db").write_bytes(empty_database.read_bytes())
    server = Server(build(Settings(data=data, secret="x" * 32))).start()
    server.make_repo("alice/style")
    yield server
    server.close()
