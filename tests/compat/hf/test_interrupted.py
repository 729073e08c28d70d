"""Lines that break in the middle: what came is kept, and the rest follows."""

import signal
from collections.abc import Iterator
from itertools import count

import pytest

from support import hf, programs
from support.cutting import Line
from support.hf_clients import Client
from support.inside import adapter, sha256

MIB = 1024 * 1024
WEIGHTS = adapter(1, width=1_500_000)
TRIES = 3
FOLDER = 6 * 1_600_000
SLOW = pytest.mark.slow
FOLDERS = [*(pytest.param(kind, marks=SLOW) for kind in ("0.36", "1.19", "1.x-xet")), "2.4-xet"]
KINDS = [*FOLDERS, pytest.param("1.x-lfs", marks=SLOW), "2.4-lfs"]
NUMBERS = count(1000)


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


@pytest.mark.parametrize("kind", FOLDERS)
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
    until_it_works(client, "send", repo, next(NUMBERS))
    assert line.requests == [], "the line did break"


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_that_was_killed_goes_on(make_client, alice, line, name, kind):
    """Six files of 1.6 MB: the process dies in the middle of them, and is started again."""
    hf.create(alice, name.split("/")[1]).expect(200)
    client = make_client(kind, line.endpoint, alice.token)
    process = client.start("resume", name)
    programs.wait(
        lambda: line.carried_up > FOLDER // 2 or process.poll() is not None, "half of it", 60
    )
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was not done yet"
    before = line.carried_up
    client.run("resume", name)
    if kind == "0.36":
        # What had arrived whole is not sent again. With Xet a file's pieces count from its end on.
        assert line.carried_up - before < FOLDER - 2 * MIB


def until_it_works(client: Client, *arguments: object) -> None:
    """Start it again as a person would: not all versions try again by themselves."""
    for _ in range(TRIES):
        process = client.start("interrupted", *arguments)
        _, said = process.communicate()
        if process.returncode == 0:
            return
    raise AssertionError(said)
