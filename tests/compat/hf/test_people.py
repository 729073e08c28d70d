"""Organisations, followers and collections, as each version of Hugging Face's client asks."""

import pytest

from support import hf
from support.hf_clients import Client
from support.http import Api

_LATER = [
    pytest.param(kind, marks=pytest.mark.slow) for kind in ("1.19", "1.x-xet", "1.x-lfs", "2.4-lfs")
]


@pytest.fixture(params=["0.36", "2.4-xet", *_LATER])
def client(request, make_client, crowd, alice) -> Client:
    """Alice's machine."""
    return make_client(request.param, crowd.endpoint, alice.token)


@pytest.fixture
def org(client: Client, request, alice: Api) -> str:
    name = "studio-" + request.node.callspec.params["client"].replace(".", "-")
    name += "-" + request.node.originalname.rpartition("_")[2]
    alice.post("organizations", json={"name": name, "display_name": "The Studio"}).expect(201)
    return name


def test_organisations(client: Client, org: str, alice: Api, bob: Api) -> None:
    alice.put(f"organizations/{org}/members/bob", json={"role": "read"}).expect(200)
    for name in ("alice", org):
        bob.put(f"accounts/{name}/follow").expect(200)
    client.run("orgs", org, "bob", bob.token)
    bob.delete(f"accounts/{org}/follow").expect(200)


def test_collections(client: Client, org: str, alice: Api) -> None:
    names = [f"in-{org}", f"in-{org}-p"]
    for name in names:
        hf.create(alice, name, private=name.endswith("-p")).expect(200)
    client.run("collect", *[f"alice/{name}" for name in names], org)
