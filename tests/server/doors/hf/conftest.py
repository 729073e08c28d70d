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


@pytest.fixture(params=["public", "private", "organisation"])
def asked(
    request: pytest.FixtureRequest, alice: InProcess, bob: InProcess, repo: str
) -> tuple[str, list[InProcess]]:
    """A repository, and callers with tokens who may read it."""
    if request.param == "public":
        return repo, [alice, bob]
    alice.put(f"/api/models/{repo}/settings", json={"private": True}).expect(200)
    if request.param == "private":
        return repo, [alice]
    alice.post("organizations", json={"name": "studio"}).expect(201)
    alice.put("organizations/studio/members/bob", json={"role": "write"}).expect(200)
    moved = "studio/" + repo.split("/")[1]
    move = {"fromRepo": repo, "toRepo": moved, "type": "model"}
    alice.post("/api/repos/move", json=move).expect(200)
    return moved, [alice, bob]


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
