"""Fixtures for all tests. Servers start when first asked for, one of each for a test process."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine

from lorahub_server.kit import db, passwords
from support import tables
from support.adapters import Adapters
from support.adapters import build as build_adapters
from support.postgres import Postgres
from support.redis import RedisServer
from support.s3 import KEYS, S3Server
from support.server import Hub

# No test asks a hub on the internet for a model.
os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="session", autouse=True)
def real_hasher() -> Iterator[PasswordHasher]:
    """Hash quickly: as slow as it must be on a hub, it is most of a short test. Gives that one."""
    real = passwords._HASHER
    passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=72, parallelism=1)
    yield real
    passwords._HASHER = real


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """Let all engines of a database's kind share the statements that one has compiled.

    Each test has an engine of its own, and would spend most of its time on compiling them again.
    """
    made, known = db._engine, {}

    def engine_of(url: str) -> Engine:
        engine = made(url)
        first = known.setdefault(engine.dialect.name, engine)
        first._compiled_cache.capacity = 10_000
        # A dialect learns from its first connection what the server can do.
        if first is not engine and first.dialect.server_version_info is not None:
            engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "_engine", engine_of)
        yield


@pytest.fixture(scope="session")
def shared_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    return redis_server.fresh()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, once on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/hub.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.create()
    yield url
    server.drop(url)


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The name of a database with all tables, to be copied."""
    name = "template_of_tests"
    tables.fill(postgres.create(name=name))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def tables_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with all tables and nothing in them, once on each engine."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/hub.db"
        tables.fill(url)
        yield url
        return
    server: Postgres = request.getfixturevalue("postgres")
    template = request.getfixturevalue("postgres_template")
    url = server.lend(template)
    yield url
    server.give_back(url, template)


@pytest.fixture(scope="session")
def migrated() -> Callable[[str], str]:
    """Bring the database at an address to this version's shape; return the address."""
    from alembic import command

    from lorahub_server.cli.migrate import alembic_config

    def migrate(url: str) -> str:
        command.upgrade(alembic_config(url), "head")
        return url

    return migrate


@pytest.fixture(params=["local", "s3"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty object store, once on disk and once in S3 (with the keys in support.s3.KEYS)."""
    if request.param == "local":
        return f"file://{tmp_path}/objects"
    server: S3Server = request.getfixturevalue("s3")
    return server.store_url()


@pytest.fixture
def start_hub(tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    """Start hubs: start_hub(database_url=..., store_url=..., env={...}, name="second").

    Their processes end with the test.
    """
    hubs: list[Hub] = []

    def start(
        *,
        database_url: str | None = None,
        store_url: str | None = None,
        env: dict[str, str] | None = None,
        name: str = "hub",
        arguments: tuple[str, ...] = (),
    ) -> Hub:
        settings: dict[str, Any] = {
            "LORAHUB_DATABASE_URL": database_url,
            "LORAHUB_STORE_URL": store_url,
            **(KEYS if (store_url or "").startswith("s3:") else {}),
            **(env or {}),
        }
        hub = Hub(tmp_path / name, {k: v for k, v in settings.items() if v is not None})
        hubs.append(hub)
        return hub.start(*arguments)

    yield start
    for hub in hubs:
        hub.close()


@pytest.fixture
def hub(start_hub: Callable[..., Hub]) -> Hub:
    """A running hub as `make serve` starts it: SQLite, local disk, workers of its own."""
    return start_hub()


@pytest.fixture(scope="session")
def adapters(shared_dir: Path) -> Adapters:
    return build_adapters(shared_dir)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Headless Chromium; support.browser.context(chromium) gives a person's browser."""
    from support import browser

    with browser.launch() as launched:
        yield launched
