import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lorahub_server.app import create_app
from lorahub_server.config import Settings
from support import playing
from support.asgi import InProcess, Site
from support.running import run_jobs

CARD = """---
license: cc-by-4.0
base_model: runwayml/stable-diffusion-v1-5
trigger_words: [glasspaint]
widget:
  - text: glasspaint, a ship in the harbour
---
# {name}
"""
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Site]:
    """One hub for a file: alice's adapters, bob's, and a base that is held for Stable Diffusion."""
    data = tmp_path_factory.mktemp("play")
    shutil.copy(empty_database, data / "hub.db")
    site = Site(create_app(Settings(data=data, secret="x" * 32))).open()
    alice, bob = site.add_account("alice"), site.add_account("bob")
    seed = itertools.count(1)

    def publish(who: InProcess, repo: str, weights: bytes | None = None, **more: bool) -> None:
        card = CARD.format(name=repo.split("/")[1].title()).encode()
        given = weights or playing.adapter(next(seed))
        who.publish(repo, {"README.md": card, "w.safetensors": given}, **more)

    publish(alice, "alice/style")
    publish(alice, "alice/secret", private=True)
    publish(bob, "bob/glow")
    publish(bob, "bob/hidden", private=True)
    publish(bob, "bob/gated")
    bob.patch("repos/bob/gated", json={"gated": "manual"}).expect(200)
    publish(bob, "bob/other", playing.adapter(9, width=1024))
    publish(bob, "bob/broken", playing.adapter(10, value=float("nan")))
    bob.publish("bob/bare", {"README.md": b"# Bare"})
    card = b"---\nbase_model: meta-llama/Llama-3.2-1B\n---\n# Poet"
    bob.publish("bob/poet", {"README.md": card, "adapter_model.safetensors": playing.words()})
    run_jobs(site.hub.db, site.hub.store)
    playing.hold(site)
    playing.hold(site, "llama", task="text")
    yield site
    site.close()


@pytest.fixture
def alice(site: Site) -> InProcess:
    """The owner of alice/style, with nothing asked for."""
    who = site.token_of("alice", "read", "write")
    for one in who.get("plays").json()["items"]:
        who.delete(f"plays/{one['id']}").expect(204)
    return who


@pytest.fixture
def someone(site: Site) -> Callable[[], InProcess]:
    """Accounts that nobody used yet."""
    return lambda: site.add_account(f"guest{next(_numbers)}")


@pytest.fixture
def guest(someone: Callable[[], InProcess]) -> InProcess:
    return someone()
