"""Publishing while things go wrong: restarts, rivals, strangers' files."""

import hashlib
import os
import signal
import threading
from itertools import chain

import pytest

from support import bad_inputs, programs
from support.client import Client
from support.server import Hub

PIECE = 1024 * 1024


def large_adapter(megabytes: int, seed: int = 1) -> bytes:
    """A kohya file with random weights of about that size."""
    import numpy as np
    from safetensors.numpy import save

    random = np.random.default_rng(seed)
    rank, modules = 16, 16
    width = megabytes * PIECE // (2 * 2 * rank * modules)
    tensors = {}
    for number in range(modules):
        name = f"lora_unet_down_blocks_{number % 3}_attentions_{number // 3}_proj_in"
        for role, shape in (("down", (rank, width)), ("up", (width, rank))):
            values = random.standard_normal(shape, np.float32) * 0.01
            tensors[f"{name}.lora_{role}.weight"] = values.astype(np.float16)
        tensors[f"{name}.alpha"] = np.array(rank, np.float16)
    return save(tensors, {"ss_network_dim": str(rank)})


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def publish_upload(api, repo: str, path: str, upload_id: str) -> dict:
    done = api.post(f"uploads/{upload_id}/complete").expect(200).json()
    operation = {"op": "add", "path": path, "sha256": done["sha256"]}
    body = {"message": "Add it", "operations": [operation]}
    return api.post(f"repos/{repo}/commits/main", json=body).expect(201).json()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_in_the_middle_of_an_upload(hub: Hub, how):
    alice = hub.add_account("alice")
    alice.post("repos", json={"name": "big"}).expect(201)
    content = large_adapter(6)
    half = len(content) // 2
    start = {"name": "big.safetensors", "size": len(content), "sha256": sha256(content)}
    upload = alice.post("uploads", json=start).expect(201).json()
    address = f"uploads/{upload['id']}"
    alice.patch(address, body=content[:half], headers={"Upload-Offset": "0"}).expect(200)
    hub.stop() if how == "stop" else hub.kill()
    hub.start()
    assert alice.get(address).expect(200).json()["offset"] == half
    again = alice.post("uploads", json=start).expect(200).json()
    assert (again["id"], again["offset"]) == (upload["id"], half)
    alice.patch(address, body=content[half:], headers={"Upload-Offset": str(half)}).expect(200)
    made = publish_upload(alice, "alice/big", "big.safetensors", upload["id"])
    got = hub.anonymous.get(f"/alice/big/resolve/{made['revision']}/big.safetensors").expect(200)
    assert sha256(got.body) == sha256(content)


@pytest.mark.slow
def test_the_server_dies_while_bytes_arrive_and_push_goes_on(start_hub, tmp_path):
    hub = start_hub()
    client = Client(hub.endpoint, hub.add_account("alice").token, tmp_path / "home")
    path = tmp_path / "big.safetensors"
    path.write_bytes(large_adapter(80))
    pushing = client.start("push", path, "alice/big")
    staged = hub.data / "objects" / "staging"
    programs.wait(lambda: any(staged.rglob("*")), "the first bytes to be staged", 60)
    hub.kill()
    hub.start()
    said, wrong = pushing.communicate(timeout=120)
    if pushing.returncode:  # it may have given up; then the same command goes on
        said = client.ok("push", path, "alice/big")
    assert f"{hub.endpoint}/alice/big" in said, wrong
    got = hub.anonymous.get("/alice/big/resolve/main/big.safetensors").expect(200)
    assert sha256(got.body) == sha256(path.read_bytes())


@pytest.mark.slow
def test_the_worker_dies_in_the_middle_of_a_job(hub: Hub):
    alice = hub.add_account("alice")
    alice.publish("alice/big", {"big.safetensors": large_adapter(120)})

    def item() -> dict:
        return alice.get("repos/alice/big/inspections/main").expect(200).json()["items"][0]

    programs.wait(lambda: item()["state"] in {"running", "done"}, "the job to start", 30, 0.005)
    for pid in workers(hub):
        os.kill(pid, signal.SIGKILL)
    hub.kill()
    hub.start()
    programs.wait(lambda: item()["state"] == "done", "the job to be done", 60)
    assert item()["health"]["nan_count"] == 0
    jobs = alice.get("repos/alice/big/jobs").json()["items"]
    assert [job["state"] for job in jobs if job["kind"] == "inspect"] == ["done"]


