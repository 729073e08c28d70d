"""Large files through a real server process: curl, broken connections, restarts, full disks."""

import hashlib
import http.client
import json
import os
import re
import resource
import socket
import statistics
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import pytest

from support import bad_inputs, programs
from support.http import API, Api
from support.server import Hub

MIB = 1024 * 1024


def adapter(size: int) -> bytes:
    """An adapter file of about this size, of random bytes."""
    columns = size // 32
    key = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    half = columns * 16
    header = {
        key.format("A"): bad_inputs.tensor(0, half, (4, columns)),
        key.format("B"): bad_inputs.tensor(half, 2 * half, (columns, 4)),
    }
    return bad_inputs.container(header, os.urandom(2 * half))


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One hub for the tests that leave it as it is; no job workers, they are not needed."""
    hub = Hub(tmp_path_factory.mktemp("transfers") / "hub", {"LORAHUB_WORKERS": "0"}).start()
    yield hub
    hub.close()


@pytest.fixture(scope="module")
def alice(running) -> Api:
    return running.add_account("alice")


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """A hub that tests may end, and a caller of it."""
    hub = Hub(tmp_path_factory.mktemp("mortal") / "hub", {"LORAHUB_WORKERS": "0"}).start()
    yield hub, hub.add_account("alice")
    hub.close()


@pytest.fixture(scope="module")
def big() -> bytes:
    return adapter(20 * MIB)


@pytest.fixture(scope="module")
def published(alice, big) -> str:
    """The address of a published adapter of 20 MiB."""
    alice.put("repos/alice/big/raw/main/big.safetensors?create=1", body=big).expect(201)
    return f"{alice.endpoint}/alice/big/resolve/main/big.safetensors"


def curl(*arguments: str, given: bytes | None = None) -> tuple[int, bytes, dict]:
    """Run curl; return the status, the body, and what else it measured."""
    program = programs.need("curl", package="curl")
    done = subprocess.run(
        [program, "-sS", "-w", "%{stderr}%{json}", *arguments],
        input=given,
        capture_output=True,
        timeout=120,
        check=False,
    )
    facts = json.loads(done.stderr[done.stderr.index(b"{") :])
    return facts["http_code"], done.stdout, facts


def bearer(caller: Api) -> tuple[str, str]:
    return "-H", f"Authorization: Bearer {caller.token}"


class Line:
    """A connection on which a test says exactly what it wants, and stops where it wants."""

    def __init__(self, caller: Api, head: str, body: bytes = b"") -> None:
        host, port = caller.endpoint.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        lines = f"{head}\r\nHost: {host}:{port}\r\nAuthorization: Bearer {caller.token}\r\n\r\n"
        self.socket.sendall(lines.encode() + body)

    def hear(self) -> bytes:
        """Return the next answer: its head, and the beginning of its body."""
        said = b""
        while b"\r\n\r\n" not in said:
            said += self._more()
        head, _, body = said.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        wanted = min(int(length[1]), 65536) if length else 0
        while len(body) < wanted:
            body += self._more()
        return head + b"\r\n\r\n" + body

    def _more(self) -> bytes:
        more = self.socket.recv(65536)
        assert more, "the connection ended"
        return more

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def web_pid(hub: Hub) -> int:
    children = Path(f"/proc/{hub.pid}/task/{hub.pid}/children").read_text().split()
    web = [pid for pid in children if b"cli.web" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return int(web[0])


class TestCurl:
    def test_publish_and_fetch(self, alice, tmp_path):
        content = adapter(3 * MIB)
        file = tmp_path / "my-style.safetensors"
        file.write_bytes(content)
        address = f"{alice.endpoint}{API}/repos/alice/my-style/raw/main/"
        status, said, _ = curl(
            "-T", str(file), *bearer(alice), f"{address}my-style.safetensors?create=1"
        )
        assert status == 201, said
        # An address that ends in a slash gets the file's name from curl.
        status, said, _ = curl("-T", str(file), *bearer(alice), address)
        assert (status, json.loads(said)["changed"]) == (200, False)
        got = tmp_path / "got"
        status, _, _ = curl(
            "-L",
            "-o",
            str(got),
            f"{alice.endpoint}/alice/my-style/resolve/main/my-style.safetensors",
        )
        assert (status, got.read_bytes() == content) == (200, True)

    def test_from_a_pipe_without_a_length(self, alice):
        content = adapter(3 * MIB)
        address = f"{alice.endpoint}{API}/repos/alice/piped/raw/main/a.safetensors?create=1"
        status, said, _ = curl("-T", "-", *bearer(alice), address, given=content)
        assert status == 201, said
        assert sha(alice.get("/alice/piped/resolve/main/a.safetensors").body) == sha(content)

    def test_what_would_be_refused_is_not_sent(self, alice, tmp_path):
        file = tmp_path / "a.safetensors"
        file.write_bytes(bytes(30 * MIB))
        for path, status in (
            ("repos/alice/none/raw/main/a.safetensors", 404),
            ("repos/bob/x/raw/main/a.safetensors?create=1", 403),
            ("repos/alice/x/raw/main/con.txt?create=1", 422),
        ):
            address = f"{alice.endpoint}{API}/{path}"
            expect = ("-H", "Expect: 100-continue")
            told, said, facts = curl("-T", str(file), *expect, *bearer(alice), address)
            assert (told, facts["size_upload"]) == (status, 0), said
            assert json.loads(said)["error"]["message"]

    def test_parts_and_etags(self, published, big, tmp_path):
        status, part, _ = curl("-r", "1000-1999", published)
        assert (status, part) == (206, big[1000:2000])
        got, etag = tmp_path / "got", tmp_path / "etag"
        got.write_bytes(big[: 7 * MIB])
        status, _, _ = curl("-C", "-", "-o", str(got), published)
        assert (status, got.read_bytes() == big) == (206, True)
        curl("--etag-save", str(etag), "-o", os.devnull, published)
        assert etag.read_text().strip() == f'"{sha(big)}"'
        status, body, _ = curl("--etag-compare", str(etag), published)
        assert (status, body) == (304, b"")
        status, head, _ = curl("-I", published)
        assert status == 200
        assert f"content-length: {len(big)}".encode() in head.lower()


class TestContinue:
    HEAD = (
        "PUT {path} HTTP/1.1\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n"
        "Content-Type: application/octet-stream"
    )

    def test_it_is_said_once_all_is_well(self, alice):
        content = b"hello"
        path = f"{API}/repos/alice/continue/raw/main/a.txt?create=1"
        with Line(alice, self.HEAD.format(path=path, size=5)) as line:
            assert line.hear().startswith(b"HTTP/1.1 100 ")
            line.socket.sendall(content)
            assert line.hear().startswith(b"HTTP/1.1 201 ")

    def test_it_is_not_said_before_a_refusal(self, alice):
        for path, status in (
            (f"{API}/repos/alice/none/raw/main/a.txt", 404),
            (f"{API}/repos/bob/x/raw/main/a.txt?create=1", 403),
            (f"{API}/whoami", 413),
        ):
            with Line(alice, self.HEAD.format(path=path, size=50 * MIB)) as line:
                assert line.hear().startswith(f"HTTP/1.1 {status} ".encode())

    def test_a_piece_at_the_wrong_place(self, alice):
        upload = alice.post("uploads", json={"name": "a.safetensors", "size": 100}).json()["id"]
        head = self.HEAD.format(path=f"{API}/uploads/{upload}", size=50).replace("PUT", "PATCH")
        with Line(alice, head + "\r\nUpload-Offset: 7") as line:
            said = line.hear()
        assert said.startswith(b"HTTP/1.1 409 ")
        assert b'"offset":0' in said


def test_a_refusal_reaches_those_who_send_without_asking(alice):
    """The answer comes through, and the connection is still good for the next request."""
    connection = http.client.HTTPConnection(alice.endpoint.removeprefix("http://"), timeout=30)
    headers = {"Authorization": f"Bearer {alice.token}"}
    path = f"{API}/repos/alice/none/raw/main/a.txt"
    for _ in range(2):
        connection.request("PUT", path, body=bytes(20 * MIB), headers=headers)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]["code"]) == (
            404,
            "repo_not_found",
        )
        connection.request("GET", f"{API}/health")
        assert json.loads(connection.getresponse().read())["status"] == "ok"
    connection.close()


class TestBroken:
    def begin(self, caller: Api, content: bytes) -> str:
        wish = {"name": "a.safetensors", "size": len(content), "sha256": sha(content)}
        return str(caller.post("uploads", json=wish).expect(200, 201).json()["id"])

    def part(self, caller: Api, upload: str, offset: int, content: bytes, size: int) -> Line:
        """Announce what is left from `offset`, send `size` bytes of it, and stay on the line."""
        head = (
            f"PATCH {API}/uploads/{upload} HTTP/1.1\r\nUpload-Offset: {offset}\r\n"
            f"Content-Length: {len(content) - offset}"
        )
        return Line(caller, head, content[offset : offset + size])

    def finish(self, caller: Api, upload: str, content: bytes) -> None:
        offset = caller.get(f"uploads/{upload}").json()["offset"]
        rest = caller.patch(
            f"uploads/{upload}", body=content[offset:], headers={"Upload-Offset": str(offset)}
        )
        assert rest.expect(200).json()["offset"] == len(content)
        done = caller.post(f"uploads/{upload}/complete").expect(200).json()
        assert (done["sha256"], done["size"]) == (sha(content), len(content))

    def offset(self, caller: Api, upload: str) -> int:
        return int(caller.get(f"uploads/{upload}").json()["offset"])

    def test_the_client_leaves_in_the_middle_and_comes_back(self, alice):
        content, half = adapter(6 * MIB), 3 * MIB + 123
        upload = self.begin(alice, content)
        self.part(alice, upload, 0, content, half).socket.close()
        programs.wait(lambda: self.offset(alice, upload) > 0, "the bytes to be kept", 10)
        assert self.offset(alice, upload) == half
        self.finish(alice, upload, content)

    def test_the_server_is_killed_in_the_middle(self, mortal):
        hub, alice = mortal
        content, first = adapter(6 * MIB), 2 * MIB
        upload = self.begin(alice, content)
        self.part(alice, upload, 0, content[:first], first).hear()
        with self.part(alice, upload, first, content, MIB):
            time.sleep(0.5)
            hub.kill()
        hub.start()
        assert self.offset(alice, upload) >= first
        self.finish(alice, upload, content)

    @pytest.mark.slow
    def test_the_server_is_stopped_in_the_middle(self, mortal):
        """Ctrl-C cuts the transfer, and what had come is kept."""
        hub, alice = mortal
        content, half = adapter(6 * MIB), 3 * MIB
        upload = self.begin(alice, content)
        with self.part(alice, upload, 0, content, half):
            time.sleep(0.5)
            began = time.monotonic()
            assert hub.stop() == 0
            assert time.monotonic() - began < 8
        assert "Traceback" not in hub.said()
        hub.start()
        assert self.offset(alice, upload) == half
        self.finish(alice, upload, content)

    def test_a_raw_put_that_breaks_leaves_nothing(self, running, alice):
        head = f"PUT {API}/repos/alice/broken/raw/main/a.safetensors?create=1 HTTP/1.1\r\nContent-Length: {9 * MIB}"
        before = staged(running)
        Line(alice, head, bytes(3 * MIB)).socket.close()
        time.sleep(0.3)
        programs.wait(lambda: staged(running) == before, "the bytes to be dropped", 10)
        assert alice.get("repos/alice/broken").status == 404

    def test_a_client_that_leaves_a_download_is_not_served_on(self, running, alice, published):
        path = published.removeprefix(alice.endpoint)
        with Line(alice, f"GET {path} HTTP/1.1") as line:
            line.hear()
            programs.wait(lambda: blobs_open(running) == 1, "the download to begin", 5)
        programs.wait(lambda: blobs_open(running) == 0, "the file to be closed", 5)


def staged(hub: Hub) -> list[Path]:
    return sorted((hub.data / "objects" / "staging").rglob("*/*"))


def blobs_open(hub: Hub) -> int:
    count = 0
    for link in Path(f"/proc/{web_pid(hub)}/fd").iterdir():
        try:
            count += "/objects/blobs/" in str(link.readlink())
        except FileNotFoundError:
            continue
    return count


class TestAtOnce:
    def test_two_files_to_one_branch(self, alice):
        alice.post("repos", json={"name": "race"}).expect(201)
        contents = {f"{n}.safetensors": adapter(2 * MIB) for n in range(4)}

        def put(name: str) -> int:
            return alice.put(f"repos/alice/race/raw/main/{name}", body=contents[name]).status

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(put, contents)) == [201] * 4
        history = alice.get("repos/alice/race/commits/main").json()["items"]
        assert len(history) == 4
        for name, content in contents.items():
            assert sha(alice.get(f"/alice/race/resolve/main/{name}").body) == sha(content)

    def test_one_repository_made_by_both(self, alice):
        def put(name: str) -> int:
            path = f"repos/alice/born/raw/main/{name}.txt?create=1"
            return alice.put(path, body=name.encode()).status

        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(put, "abcdef")) == [201] * 6
        items = alice.get("repos/alice/born/tree/main").json()["items"]
        assert [item["path"] for item in items] == [f"{name}.txt" for name in "abcdef"]

    def test_two_that_stand_on_one_parent(self, alice):
        first = alice.put("repos/alice/parent/raw/main/a.txt?create=1", body=b"a").json()
        barrier = threading.Barrier(2)

        def put(name: str) -> int:
            barrier.wait()
            path = f"repos/alice/parent/raw/main/{name}?parent={first['revision']}"
            return alice.put(path, body=name.encode()).status

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(put, ["b.txt", "c.txt"])) == [201, 409]

    def test_two_pieces_at_one_offset(self, alice):
        content = adapter(4 * MIB)
        wish = {"name": "a.safetensors", "size": len(content)}
        upload = alice.post("uploads", json=wish).expect(201).json()["id"]

        def send(_: int) -> int:
            headers = {"Upload-Offset": "0"}
            return alice.patch(f"uploads/{upload}", body=content, headers=headers).status

        with ThreadPoolExecutor(3) as pool:
            statuses = sorted(pool.map(send, range(3)))
        assert statuses == [200, 409, 409]
        done = alice.post(f"uploads/{upload}/complete").expect(200).json()
        assert done["sha256"] == sha(content)

    def test_short_requests_do_not_wait_for_long_ones(self, alice):
        """Bodies that hardly come hold no place that others need."""
        head = f"PUT {API}/repos/alice/slow/raw/main/{{}}.safetensors?create=1 HTTP/1.1\r\nContent-Length: {50 * MIB}"
        lines = [Line(alice, head.format(n), bytes(2 * MIB)) for n in range(60)]
        time.sleep(0.5)
        began = time.monotonic()
        for _ in range(10):
            alice.get("whoami").expect(200)
            alice.put("repos/alice/quick/raw/main/a.txt?create=1", body=os.urandom(8)).expect(
                200, 201
            )
        assert time.monotonic() - began < 8
        for line in lines:
            line.socket.close()


def test_memory_does_not_grow_with_the_file(running, alice):
    def peak() -> int:
        status = Path(f"/proc/{web_pid(running)}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024

    content = adapter(150 * MIB)
    before = peak()
    alice.put("repos/alice/huge/raw/main/a.safetensors?create=1", body=content).expect(201)
    assert len(alice.get("/alice/huge/resolve/main/a.safetensors").body) == len(content)
    assert peak() - before < 60


def test_a_full_disk_is_told_and_nothing_breaks(running, alice):
    # The kernel then refuses to let any file of this process grow beyond it, as a quota would.
    pid = web_pid(running)
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    kept = staged(running)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (8 * MIB, before[1]))
    path = "repos/alice/full/raw/main/a.safetensors?create=1"
    answer = alice.put(path, body=adapter(20 * MIB))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    assert (answer.status, answer.code) == (507, "storage_full")
    assert alice.get("repos/alice/full").status == 404
    assert staged(running) == kept
    alice.put(path, body=adapter(2 * MIB)).expect(201)


def test_answers_come_without_delay(running):
    """Small answers on one connection: nothing waits for an acknowledgement (TCP_NODELAY)."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    took = []
    for _ in range(30):
        began = time.monotonic()
        connection.request("GET", f"{API}/health")
        connection.getresponse().read()
        took.append(time.monotonic() - began)
    connection.close()
    assert statistics.median(took) < 0.03
