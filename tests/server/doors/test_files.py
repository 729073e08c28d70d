"""Bytes of files: whole, in part, not again, and never as something that could run."""

import asyncio
import hashlib
import os

import pytest
from starlette.requests import ClientDisconnect

from lorahub_server.doors import idle
from lorahub_server.doors.files.ranges import RangeNotSatisfiable, Span, is_unchanged, wanted
from lorahub_server.doors.files.send import PIECE, Bytes
from lorahub_server.library import downloads
from support import bad_inputs, loops


class Asked:
    """What ranges look at in a request."""

    def __init__(self, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-99", (0, 100)),
        ("bytes=10-", (10, 100)),
        ("bytes=-1", (99, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=90-500", (90, 100)),
        ("bytes = 5 - 6 ", (5, 7)),
        ("BYTES=1-1", (1, 2)),
    ],
)
def test_ranges(text, span):
    found = wanted(Asked(range=text), 100, '"x"')
    assert (found.start, found.stop, found.is_part) == (*span, True)


@pytest.mark.parametrize(
    "text",
    ["", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=1-2,4-5", "items=0-1",
     "bytes=--1", "bytes=1-2-3", "bytes=\u0661-2", "bytes=0x1-2", "bytes=" + "9" * 30 + "-"],
)  # fmt: skip
def test_what_is_no_range_gets_the_whole_file(text):
    found = wanted(Asked(range=text), 100, '"x"')
    assert (found.start, found.stop, found.is_part) == (0, 100, False)


@pytest.mark.parametrize(
    "text", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=9999999999999-"]
)
def test_ranges_beyond_the_end(text):
    with pytest.raises(RangeNotSatisfiable):
        wanted(Asked(range=text), 100, '"x"')


def test_every_range_of_nothing_is_beyond_it():
    with pytest.raises(RangeNotSatisfiable):
        wanted(Asked(range="bytes=0-"), 0, '"x"')
    assert wanted(Asked(), 0, '"x"').length == 0


@pytest.mark.parametrize(
    ("given", "is_part"),
    [('"x"', True), ('"y"', False), ('W/"x"', False), ("Tue, 01 Jan 2030 00:00:00 GMT", False)],
)
def test_a_range_of_other_bytes_than_these_is_the_whole_file(given, is_part):
    assert wanted(Asked(range="bytes=0-1", if_range=given), 100, '"x"').is_part is is_part


@pytest.mark.parametrize(
    ("given", "known"),
    [('"x"', True), ('W/"x"', True), ('"a", "x"', True), ("*", True), ('"y"', False), ("x", False)],
)
def test_what_the_client_has(given, known):
    assert is_unchanged(Asked(if_none_match=given), '"x"') is known


def adapter(size: int) -> bytes:
    """An adapter file of about this size, of random bytes."""
    columns = max(1, size // 32)
    key = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    half = columns * 16
    header = {
        key.format("A"): bad_inputs.tensor(0, half, (4, columns)),
        key.format("B"): bad_inputs.tensor(half, 2 * half, (columns, 4)),
    }
    return bad_inputs.container(header, os.urandom(2 * half))


BIG = adapter(3 * PIECE + 12345)
PATH = "/alice/x/resolve/main/big.safetensors"


@pytest.fixture
def published(alice):
    files = {"big.safetensors": BIG, "README.md": b"# Hi\n", "empty.txt": b""}
    return alice.publish("alice/x", files)


@pytest.mark.parametrize("path", [PATH, "repos/alice/x/raw/main/big.safetensors"])
def test_the_whole_file_and_what_is_said_of_it(anonymous, published, path):
    answer = anonymous.get(path).expect(200)
    sha256 = hashlib.sha256(BIG).hexdigest()
    assert hashlib.sha256(answer.body).hexdigest() == sha256
    headers = answer.headers
    assert headers["ETag"] == f'"{sha256}"'
    assert headers["X-Content-SHA256"] == sha256
    assert len(headers["X-Repo-Commit"]) == 40
    assert headers["Content-Length"] == str(len(BIG))
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith('attachment; filename="big.safetensors"')
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "public, no-cache"


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        ("bytes=0-7", 0, 8),
        (f"bytes={PIECE - 1}-{PIECE}", PIECE - 1, PIECE + 1),
        (f"bytes={PIECE}-", PIECE, len(BIG)),
        ("bytes=-5", len(BIG) - 5, len(BIG)),
    ],
)
def test_parts(anonymous, published, text, start, stop):
    answer = anonymous.get(PATH, headers={"Range": text}).expect(206)
    assert answer.body == BIG[start:stop]
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(BIG)}"
    assert answer.headers["Content-Length"] == str(stop - start)


