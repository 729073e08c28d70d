from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.hf_clients import VERSIONS, Client, environments
from support.http import Api
from support.server import Hub

NO_XET = {"HF_HUB_DISABLE_XET": "1"}
# From 1.20 on clients send large files by Xet, unless they are told not to; before, the hub chooses.
KINDS = ["0.36", "1.19", "1.x-xet", "1.x-lfs", "2.4-xet", "2.4-lfs"]
NEWEST = ["2.4-xet"]


@pytest.fixture(scope="session")
def hf_pythons(request: pytest.FixtureRequest, shared_dir: Path) -> dict[str, Path]:
    """The Python of each version of the client."""
    cache = getattr(request.config, "cache", None)
    return environments(shared_dir / "hf-clients" if cache is None else cache.mkdir("hf-clients"))


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub for all tests here: each works with repositories of its own."""
    hub = Hub(tmp_path_factory.mktemp("crowd") / "hub")
    yield hub.start()
    hub.close()


@pytest.fixture(scope="session")
def alice(crowd: Hub) -> Api:
    return crowd.add_account("alice")


@pytest.fixture(scope="session")
def bob(crowd: Hub) -> Api:
    return crowd.add_account("bob")


@pytest.fixture
def make_client(hf_pythons: dict[str, Path], tmp_path: Path) -> Callable[..., Client]:
    """Make clients: make_client("2.4-xet", endpoint, token). Each has a machine of its own."""
    made = []

    def make(kind: str, endpoint: str, token: str | None) -> Client:
        version, _, way = kind.partition("-")
        assert version in VERSIONS
        home = tmp_path / f"machine{len(made)}"
        home.mkdir()
        settings = NO_XET if way == "lfs" else {}
        made.append(Client(hf_pythons[version], home, endpoint, token, settings))
        return made[-1]

    return make


@pytest.fixture(params=KINDS)
def client(
    request: pytest.FixtureRequest, make_client: Callable[..., Client], crowd: Hub, alice: Api
) -> Client:
    """Alice's machine, once with each version of the client."""
    return make_client(request.param, crowd.endpoint, alice.token)


@pytest.fixture
def visitor(client: Client, tmp_path: Path) -> Client:
    """The same version on the machine of somebody without an account."""
    home = tmp_path / "visitor"
    home.mkdir()
    return replace(client, home=home, token=None)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A repository of this test alone."""
    words = request.node.name.replace("[", "-").replace("]", "").replace("_", "-")
    return f"alice/{words.removeprefix('test-')}"[:90].rstrip("-.")
