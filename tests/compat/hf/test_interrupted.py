"""Lines that break in the middle: what came is kept, and the rest follows."""

from collections.abc import Iterator

import pytest

from support import hf
from support.cutting import Line
from support.hf_clients import Client
from support.inside import adapter, sha256

MIB = 1024 * 1024
WEIGHTS = adapter(1, width=1_500_000)
KINDS = ["0.36", "1.19", "1.x-xet", "1.x-lfs", "2.4-xet", "2.4-lfs"]
TRIES = 3


@pytest.fixture
def line(crowd) -> Iterator[Line]:
    with Line(crowd.endpoint) as line:
        yield line


@pytest.fixture
def repo(alice, name) -> str:
    hf.create(alice, name.split("/")[1]).expect(200)
    oid = hf.send(alice, name, WEIGHTS)
    hf.commit(alice, name, hf.large("weights.safetensors", oid)).expect(200)
    return name


@pytest.mark.parametrize("kind", ["0.36", "1.19", "1.x-xet", "2.4-xet"])
def test_a_download_goes_on_where_it_broke(make_client, alice, line, repo, kind):
    client = make_client(kind, line.endpoint, alice.token)
    # Clients write pieces of 10 MiB, and lose what they have of the next.
    line.answers = [11 * MIB]
    until_it_works(client, "fetch", repo, sha256(WEIGHTS))
    assert line.answers == [], "the line did break"
    # This version begins anew in each process.
    if kind != "1.19":
        assert line.carried_down < len(WEIGHTS) + 3 * MIB, "it went on"


@pytest.mark.parametrize("kind", KINDS)
def test_an_upload_is_sent_again(make_client, alice, line, repo, kind):
    client = make_client(kind, line.endpoint, alice.token)
    line.requests = [2 * MIB, 3 * MIB]
    until_it_works(client, "send", repo, 1000 + KINDS.index(kind))
    assert line.requests == [], "the line did break"


def until_it_works(client: Client, *arguments: object) -> None:
    """Start it again as a person would: not all versions try again by themselves."""
    for _ in range(TRIES):
        process = client.start("interrupted", *arguments)
        _, said = process.communicate()
        if process.returncode == 0:
            return
    raise AssertionError(said)
