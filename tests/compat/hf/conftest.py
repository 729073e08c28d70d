import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support import hf
from support.hf_clients import VERSIONS, Client, environments
from support.http import Api
from support.postgres import Postgres
from support.s3 import KEYS, S3Server
from support.server import Hub

NO_XET = {"HF_HUB_DISABLE_XET": "1"}
# From 1.20 on clients send large files by Xet, unless they are told not to; before, the hub chooses.
# What two kinds do alike, one of them does by default, and all of them in the slow tests.
VERSIONS_ALONE = [
    "0.36",
    *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("1.19", "1.x-xet")),
    "2.4-xet",
]
RIVALS = ["0.36", "0.36", "2.4-xet", "2.4-xet"]


@pytest.fixture(scope="session")
def hf_pythons(request: pytest.FixtureRequest, shared_dir: Path) -> dict[str, Path]:
    """The Python of each version of the client."""
    cache = getattr(request.config, "cache", None)
    return environments(shared_dir / "hf-clients" if cache is None else cache.mkdir("hf-clients"))


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub for all tests here: each works with repositories of its own."""
    settings = {"LORAHUB_WEBHOOK_PRIVATE_HOSTS": "127.0.0.1"}
    hub = Hub(tmp_path_factory.mktemp("crowd") / "hub", settings)
    yield hub.start()
    hub.close()


@pytest.fixture(scope="session")
def far(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, s3: S3Server
) -> Iterator[Hub]:
    """A hub on PostgreSQL and S3, for all tests here as well."""
    settings = {"LORAHUB_DATABASE_URL": postgres.create(), "LORAHUB_STORE_URL": s3.store_url()}
    hub = Hub(tmp_path_factory.mktemp("far") / "hub", {**settings, **KEYS})
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


@pytest.fixture(params=VERSIONS_ALONE)
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


@pytest.fixture
def together() -> Callable[..., None]:
    """Let clients commit at once: together(make_client, hub, alice, name)."""
    return _together


def _together(make_client: Callable[..., Client], hub: Hub, alice: Api, name: str) -> None:
    """Let clients commit at once; whoever names the head that all saw wins once."""
    hf.create(alice, name.split("/")[1]).expect(200)
    head = alice.get(hf.model(name)).json()["sha"]
    started = [
        make_client(kind, hub.endpoint, alice.token).start("rivals", name, f"p{number}", head)
        for number, kind in enumerate(RIVALS)
    ]
    told = []
    for process in started:
        said, complained = process.communicate(timeout=120)
        assert process.returncode == 0, complained[-3000:]
        told.append(json.loads(said.strip().splitlines()[-1]))
    assert sum(one["won"] for one in told) <= 1, "one at most was first"
    tree = hub.anonymous.get(f"repos/{name}/tree/main", query={"recursive": 1}).expect(200).json()
    files = {item["path"]: item for item in tree["items"] if item["kind"] == "file"}
    for number in range(len(RIVALS)):
        assert {f"p{number}/{one}.txt" for one in range(5)} <= files.keys()
        assert files[f"p{number}/w.safetensors"]["sha256"] == told[number]["sha256"]
    commits = hub.anonymous.get(f"repos/{name}/commits/main?limit=100").expect(200).json()["items"]
    assert len(commits) == 1 + len(RIVALS) * 6 + sum(one["won"] for one in told)
    assert len({commit["parent"] for commit in commits}) == len(commits), "one line, no forks"
