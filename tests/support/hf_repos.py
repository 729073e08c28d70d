"""Repositories that the scripts of the clients expect, made without a client."""

from dataclasses import dataclass

from support import hf
from support.http import Api
from support.inside import adapter, sha256

CARD = b"---\nlicense: mit\nbase_model: some/base\ntags: [style]\n---\n# T\n"
_CARDS = {
    "a": "license: mit\nbase_model: some/base\ntags: [lists-this, lists-all]\n"
    "pipeline_tag: text-to-image",
    "b": "license: apache-2.0\nbase_model: other/base\ntags: [lists-all]\n"
    "datasets: [some/data]\nlanguage: de",
}


@dataclass(frozen=True)
class Fetched:
    """What there is to fetch: an earlier revision, a branch, the SHA-256 of the weights."""

    earlier: str
    branch: str
    weights: str


def to_fetch(alice: Api, name: str) -> Fetched:
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
    return Fetched(earlier, "a/b", sha256(weights))


def to_list(alice: Api, bob: Api, name: str) -> list[str]:
    """Make three repositories that differ in their cards and likes, and a private one."""
    repos = [f"{name}-{letter}" for letter in "abc"]
    for repo in repos:
        hf.create(alice, repo.split("/")[1]).expect(200)
    for letter, front in _CARDS.items():
        card = f"---\n{front}\n---\n# T\n".encode()
        repo = f"{name}-{letter}"
        weights = hf.large("w.safetensors", hf.send(alice, repo, adapter(1)))
        hf.commit(alice, repo, hf.add("README.md", card), weights).expect(200)
    hidden = f"{name}-p"
    hf.create(alice, hidden.split("/")[1], private=True).expect(200)
    hf.commit(alice, repos[2], hf.add("x.txt", b"x")).expect(200)
    hf.commit(alice, repos[0], hf.add("d/e.txt", b"x")).expect(200)
    for caller, repo in ((alice, repos[0]), (bob, repos[0]), (bob, repos[1])):
        caller.post(hf.model(repo, "like")).expect(200)
    return [*repos, hidden]
