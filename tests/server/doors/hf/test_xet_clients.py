"""The real client uploads by Xet, through everything that a network does to it."""

import http.client
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from lorahub_server.blobs.xet import limits, spaces
from lorahub_server.blobs.xet.collect import collect
from lorahub_server.blobs.xet.tables import XetSpace
from lorahub_server.kit.clock import now
from lorahub_server.storage.keys import STAGING, XORBS
from support import programs, xet
from support.inside import adapter, sha256
from support.xet_server import CLIENTS, Server, UploadFailed, upload

STYLE = "alice/style"
RANDOM = random.Random(5)
NOISE = RANDOM.randbytes(700_000)
MB = 1024 * 1024

each_client = pytest.mark.parametrize("python", CLIENTS)


class Watch:
    """Sees each request of the client, and loses the answers that a test wants lost."""

    def __init__(self, app) -> None:
        self.app = app
        self.seen: Counter[str] = Counter()
        self.lose: dict[str, int] = {}

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        pieces = scope["path"].split("/")
        kind = next((p for p in ("xorbs", "shards", "xet-write-token") if p in pieces), "other")
        self.seen[kind] += 1
        status = self.lose.pop(kind, 0)

        async def lost(message) -> None:
            if message["type"] == "http.response.start":
                await send({"type": message["type"], "status": status, "headers": []})
            elif not message.get("more_body"):
                await send({"type": message["type"], "body": b""})

        await self.app(scope, receive, lost if status else send)


@pytest.fixture
def watch(server: Server) -> Watch:
    return server.wrap(Watch)


@each_client
def test_files_of_all_kinds_arrive(server, tmp_path, python):
    token = server.token("alice")
    path = tmp_path / "on disk.dat"
    path.write_bytes(b"the same over and over, " * 40_000)
    sent = [path.read_bytes(), NOISE, b"x", b"", adapter(), adapter(rank=16, width=4096)]
    said = upload(
        server.endpoint, token, STYLE, [path, *sent[1:]], home=tmp_path / "home", python=python
    )
    assert said == [sha256(data) for data in sent]
    # Clients put an empty file into the commit itself, whatever they are told.
    for data in filter(None, sent):
        assert server.usable(sha256(data)) == data
    assert not list(server.hub.store.list(STAGING))


@each_client
def test_what_was_sent_once_is_not_sent_again(server, watch, tmp_path, python):
    token, home = server.token("alice"), tmp_path / "home"

    def send(*files: bytes, repo: str = STYLE) -> int:
        before = watch.seen["xorbs"]
        upload(server.endpoint, token, repo, files, home=home, python=python)
        assert all(server.usable(sha256(data)) == data for data in files)
        return watch.seen["xorbs"] - before

    assert send(NOISE) == 1
    assert send(NOISE) == 0
    longer = NOISE + b"and more"
    assert send(longer) == 1
    assert sent_bytes(server) < len(NOISE) + len(longer)
    # In another repository the client doesn't rely on it.
    server.make_repo("alice/other")
    assert send(NOISE, repo="alice/other") == 1
    # Nor when the chunks have expired.
    later = now() + limits.SPACE_KEPT + limits.SPACE_FRESH
    assert collect(server.hub.db, server.hub.store, later, print) == 2
    assert not list(server.hub.store.list(XORBS))
    assert send(NOISE[:-1]) == 1


def sent_bytes(server: Server) -> int:
    with server.acting("alice") as tx:
        return sum(space.sent for space in tx.session.query(XetSpace))


def test_after_a_loss_the_next_try_sends_everything(server, tmp_path):
    token, home = server.token("alice"), tmp_path / "home"
    upload(server.endpoint, token, STYLE, [NOISE], home=home)
    store = server.hub.store
    store.delete([found.key for found in store.list(XORBS)])
    with pytest.raises(UploadFailed, match="lacks chunks that this upload builds on"):
        upload(server.endpoint, token, STYLE, [NOISE + b"!"], home=home)
    upload(server.endpoint, token, STYLE, [NOISE + b"!"], home=home)
    assert server.usable(sha256(NOISE + b"!")) == NOISE + b"!"


@pytest.mark.parametrize("kind", ["xorbs", "shards"])
def test_lost_answers_are_asked_for_again(server, watch, tmp_path, kind):
    watch.lose = {kind: 503}
    upload(server.endpoint, server.token("alice"), STYLE, [NOISE], home=tmp_path / "home")
    assert watch.seen[kind] == 2
    assert server.usable(sha256(NOISE)) == NOISE
    assert not list(server.hub.store.list(STAGING))


@each_client
def test_long_uploads_go_on_with_new_tokens(server, watch, tmp_path, monkeypatch, python):
    monkeypatch.setattr(spaces, "TOKEN_TOLD", timedelta(seconds=1))
    token = server.token("alice")
    upload(server.endpoint, token, STYLE, [NOISE], home=tmp_path / "home", python=python)
    assert watch.seen["xet-write-token"] > 2
    assert server.usable(sha256(NOISE)) == NOISE


