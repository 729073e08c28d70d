"""What requests cost next to one that does nothing, and that size and history do not slow them.

All in one process and one run: a busy machine slows both sides of a ratio.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest

from lorahub_server.app import create_app
from lorahub_server.config import Settings
from lorahub_server.kit.db import Base, Database
from support import hf
from support.asgi import InProcess, Site
from support.inside import adapter

pytestmark = pytest.mark.bench
ROUNDS = 5


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    settings = Settings(data=tmp_path, secret="x" * 32)
    app = create_app(settings)
    database = Database(settings.database_url)
    with database.write() as session:
        Base.metadata.create_all(session.connection())
    database.engine.dispose()

    @app.get("/api/bare")
    def bare() -> dict[str, bool]:
        return {"done": True}

    # Before what takes any name.
    app.router.routes.insert(0, app.router.routes.pop())
    site = Site(app).open()
    yield site
    site.close()


@pytest.fixture
def alice(site: Site) -> InProcess:
    return site.add_account("alice")


def publish(alice: InProcess, name: str, files: int) -> None:
    hf.create(alice, name).expect(200)
    oid = hf.send(alice, f"alice/{name}", adapter())
    lines = [hf.add(f"f{number}.txt", b"%d" % number) for number in range(files)]
    hf.commit(alice, f"alice/{name}", hf.large("w.safetensors", oid), *lines).expect(200)


def seconds(work: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


def in_turns(works: dict[str, Callable[[], object]], times: int = 40) -> dict[str, float]:
    """Return the seconds that each takes, measured by turns."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(ROUNDS):
        for name, work in works.items():
            taken[name].append(seconds(work, times))
    return {name: median(each) for name, each in taken.items()}


def test_requests_next_to_one_that_does_nothing(site, alice):
    nobody = site.as_token(None)
    for number in range(30):
        publish(alice, f"repo-{number}", 5)
    repo, numbers = "alice/repo-1", iter(range(10**6))
    found = in_turns(
        {
            "bare route": lambda: nobody.get("/api/bare").expect(200),
            # What a visitor asks again is kept; somebody with a token gets it anew.
            "list": lambda: alice.get("/api/models?limit=30").expect(200),
            "list, kept": lambda: nobody.get("/api/models?limit=30").expect(200),
            "info": lambda: alice.get(hf.model(repo)).expect(200),
            "info, kept": lambda: nobody.get(hf.model(repo)).expect(200),
            "tree": lambda: nobody.get(hf.model(repo, "tree/main")).expect(200),
            "resolve": lambda: nobody.head(f"/{repo}/resolve/main/w.safetensors").expect(200),
            "commit": lambda: hf.commit(alice, repo, hf.add("n", b"%d" % next(numbers))).expect(
                200
            ),
        },
        20,
    )
    print()
    for name, taken in found.items():
        print(
            f"{name:>12}: {1 / taken:6.0f} a second, {taken / found['bare route']:5.1f} bare routes"
        )
    assert found["resolve"] < 10 * found["bare route"]


def test_neither_files_nor_history_slow_a_file(site, alice):
    publish(alice, "small", 5)
    publish(alice, "wide", 9_900)
    publish(alice, "old", 5)
    for number in range(2000):
        hf.commit(alice, "alice/old", hf.add("n.txt", b"%d" % number)).expect(200)
    nobody = site.as_token(None)

    def fetch(name: str) -> Callable[[], object]:
        return lambda: nobody.head(f"/alice/{name}/resolve/main/w.safetensors").expect(200)

    found = in_turns({name: fetch(name) for name in ("small", "wide", "old")})
    print({name: f"{1 / taken:.0f} a second" for name, taken in found.items()})
    assert found["wide"] < 1.5 * found["small"]
    assert found["old"] < 1.5 * found["small"]


def test_commits_take_as_long_with_many_repositories(site, alice):
    numbers = iter(range(10**6))

    def commit() -> None:
        hf.commit(alice, "alice/one", hf.add("n", b"%d" % next(numbers))).expect(200)

    def commits() -> float:
        return median(seconds(commit, 10) for _ in range(ROUNDS))

    publish(alice, "one", 5)
    commits()
    few = commits()
    for number in range(1000):
        hf.create(alice, f"more-{number}").expect(200)
    many = commits()
    print(f"\n1 repository: {few * 1000:.1f} ms a commit; 1001: {many * 1000:.1f}")
    assert many < 1.6 * few
