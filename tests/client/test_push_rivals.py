"""Pushes that meet others, and pushes that end in the middle."""

import hashlib
import os
import signal

import pytest

from lorahub.errors import Conflict
from lorahub.hub import Hub, add
from lorahub.transfer import sending
from lorahub.transfer.committing import Committer, batches
from support import bad_inputs, programs

MB = 1024 * 1024


@pytest.fixture
def one(shared_hub, own_place, request):
    """A caller with a repository that has a first commit; `one.repo`, `one.first`."""
    name = "r" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    hub = Hub(shared_hub.endpoint, shared_hub.add_account(name).token)
    hub.repo = hub.create_repo(f"{name}/style").id
    hub.first = hub.commit(hub.repo, [add("a.txt", b"1"), add("b.txt", b"1")], "First").revision
    yield hub
    hub.close()


def committer(one, **files):
    hashes = {f"{name}.txt": hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return Committer(one, one.repo, "main", hashes)


def content(one, path):
    return one.read_file(one.repo, path)


def test_somebody_pushed_another_file_meanwhile(one):
    one.commit(one.repo, [add("c.txt", b"theirs")], "Rival")
    done = committer(one, a=b"2").commit([add("a.txt", b"2")], "Mine", one.first)
    assert done.changed
    assert content(one, "a.txt") == b"2"
    assert content(one, "c.txt") == b"theirs"


def test_somebody_pushed_the_same_file_meanwhile(one):
    rival = one.commit(one.repo, [add("a.txt", b"theirs")], "Rival").revision
    with pytest.raises(Conflict, match=r"a\.txt") as caught:
        committer(one, a=b"2").commit([add("a.txt", b"2")], "Mine", one.first)
    assert rival[:12] in str(caught.value)
    assert content(one, "a.txt") == b"theirs"


def test_somebody_pushed_the_same_bytes_meanwhile(one):
    one.commit(one.repo, [add("a.txt", b"2")], "Rival")
    done = committer(one, a=b"2").commit([add("a.txt", b"2")], "Mine", one.first)
    assert done.changed is False


@pytest.mark.parametrize(("rival", "fine"), [(None, True), (b"theirs", False)])
def test_deleting_what_somebody_touched(one, rival, fine):
    operation = {"op": "delete", "path": "a.txt"} if rival is None else add("a.txt", rival)
    one.commit(one.repo, [operation], "Rival")
    mine = [{"op": "delete", "path": "a.txt"}, add("b.txt", b"2")]
    if fine:
        # What is gone need not be deleted; the rest still counts.
        committer(one, b=b"2").commit(mine, "Mine", one.first)
        assert content(one, "b.txt") == b"2"
    else:
        with pytest.raises(Conflict):
            committer(one, b=b"2").commit(mine, "Mine", one.first)


def test_a_commit_that_is_too_large_is_cut():
    operations = [add(f"{number}.txt", bytes(MB)) for number in range(10)]
    operations += [{"op": "delete", "path": "old"}]
    parts = batches(operations)
    assert [operation for part in parts for operation in part] == operations
    for part in parts:
        assert sum(len(operation.get("content", "")) for operation in part) < 9 * MB
    assert parts[-1][-1]["op"] == "delete"
    many = [{"op": "delete", "path": str(number)} for number in range(2500)]
    assert [len(part) for part in batches(many)] == [1000, 1000, 500]


def adapter_of(size):
    """A valid adapter with random weights of about that size."""
    rank = 16
    width = size // (2 * rank * 4)
    key = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    half = rank * width * 4
    header = {
        key.format("A"): {"dtype": "F32", "shape": [rank, width], "data_offsets": [0, half]},
        key.format("B"): {"dtype": "F32", "shape": [width, rank], "data_offsets": [half, 2 * half]},
    }
    return bad_inputs.container(header, os.urandom(2 * half))


def test_the_hub_may_be_further_than_we_think(one, tmp_path):
    """As after a connection that broke when the bytes had arrived and the answer had not."""
    content = adapter_of(20 * MB)
    place = tmp_path / "x.safetensors"
    place.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    begun = one.open_upload("x.safetensors", len(content), sha256)
    one.append(begun.id, 0, content[: 3 * MB], 3 * MB)
    told = []
    sending._send_all(one, place, begun, told.append)
    assert one.get_upload(begun.id).offset == len(content)
    assert sum(told) == len(content)
    assert one.complete(begun.id, len(content)).sha256 == sha256


def cut_off(hub, client, repo, number):
    """Begin a push and send it a signal when some of the file is there."""
    process = client.start("push", "big.safetensors", repo)
    staged = hub.data / "objects" / "staging"

    def held():
        return sum(path.stat().st_size for path in staged.rglob("*") if path.is_file())

    programs.wait(lambda: held() > 20 * MB or process.poll() is not None, "the first pieces", 60)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    return process.returncode, said


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGKILL, marks=pytest.mark.slow), signal.SIGINT]
)
def test_a_push_that_was_cut_off_goes_on(start_hub, client, number):
    hub = start_hub()
    client.use(hub.endpoint, hub.add_account("alice").token)
    for size in (120, 360, 720):
        content = adapter_of(size * MB)
        (client.here / "big.safetensors").write_bytes(content)
        repo = f"alice/big{size}"
        code, said = cut_off(hub, client, repo, number)
        if code != 0:  # else it was through before the signal came
            break
    if number == signal.SIGINT:
        assert code == 130
        assert "run the same command again" in said
        assert "Traceback" not in said
    client.ends(3, "pull", repo, "--file", "big.safetensors")
    told = client.json("push", "big.safetensors", repo)
    assert told["bytes_sent"] < len(content) - 15 * MB
    client.ends(0, "pull", repo)
    assert client.files(repo.partition("/")[2])["big.safetensors"] == content