def test_a_part_of_a_small_file(anonymous, published):
    answer = anonymous.get("/alice/x/resolve/main/README.md", headers={"Range": "bytes=2-3"})
    assert (answer.status, answer.body) == (206, b"Hi")
    assert anonymous.get("/alice/x/resolve/main/empty.txt").expect(200).body == b""


def test_beyond_the_end(anonymous, published):
    answer = anonymous.get(PATH, headers={"Range": f"bytes={len(BIG)}-"})
    assert (answer.status, answer.code) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(BIG)}"


def test_head_tells_the_same_without_the_bytes(anonymous, published):
    for headers in ({}, {"Range": "bytes=5-9"}):
        got, head = (anonymous.call(m, PATH, headers=headers) for m in ("GET", "HEAD"))
        assert head.body == b""
        assert head.status == got.status
        differ = {"x-request-id"}
        assert [i for i in head.headers.items() if i[0] not in differ] == [
            i for i in got.headers.items() if i[0] not in differ
        ]


def test_not_again(anonymous, published):
    etag = anonymous.get(PATH).headers["ETag"]
    answer = anonymous.get(PATH, headers={"If-None-Match": etag})
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["ETag"] == etag
    assert answer.headers["Content-Type"] is None
    changed = {"Range": "bytes=0-1", "If-Range": '"0"'}
    assert anonymous.get(PATH, headers=changed).expect(200).body == BIG