def workers(hub: Hub) -> list[int]:
    """The hub's job workers, by their command lines."""
    import subprocess

    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(hub.pid)],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = (line.split(None, 1) for line in listed.stdout.splitlines())
    return [int(pid) for pid, command in rows if "lorahub_worker" in command]


@pytest.mark.slow
def test_two_clients_push_different_files_at_once(hub: Hub, tmp_path):
    token = hub.add_account("alice").token
    hub.as_token(token).post("repos", json={"name": "shared"}).expect(201)
    clients, paths = [], []
    for number in range(2):
        path = tmp_path / f"part{number}.safetensors"
        path.write_bytes(large_adapter(3, seed=number))
        paths.append(path)
        clients.append(Client(hub.endpoint, token, tmp_path / f"home{number}"))
    running = [
        c.start("push", path, "alice/shared") for c, path in zip(clients, paths, strict=True)
    ]
    ended = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], ended
    tree = hub.anonymous.get("repos/alice/shared/tree/main").json()["items"]
    names = {entry["path"] for entry in tree}
    assert {path.name for path in paths} <= names
    history = hub.anonymous.get("repos/alice/shared/commits/main").json()["items"]
    assert len(history) == 2


def test_two_clients_push_the_same_file_at_once(hub: Hub, tmp_path):
    token = hub.add_account("alice").token
    path = tmp_path / "one.safetensors"
    path.write_bytes(large_adapter(20))
    clients = [Client(hub.endpoint, token, tmp_path / f"home{n}") for n in range(2)]
    running = [client.start("push", path, "alice/one") for client in clients]
    ended = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], ended
    got = hub.anonymous.get("/alice/one/resolve/main/one.safetensors").expect(200)
    assert sha256(got.body) == sha256(path.read_bytes())


def test_of_two_commits_on_one_parent_one_wins(hub: Hub):
    alice = hub.add_account("alice")
    head = alice.publish("alice/x", {"README.md": b"# x\n"})["revision"]
    answers = []

    def commit(number: int) -> None:
        done = alice.commit("alice/x", f"Change {number}", {"a.txt": b"%d" % number}, parent=head)
        answers.append((done.status, done.json()))

    threads = [threading.Thread(target=commit, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [201] + [409] * 5
    (won,) = [answer["revision"] for status, answer in answers if status == 201]
    for status, answer in answers:
        if status == 409:
            assert (answer["error"]["code"], answer["error"]["head"]) == ("conflict", won)


@pytest.mark.parametrize("bad", bad_inputs.ALL, ids=str)
def test_bad_inputs_are_refused_and_leave_nothing(one_hub: Hub, bad):
    alice = one_hub.alice
    content = bad.make()
    alice.post("repos", json={"name": "bad"}).expect(201, 409)
    refused = alice.put(f"repos/alice/bad/raw/main/{bad.filename}", body=content)
    assert (refused.status, refused.code) == (422, bad.code), refused.body
    assert refused.json()["error"]["message"]

    upload = alice.post("uploads", json={"name": bad.filename, "size": len(content)}).expect(
        201, 422
    )
    if upload.status == 201:
        address = f"uploads/{upload.json()['id']}"
        if content:
            alice.patch(address, body=content, headers={"Upload-Offset": "0"}).expect(200)
        assert alice.post(f"{address}/complete").expect(422).code == bad.code
    small = alice.commit("alice/bad", "Sneak it in", {bad.filename: content[:100_000]})
    assert small.status == 422, small.body

    assert alice.get("repos/alice/bad").json()["revision"] is None
    objects = one_hub.data / "objects"
    left = [
        p for p in chain(objects.glob("blobs/**/*"), objects.glob("staging/**/*")) if p.is_file()
    ]
    assert left == []


@pytest.fixture(scope="module")
def one_hub(tmp_path_factory):
    """One hub for all bad inputs: none of them may leave a trace in it."""
    hub = Hub(tmp_path_factory.mktemp("bad") / "hub").start()
    hub.alice = hub.add_account("alice")
    yield hub
    hub.close()
