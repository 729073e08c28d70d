"""Each version of Hugging Face's client against a hub, told nothing but its address and a token.

What is done and checked is in `scripts`, which run in the client's own environment.
"""

from dataclasses import replace

import pytest

from support import hf, hf_repos
from support.hf_clients import Client
from support.http import Api
from support.inside import adapter

SLOW = pytest.mark.slow
# Where large files are sent: with Xet and without.
_SELDOM = [pytest.param(kind, marks=SLOW) for kind in ("1.x-xet", "1.x-lfs", "2.4-lfs")]
WAYS = ["0.36", pytest.param("1.19", marks=SLOW), *_SELDOM, "2.4-xet"]
FEW = [*(pytest.param(kind, marks=SLOW) for kind in ("0.36", "1.19")), *_SELDOM, "2.4-xet"]


@pytest.fixture(scope="module")
def many(alice: Api) -> list[str]:
    """More repositories than a page of a list shows."""
    names = [f"listed-{number}" for number in range(103)]
    for name in names:
        hf.create(alice, name).expect(200)
    return [f"alice/{name}" for name in names]


@pytest.mark.parametrize("client", WAYS, indirect=True)
def test_publishing(client: Client, name: str, crowd) -> None:
    told = client.run("publish", name)
    tree = crowd.anonymous.get(f"repos/{name}/tree/main", query={"recursive": 1}).expect(200).json()
    assert [item["path"] for item in tree["items"]] == told["files"]
    assert crowd.anonymous.get(f"repos/{name}").json()["layout"] == "peft"


@pytest.mark.parametrize("client", FEW, indirect=True)
def test_fetching(client: Client, visitor: Client, name: str, alice: Api) -> None:
    there = hf_repos.to_fetch(alice, name)
    for one in (client, visitor):
        one.run("fetch", name, there.earlier, there.branch, there.weights)


def test_looking(client: Client, name: str, alice: Api, many: list[str]) -> None:
    hf.create(alice, name.split("/")[1]).expect(200)
    hf.commit(alice, name, hf.add("d/e/f.txt", b"x"), summary="Two & more").expect(200)
    oid = hf.send(alice, name, adapter(1))
    hf.commit(
        alice, name, hf.add("README.md", hf_repos.CARD), hf.large("weights.safetensors", oid)
    ).expect(200)
    alice.post(hf.model(name, "like")).expect(200)
    client.run("look", name, *many)


@pytest.mark.parametrize("client", FEW, indirect=True)
def test_changing(client: Client, name: str) -> None:
    client.run("change", name)


@pytest.mark.parametrize("client", FEW, indirect=True)
def test_being_refused(client: Client, name: str, alice: Api, bob: Api) -> None:
    hf.create(alice, name.split("/")[1]).expect(200)
    private = f"{name}-p"
    hf.create(alice, private.split("/")[1], private=True).expect(200)
    oid = hf.send(alice, private, adapter(77))
    hf.commit(alice, private, hf.large("w.safetensors", oid)).expect(200)
    replace(client, token=bob.token).run("refused", name, private)