def test_what_may_be_kept(alice, anonymous, published):
    commit = published["revision"]
    at_commit = anonymous.get(f"/alice/x/resolve/{commit}/README.md")
    assert "immutable" in at_commit.headers["Cache-Control"]
    alice.patch("repos/alice/x", json={"private": True}).expect(200)
    for revision in (commit, "main"):
        kept = alice.get(f"/alice/x/resolve/{revision}/README.md").headers["Cache-Control"]
        assert kept == "private, no-store"
    assert anonymous.get(PATH).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("name", "content", "media_type", "is_shown"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n", "image/png", True),
        ("A.JPG", b"\xff\xd8\xff", "image/jpeg", True),
        ("notes.txt", b"<script>", "text/plain; charset=utf-8", True),
        ("x.py", b"print()", "text/plain; charset=utf-8", True),
        ("c.json", b"{}", "application/json", True),
        ("LICENSE", b"MIT", "text/plain; charset=utf-8", True),
        ("page.html", b"<script>alert(1)</script>", "application/octet-stream", False),
        ("page.xhtml", b"<html/>", "application/octet-stream", False),
        ("pic.svg", b"<svg onload='alert(1)'/>", "image/svg+xml", False),
        ("app.js", b"alert(1)", "application/octet-stream", False),
        ("none", b"?", "application/octet-stream", False),
        ("a.pdf", b"%PDF", "application/octet-stream", False),
    ],
)
def test_nothing_runs(alice, anonymous, name, content, media_type, is_shown):
    alice.publish("alice/kinds", {name: content})
    answer = anonymous.get(f"/alice/kinds/resolve/main/{name}").expect(200)
    assert answer.headers["Content-Type"] == media_type
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("inline" if is_shown else "attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    saved = anonymous.get(f"/alice/kinds/resolve/main/{name}?download=1")
    assert saved.headers["Content-Disposition"].startswith("attachment")


def test_a_name_of_any_letters_is_told_safely(alice, anonymous):
    alice.commit("alice/none", "x", {}).expect(404)
    name = "a 'b'; c=d ü 日本.txt"
    alice.post("repos", json={"name": "names"}).expect(201)
    alice.commit("alice/names", "add", {name: b"x"}).expect(201)
    from urllib.parse import quote

    answer = anonymous.get(f"/alice/names/resolve/main/{quote(name)}").expect(200)
    disposition = answer.headers["Content-Disposition"]
    assert disposition.isascii()
    assert disposition.count('"') == 2
    assert quote(name, safe="") in disposition


def test_what_is_not_there(anonymous, published):
    for path, code in (
        ("/alice/x/resolve/dev/a", "revision_not_found"),
        ("/alice/x/resolve/main/none", "entry_not_found"),
        ("/alice/none/resolve/main/a", "repo_not_found"),
        ("/alice/x/resolve/main", "not_found"),
    ):
        answer = anonymous.get(path, headers={"Accept": "application/json"})
        assert answer.status == 404
        if code != "not_found":
            assert answer.code == code


def test_a_folder_is_no_file(alice, anonymous):
    alice.publish("alice/deep", {"a/b.txt": b"x"})
    answer = anonymous.get("/alice/deep/resolve/main/a")
    assert (answer.status, answer.code) == (404, "entry_not_found")
    assert "folder" in answer.json()["error"]["message"]


class TestCounting:
    @pytest.fixture
    def counted(self, site, published):
        downloads.flush(site.hub.db)

        def count() -> int:
            return downloads.flush(site.hub.db)

        return count

    def test_a_whole_download_counts(self, anonymous, counted):
        anonymous.get(PATH).expect(200)
        anonymous.get("repos/alice/x/raw/main/big.safetensors").expect(200)
        assert counted() == 2
        assert anonymous.get("repos/alice/x").json()["downloads"] == 2

    def test_in_parts_it_counts_once(self, anonymous, counted):
        for text in ("bytes=0-99", "bytes=100-199", "bytes=200-"):
            anonymous.get(PATH, headers={"Range": text}).expect(206)
        assert counted() == 1

    @pytest.mark.parametrize("headers", [{"If-None-Match": "*"}, {"Range": "bytes=99999999-"}])
    def test_no_bytes_no_count(self, anonymous, counted, headers):
        anonymous.get(PATH, headers=headers).expect(304, 416)
        assert counted() == 0

    def test_neither_head_nor_small_files_count(self, anonymous, counted):
        anonymous.head(PATH).expect(200)
        anonymous.get("/alice/x/resolve/main/README.md").expect(200)
        assert counted() == 0


def test_bytes_that_got_lost_are_an_error_not_a_hole(site, anonymous, published):
    from lorahub_server.storage.keys import blob_key

    key = blob_key(hashlib.sha256(BIG).hexdigest())
    path = site.hub.store.local_path(key)
    path.unlink()
    answer = anonymous.get(PATH)
    assert (answer.status, answer.code) == (503, "storage_unavailable")


def test_a_client_that_takes_nothing_is_not_waited_for(tmp_path, monkeypatch):
    """Neither its file nor its task stays."""
    monkeypatch.setattr(idle, "IDLE_S", 0.2)
    path = tmp_path / "big"
    path.write_bytes(bytes(2 * PIECE))
    sent = []

    async def receive():
        await asyncio.sleep(3600)

    async def send(message) -> None:
        sent.append(message["type"])
        if len(sent) > 1:
            await asyncio.sleep(3600)

    async def scene() -> None:
        answer = Bytes(Span(0, 2 * PIECE, 2 * PIECE, is_part=False), path, {})
        async with asyncio.timeout(5):
            with pytest.raises(ClientDisconnect):
                await answer({"type": "http"}, receive, send)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    loops.run(scene())
    assert len(sent) == 2
