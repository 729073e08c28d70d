"""Gated repositories and webhooks, as each version of Hugging Face's client has them."""

from collections.abc import Iterator

import pytest
from huggingface_hub import WebhookPayload

from support import programs
from support.hf_clients import Client
from support.http import Api
from support.receiver import Receiver

_LATER = [
    pytest.param(kind, marks=pytest.mark.slow) for kind in ("1.19", "1.x-xet", "1.x-lfs", "2.4-lfs")
]


@pytest.fixture(params=["0.36", "2.4-xet", *_LATER])
def client(request, make_client, crowd, alice) -> Client:
    """Alice's machine."""
    return make_client(request.param, crowd.endpoint, alice.token)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


def test_gated(client: Client, name: str, bob: Api) -> None:
    client.run("gated", name, "bob", bob.token)


def test_webhooks(client: Client, name: str, alice: Api, crowd, receiver: Receiver) -> None:
    """What is watched arrives, sent by the hub's own worker."""
    told = client.run("hooks", name, receiver.url)

    def arrived() -> bool:
        return any(
            move["newSha"] == told["sha"]
            for payload in receiver.payloads
            for move in payload.get("updatedRefs", [])
            if payload["webhook"]["id"] == told["id"]
        )

    programs.wait(arrived, "the push to be told", 30, 0.1)
    for one in receiver.received:
        payload = WebhookPayload.model_validate(one.json)
        assert payload.repo.name == name
        assert payload.repo.url.web == f"{crowd.endpoint}/{name}"
        assert one.headers["x-webhook-secret"] == "shared-secret"
    alice.delete(f"webhooks/{int(str(told['id']), 16)}").expect(204)
