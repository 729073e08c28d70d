"""Real git and git-lfs against real servers: one on SQLite and disk, one on PostgreSQL and S3."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from support.clones import Clone, Machine
from support.http import Api
from support.postgres import Postgres
from support.s3 import KEYS, S3Server
from support.server import Hub

SMALL, LARGE = "sqlite and disk", "postgresql and s3"


@dataclass
class Crowd:
    """A hub for all tests of one kind: each works with repositories of its own."""

    hub: Hub
    folder: Path
    alice: Api
    bob: Api
    numbers: "count[int]" = field(default_factory=count)

    def machine(self, who: Api | None = None) -> Machine:
        """A computer of alice, unless it is another's; nobody's knows no token."""
        name = "nobody" if who is None else "alice" if who is self.alice else "bob"
        token = None if who is None else who.token
        return Machine(self.folder / f"machine{next(self.numbers)}", self.hub.endpoint, name, token)

    def repo(self, files: dict[str, bytes] | None = None, *, private: bool = False) -> str:
        """Make a repository of alice's; return its full name."""
        name = f"alice/style-{next(self.numbers)}"
        self.alice.publish(name, files, private=private) if files else self.alice.post(
            "repos", json={"name": name.split("/")[1], "private": private}
        ).expect(201)
        return name


@pytest.fixture(scope="session")
def crowds(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator:
    started: dict[str, Crowd] = {}

    def start(kind: str) -> Crowd:
        if kind not in started:
            folder = tmp_path_factory.mktemp("crowd")
            hub = Hub(folder / "hub", settings(kind, request)).start()
            started[kind] = Crowd(hub, folder, hub.add_account("alice"), hub.add_account("bob"))
        return started[kind]

    yield start
    for crowd in started.values():
        crowd.hub.close()


def settings(kind: str, request: pytest.FixtureRequest) -> dict[str, str]:
    if kind == SMALL:
        return {}
    postgres: Postgres = request.getfixturevalue("postgres")
    s3: S3Server = request.getfixturevalue("s3")
    return {
        "LORAHUB_DATABASE_URL": postgres.create(),
        "LORAHUB_STORE_URL": s3.store_url(),
        **KEYS,
    }


@pytest.fixture
def crowd(crowds: Callable[[str], Crowd]) -> Crowd:
    return crowds(SMALL)


@pytest.fixture(params=[SMALL, LARGE])
def each_crowd(crowds: Callable[[str], Crowd], request: pytest.FixtureRequest) -> Crowd:
    return crowds(request.param)


@pytest.fixture
def mine(crowd: Crowd) -> Machine:
    """A computer of alice's."""
    return crowd.machine(crowd.alice)


@pytest.fixture
def repo(crowd: Crowd) -> str:
    """A repository of alice's with a card."""
    return crowd.repo({"README.md": b"# Style\n"})


@pytest.fixture
def clone(mine: Machine, repo: str) -> Clone:
    return mine.clone(repo, "style")
