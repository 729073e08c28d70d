"""The same clients where the hub keeps its things elsewhere: in PostgreSQL and S3."""

from collections.abc import Callable

import pytest

from support import hf
from support.inside import adapter, sha256
from support.postgres import Postgres
from support.s3 import S3Server
from support.server import Hub


@pytest.fixture
def far(start_hub: Callable[..., Hub], postgres: Postgres, s3: S3Server) -> Hub:
    url = postgres.create()
    return start_hub(database_url=url, store_url=s3.store_url())


@pytest.mark.parametrize("kind", ["0.36", "2.4-xet"])
def test_publishing_and_fetching(make_client, far, name, kind):
    """Where the bytes are in S3, a download is sent on to it."""
    alice = far.add_account("alice")
    make_client(kind, far.endpoint, alice.token).run("publish", name)
    repo = "alice/fetched"
    weights = adapter(1, width=100_000)
    hf.create(alice, "fetched").expect(200)
    oid = hf.send(alice, repo, weights)
    hf.commit(
        alice, repo, hf.add("README.md", b"# x"), hf.add("d/e.txt", b"old"),
        hf.large("weights.safetensors", oid),
    ).expect(200)  # fmt: skip
    earlier = alice.get(hf.model(repo)).json()["sha"]
    hf.commit(alice, repo, hf.add("d/e.txt", b"new")).expect(200)
    alice.post(hf.model(repo, "branch", "a%2Fb"), json={}).expect(200)
    hf.commit(alice, repo, hf.add("branch.txt", b"branch"), branch="a%2Fb").expect(200)
    head = alice.call("HEAD", f"/{repo}/resolve/main/weights.safetensors").expect(200)
    assert head.headers["ETag"] == f'"{oid}"'
    make_client(kind, far.endpoint, None).run("fetch", repo, earlier, "a/b", sha256(weights))
