"""Each version of Hugging Face's client against a hub, told nothing but its address and a token.

What is done and checked is in `scripts`, which run in the client's own environment.
"""

from dataclasses import replace

import pytest

from support import hf
from support.hf_clients import Client
from support.http import Api
from support.inside import adapter, sha256

CARD = b"---\nlicense: mit\nbase_model: some/base\ntags: [style]\n---\n# T\n"


@pytest.fixture(scope="module")
def many(alice: Api) -> list[str]:
    """More repositories than a page of a list shows."""
    names = [f"listed-{number}" for number in range(103)]
    for name in names:
        hf.create(alice, name).expect(200)
    return [f"alice/{name}" for name in names]


def test_publishing(client: Client, name: str, crowd) -> None:
    told = client.run("publish", name)
    tree = crowd.anonymous.get(f"repos/{name}/tree/main", query={"recursive": 1}).expect(200).json()
    assert [item["path"] for item in tree["items"]] == told["files"]
    assert crowd.anonymous.get(f"repos/{name}").json()["layout"] == "peft"


def test_fetching(client: Client, visitor: Client, name: str, alice: Api) -> None:
    weights = adapter(1, width=100_000)
    hf.create(alice, name.split("/")[1]).expect(200)
    oid = hf.send(alice, name, weights)
    hf.commit(
        alice, name, hf.add("README.md", CARD), hf.add("d/e.txt", b"old"),
        hf.large("weights.safetensors", oid),
    ).expect(200)  # fmt: skip
    earlier = alice.get(hf.model(name)).json()["sha"]
    hf.commit(alice, name, hf.add("d/e.txt", b"new")).expect(200)
    alice.post(hf.model(name, "branch", "a%2Fb"), json={}).expect(200)
    hf.commit(alice, name, hf.add("branch.txt", b"branch"), branch="a%2Fb").expect(200)
    client.run("fetch", name, earlier, "a/b", sha256(weights))
    visitor.run("fetch", name, earlier, "a/b", sha256(weights))


def test_looking(client: Client, name: str, alice: Api, many: list[str]) -> None:
    hf.create(alice, name.split("/")[1]).expect(200)
    hf.commit(alice, name, hf.add("d/e/f.txt", b"x"), summary="Two & more").expect(200)
    oid = hf.send(alice, name, adapter(1))
    hf.commit(alice, name, hf.add("README.md", CARD), hf.large("weights.safetensors", oid)).expect(
        200
    )
    alice.post(hf.model(name, "like")).expect(200)
    client.run("look", name, *many)


def test_changing(client: Client, name: str) -> None:
    client.run("change", name)


def test_being_refused(client: Client, name: str, alice: Api, bob: Api) -> None:
    hf.create(alice, name.split("/")[1]).expect(200)
    private = f"{name}-p"
    hf.create(alice, private.split("/")[1], private=True).expect(200)
    oid = hf.send(alice, private, adapter(77))
    hf.commit(alice, private, hf.large("w.safetensors", oid)).expect(200)
    replace(client, token=bob.token).run("refused", name, private)
