"""The application in this process, on real databases: quick enough to ask it everything."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lorahub_server.app import create_app
from lorahub_server.config import Settings
from lorahub_server.kit import logs
from support import bad_inputs, tables
from support.asgi import InProcess, Site


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """As a server logs: without it each traceback takes seconds to be drawn."""
    logs.configure()


@pytest.fixture(scope="session")
def empty_database() -> Path:
    """An SQLite file with all tables and nothing in them, to be copied."""
    return tables.empty_file()


@pytest.fixture
def start_site(tmp_path: Path, empty_database: Path) -> Iterator[Callable[..., Site]]:
    """Start applications: start_site(name="second", max_file_bytes=1000, ...)."""
    sites: list[Site] = []

    def start(name: str = "hub", **options: object) -> Site:
        data = tmp_path / name
        data.mkdir(exist_ok=True)
        if "database_url" not in options:
            shutil.copy(empty_database, data / "hub.db")
        settings = Settings(data=data, secret="x" * 32, **options)
        site = Site(create_app(settings))
        sites.append(site)
        return site.open()

    yield start
    for site in sites:
        site.close()


@pytest.fixture
def site(start_site: Callable[..., Site]) -> Site:
    return start_site()


@pytest.fixture(scope="module")
def one_site(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Site]:
    """One application for all tests of a file: to build it takes longer than most tests."""
    data = tmp_path_factory.mktemp("one")
    shutil.copy(empty_database, data / "hub.db")
    site = Site(create_app(Settings(data=data, secret="x" * 32))).open()
    yield site
    site.close()


@pytest.fixture
def emptied_site(one_site: Site, empty_database: Path) -> Site:
    """The application of the file, with nothing left of the test before."""
    data = one_site.hub.settings.data
    one_site.hub.db.engine.dispose()
    one_site.hub.generation.close()
    for path in data.glob("hub.db*"):
        path.unlink()
    shutil.copy(empty_database, data / "hub.db")
    return one_site


@pytest.fixture
def each_site(start_site: Callable[..., Site], tables_url: str) -> Site:
    """The application, once on SQLite and once on PostgreSQL."""
    return start_site(database_url=tables_url)


@pytest.fixture
def alice(site: Site) -> InProcess:
    return site.add_account("alice")


@pytest.fixture
def bob(site: Site) -> InProcess:
    return site.add_account("bob")


@pytest.fixture
def anonymous(site: Site) -> InProcess:
    return site.as_token(None)


@pytest.fixture
def weights() -> bytes:
    """A small file that is accepted as an adapter."""
    return bad_inputs.good()
