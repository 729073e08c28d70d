"""Discussions and pull requests with each version of the client; most versions on request."""

from collections.abc import Callable

import pytest

from support import hf
from support.hf_clients import Client
from support.http import Api
from support.server import Hub

OFTEN = ["0.36", "2.4-xet"]
SELDOM = [
    pytest.param(kind, marks=pytest.mark.slow) for kind in ("1.19", "1.x-xet", "1.x-lfs", "2.4-lfs")
]


@pytest.mark.parametrize("kind", [*OFTEN, *SELDOM])
def test_pull_requests(
    kind: str, make_client: Callable[..., Client], crowd: Hub, alice: Api, bob: Api
) -> None:
    """Bob, who may only read, asks for changes, and Alice merges them."""
    repo = f"alice/pulls-{kind.replace('.', '-')}"
    hf.create(alice, repo.split("/")[1]).expect(200)
    hf.commit(alice, repo, hf.add("a.txt", b"one\n")).expect(200)
    told = make_client(kind, crowd.endpoint, bob.token).run("pulls", repo)
    nums = [told[name] for name in ("draft", "made", "folder", "card")]
    merged = make_client(kind, crowd.endpoint, alice.token).run("merge", repo, *nums)
    assert {"a.txt", "b.txt", "c.txt", "w.safetensors", "c.safetensors"} < set(merged["files"])
    assert crowd.anonymous.get(f"repos/{repo}").json()["license"] == "mit"