def test_many_files_and_clients_at_once(server, tmp_path):
    token = server.token("alice")
    files = [RANDOM.randbytes(3 * MB) for _ in range(8)]
    paths = []
    for number, data in enumerate(files):
        paths.append(tmp_path / f"{number}.dat")
        paths[-1].write_bytes(data)

    def send(number: int) -> None:
        upload(server.endpoint, token, STYLE, paths, home=tmp_path / f"home{number}")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(send, range(3)))
    for data in files:
        assert server.usable(sha256(data)) == data
    assert not list(server.hub.store.list(STAGING))


@each_client
def test_the_reason_of_a_refusal_reaches_the_person(server, tmp_path, python):
    with pytest.raises(UploadFailed, match=r"(?s)is a pickle.*|422"):
        upload(
            server.endpoint,
            server.token("alice"),
            STYLE,
            [b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01e."],
            home=tmp_path / "home",
            python=python,
        )


def test_readers_send_for_pull_requests_only(server, tmp_path):
    bob = server.token("bob")
    more = {"home": tmp_path / "home"}
    with pytest.raises(UploadFailed):
        upload(server.endpoint, bob, STYLE, [NOISE], **more)
    upload(server.endpoint, bob, STYLE, [NOISE], create_pr=True, **more)
    assert server.usable(sha256(NOISE), "bob") == NOISE
    assert server.usable(sha256(NOISE), "alice") is None


def test_a_refusal_is_read_however_much_was_sent(server):
    """A client that is cut off in the middle of its body sees a broken connection instead."""
    big = xet.Xorb([bytes([number]) * 128 * 1024 for number in range(200)])
    connection = http.client.HTTPConnection(server.endpoint.removeprefix("http://"), timeout=30)
    for token in ("wrong", "wrong again"):
        path = f"/api/xet/{'0' * 32}/v1/xorbs/default/{big.name}"
        connection.request("POST", path, big.body, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        assert answer.status == 401
        assert json.loads(answer.read())["error"]["code"] == "xet_token_invalid"
    connection.close()


@each_client
def test_a_client_reads_why_it_may_not_send_so_much(server, tmp_path, python):
    path = tmp_path / "large.dat"
    path.write_bytes(RANDOM.randbytes(40 * MB))
    server.change(max_staged_bytes=MB)
    token, home = server.token("alice"), tmp_path / "home"
    with pytest.raises(UploadFailed, match="413"):
        upload(server.endpoint, token, STYLE, [path], home=home, python=python)


def test_work_ends_when_the_client_goes_away(server):
    xorb = xet.Xorb([bytes([number]) * 128 * 1024 for number in range(64)])
    shard = xet.shard([xet.file([xorb.run()] * 40)])
    connection = http.client.HTTPConnection(server.endpoint.removeprefix("http://"), timeout=30)
    headers = {"Authorization": f"Bearer {server.token('alice')}"}
    connection.request("GET", f"/api/models/{STYLE}/xet-write-token/main", headers=headers)
    told = json.loads(connection.getresponse().read())
    path = told["casUrl"].removeprefix(server.endpoint)
    headers = {"Authorization": f"Bearer {told['accessToken']}"}
    connection.request("POST", f"{path}/v1/xorbs/default/{xorb.name}", xorb.body, headers)
    assert connection.getresponse().read() == b'{"was_inserted":true}'
    connection.request("POST", f"{path}/v2/shards", shard, headers)
    answer = connection.getresponse()
    assert json.loads(answer.readline())["type"] == "validating"
    store = server.hub.store
    programs.wait(lambda: list(store.list(STAGING)) or answer.isclosed(), "the file to be built")
    connection.close()
    answer.close()
    programs.wait(lambda: not list(store.list(STAGING)), "the work to end")
    time.sleep(0.2)
    assert not list(store.list(STAGING))
    assert server.usable(sha256(xorb.run().data * 40)) is None


SERVE = """
import json, sys
from pathlib import Path
from lorahub_server.config import Settings
from support.xet_server import Server, build
server = Server(build(Settings(data=Path(sys.argv[1]), secret="x" * 32))).start()
server.make_repo("alice/style")
print(json.dumps([server.endpoint, server.token("alice")]), flush=True)
sys.stdin.read()
server.close()
"""


@pytest.mark.slow
def test_a_large_file_takes_little_memory(tmp_path, empty_database):
    data = tmp_path / "data"
    data.mkdir()
    (data / "hub.db").write_bytes(empty_database.read_bytes())
    path = tmp_path / "large.dat"
    path.write_bytes(os.urandom(128 * MB))
    tests = str(Path(__file__).parents[3])
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(data)],
        env={**os.environ, "PYTHONPATH": tests},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        endpoint, token = json.loads(process.stdout.readline())
        before = peak_memory(process.pid)
        upload(endpoint, token, STYLE, [path], home=tmp_path / "home")
        assert peak_memory(process.pid) - before < 60 * MB
    finally:
        process.communicate(timeout=30)


def peak_memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
