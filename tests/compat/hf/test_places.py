"""The same clients where the hub keeps its things elsewhere: in PostgreSQL and S3."""

import pytest

from support import hf_repos
from support.http import Api
from support.server import Hub

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def far_alice(far: Hub) -> Api:
    return far.add_account("alice")


@pytest.fixture(scope="module")
def far_bob(far: Hub) -> Api:
    return far.add_account("bob")


@pytest.mark.parametrize("kind", ["0.36", "2.4-xet"])
def test_publishing_and_fetching(make_client, far, far_alice, name, kind):
    """Where the bytes are in S3, a download is sent on to it."""
    make_client(kind, far.endpoint, far_alice.token).run("publish", name)
    repo = f"{name}-f"
    there = hf_repos.to_fetch(far_alice, repo)
    head = far_alice.call("HEAD", f"/{repo}/resolve/main/weights.safetensors").expect(200)
    assert head.headers["ETag"] == f'"{there.weights}"'
    arguments = (repo, there.earlier, there.branch, there.weights)
    make_client(kind, far.endpoint, None).run("fetch", *arguments)


def test_lists(make_client, far, far_alice, far_bob, name):
    client = make_client("2.4-xet", far.endpoint, far_alice.token)
    client.run("lists", *hf_repos.to_list(far_alice, far_bob, name))


def test_commits_at_the_same_time(make_client, far, far_alice, name, together):
    together(make_client, far, far_alice, name)
