"""Commits line by line, and how each file travels."""

import base64
import json

import pytest

from lorahub_server.blobs.limits import INLINE_MAX
from lorahub_server.doors.hf.commit import read_wish
from lorahub_server.kit.errors import HubError
from lorahub_server.repos.limits import INLINE_TOTAL_MAX, OPERATIONS_MAX
from lorahub_server.repos.operations import AddFile, DeletePath
from support import bad_inputs, hf
from support.hf import git_id
from support.inside import adapter, sha256


@pytest.fixture
def repo(alice) -> str:
    hf.create(alice, "glass").expect(200)
    return "alice/glass"


def files(caller, repo: str, revision: str = "main") -> list[str]:
    found = caller.get(hf.model(repo, "tree", revision), query={"recursive": 1}).expect(200).json()
    return [item["path"] for item in found if item["type"] == "file"]


def head(caller, repo: str) -> str:
    return str(caller.get(hf.model(repo)).json()["sha"])


def test_all_operations(alice, repo):
    oid = hf.send(alice, repo, adapter())
    hf.commit(
        alice, repo, hf.add("a.txt", b"a"), hf.add("d/b.txt", b"b"), hf.add("d/e/c.txt", b"c"),
        hf.large("w.safetensors", oid, size=len(adapter())),
    ).expect(200)  # fmt: skip
    made = hf.commit(
        alice, repo,
        hf.line("deletedFile", path="a.txt"),
        hf.line("deletedFolder", path="d/"),
        hf.line("deletedFile", path="d/b.txt"),
        hf.large("copy.safetensors", oid),
        hf.add("empty", b""),
        summary="all", description="of it",
    ).expect(200).json()  # fmt: skip
    assert made["success"] is True
    assert made["commitUrl"] == f"http://hub.test/{repo}/commit/{made['commitOid']}"
    assert files(alice, repo) == [".gitattributes", "copy.safetensors", "empty", "w.safetensors"]
    last = alice.get(hf.model(repo, "commits", "main")).json()[0]
    assert (last["id"], last["title"], last["message"]) == (made["commitOid"], "all", "of it")


def test_the_last_operation_on_a_path_counts(alice, repo):
    hf.commit(
        alice, repo, hf.add("x", b"1"), hf.line("deletedFile", path="x"), hf.add("x", b"2"),
        hf.add("f/a", b"1"), hf.add("f/b", b"1"),
    ).expect(200)  # fmt: skip
    assert alice.get(f"/{repo}/resolve/main/x").body == b"2"
    hf.commit(
        alice, repo, hf.add("f/c", b"1"), hf.line("deletedFolder", path="f"), hf.add("f/d", b"1")
    ).expect(200)
    assert files(alice, repo) == [".gitattributes", "f/d", "x"]


def test_the_parent(alice, repo):
    first = head(alice, repo)
    hf.commit(alice, repo, hf.add("a", b"1"), parentCommit=first[:7].upper()).expect(200)
    for parent in (first, first[:7], "0" * 40):
        stale = hf.commit(alice, repo, hf.add("a", b"2"), parentCommit=parent).expect(412).json()
        assert stale["error"].startswith("The branch was updated since you opened this page.")
    hf.commit(alice, repo, hf.add("a", b"2"), parentCommit=None).expect(200)


def test_the_same_again_makes_no_commit(alice, repo):
    first = hf.commit(alice, repo, hf.add("a", b"1")).expect(200).json()["commitOid"]
    assert hf.commit(alice, repo, hf.add("a", b"1")).expect(200).json()["commitOid"] == first
    assert hf.commit(alice, repo).expect(200).json()["commitOid"] == first
    assert len(alice.get(hf.model(repo, "commits", "main")).json()) == 2


def test_another_branch(alice, repo):
    alice.post(hf.model(repo, "branch", "a%2Fb"), json={}).expect(200)
    for branch in ("a%2Fb", "refs%2Fheads%2Fa%2Fb"):
        hf.commit(alice, repo, hf.add(f"{len(branch)}", b"1"), branch=branch).expect(200)
    assert files(alice, repo) == [".gitattributes"]
    assert len(files(alice, repo, "a%2Fb")) == 3
    for branch in ("nope", head(alice, repo), "refs%2Fpr%2F1"):
        missing = hf.commit(alice, repo, hf.add("x", b"1"), branch=branch).expect(404)
        assert missing.headers["X-Error-Code"] == "RevisionNotFound"


def test_an_empty_repository_begins_with_the_first_commit(alice):
    hf.commit(alice, "alice/style", hf.add("a", b"1")).expect(200)
    assert files(alice, "alice/style") == ["a"]


def test_deleting_what_is_not_there(alice, repo):
    missing = hf.commit(alice, repo, hf.line("deletedFile", path="nope.txt")).expect(404)
    assert missing.headers["X-Error-Code"] == "EntryNotFound"
    assert "A file with this name doesn't exist" in missing.json()["error"]


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        (hf.add("../x", b""), 422, "file path"),
        (hf.add("..\\ddd", b""), 422, "file path"),
        (hf.add("a/../b", b""), 422, "file path"),
        (hf.add(".git/config", b""), 422, "file path"),
        (hf.add("x.safetensors", bad_inputs.good()), 422, "x.safetensors"),
        (hf.add("x.bin", b"\x80\x02}q\x00."), 422, "pickle"),
        (hf.add("big.txt", b"x" * (INLINE_MAX + 1)), 422, "big.txt"),
        (hf.add("README.md", b"---\na: [\n---\n"), 422, "YAML"),
        (hf.add("adapter_config.json", b"[]"), 422, "JSON object"),
        (hf.large("w.safetensors", "0" * 64), 422, "Upload it first"),
        (hf.large("w.safetensors", "zz"), 422, "64 hexadecimal"),
        (hf.line("lfsFile", path="w", algo="md5", oid="0" * 64), 422, "SHA-256"),
        (hf.line("file", path="x", content="%%", encoding="base64"), 422, "base64"),
        (hf.line("file", path="x", content=5, encoding="base64"), 422, "base64"),
        (hf.line("file", path=5, content=""), 400, "path"),
        (hf.line("file", path="a\0b", content=""), 400, "path"),
        (hf.line("copyFile", path="x", src="y"), 400, "copyFile"),
        (b"{nonsense\n", 400, "JSON"),
        (b"[]\n", 400, "JSON"),
        (b'{"key": 1, "value": {}}\n', 400, "key"),
        (b'{"key": "file", "value": []}\n', 400, "value"),
        (b"[" * 100_000 + b"\n", 400, "JSON"),
    ],
)
def test_what_is_refused(alice, repo, line, status, says):
    before = head(alice, repo)
    answer = hf.commit(alice, repo, hf.add("fine.txt", b"1"), line)
    assert answer.status == status, answer.body
    assert says in answer.json()["error"]
    assert says in answer.headers["X-Error-Message"]
    assert head(alice, repo) == before


def test_a_commit_needs_a_header_and_words(alice, repo):
    address = hf.model(repo, "commit", "main")
    assert "header" in alice.post(address, body=hf.add("x", b"1")).expect(400).json()["error"]
    assert "header" in alice.post(address, body=b"").expect(400).json()["error"]
    assert hf.commit(alice, repo, hf.add("x", b"1"), summary="").status == 422
    assert hf.commit(alice, repo, hf.add("x", b"1"), summary=None).status == 400


def test_rights_come_before_the_body(site, alice, bob, anonymous, repo):
    reader = site.token_of("alice", "read")
    hf.create(alice, "secret", private=True).expect(200)
    secret = hf.model("alice/secret", "commit", "main")
    for caller, address, status in [
        (bob, hf.model(repo, "commit", "main"), 403),
        (reader, hf.model(repo, "commit", "main"), 403),
        (anonymous, hf.model(repo, "commit", "main"), 401),
        (bob, secret, 404),
        (anonymous, secret, 401),
    ]:
        answer = caller.post(address, body=[b'{"key"'], headers={"Content-Length": "999999999"})
        assert answer.status == status


class TestLimits:
    def test_lines_in_any_pieces(self):
        whole = hf.line("header", summary="s") + hf.add("a", b"1") + b"\n\n" + hf.add("b", b"2")
        for size in (1, 7, 10_000):
            pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
            wish = read_wish(pieces)
            assert list(wish.operations.values()) == [AddFile("a", b"1"), AddFile("b", b"2")]

    def test_one_line_is_not_endless(self):
        def endless():
            while True:
                yield b"x" * 100_000

        with pytest.raises(HubError) as caught:
            read_wish(endless())
        assert caught.value.status == 413

    def test_all_files_together(self):
        def much():
            yield hf.line("header", summary="s")
            one = hf.add("PATH", bytes(INLINE_MAX))
            for number in range(INLINE_TOTAL_MAX // INLINE_MAX + 1):
                yield one.replace(b"PATH", b"f%d" % number)

        with pytest.raises(HubError) as caught:
            read_wish(much())
        assert caught.value.status == 413

    def test_operations(self):
        def many(count: int):
            yield hf.line("header", summary="s")
            for number in range(count):
                yield hf.line("deletedFile", path=f"x{number}")

        assert len(read_wish(many(OPERATIONS_MAX)).operations) == OPERATIONS_MAX
        with pytest.raises(HubError):
            read_wish(many(OPERATIONS_MAX + 1))
        assert read_wish([hf.line("header", summary="s"), hf.line("deletedFile", path="a/")]
                         ).operations == {"a": DeletePath("a")}  # fmt: skip


class TestPreupload:
    def plan(
        self, caller, repo: str, *wanted: tuple[str, bytes], status: int = 200, **more
    ) -> dict:
        body = {
            "files": [
                {"path": path, "size": len(data), "sample": base64.b64encode(data[:512]).decode()}
                for path, data in wanted
            ],
            **more,
        }
        answer = caller.post(hf.model(repo, "preupload", "main"), json=body).expect(status).json()
        if status != 200:
            return dict(answer)
        return {file["path"]: file for file in answer["files"]}

    def test_how_files_travel(self, alice, repo):
        wanted = {
            "README.md": (b"# x", "regular"),
            "adapter_config.json": (b"{}", "regular"),
            "a.txt": (b"x" * INLINE_MAX, "regular"),
            "b.txt": (b"x" * (INLINE_MAX + 1), "lfs"),
            "picture.png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "regular"),
            "w.safetensors": (adapter(), "lfs"),
            "w.weights": (adapter(), "lfs"),
            "empty.txt": (b"", "regular"),
            "data.parquet": (b"PAR1", "lfs"),
            "d/x.tar.xz": (b"123", "lfs"),
        }
        found = self.plan(alice, repo, *((path, data) for path, (data, _) in wanted.items()))
        assert {path: file["uploadMode"] for path, file in found.items()} == {
            path: mode for path, (_, mode) in wanted.items()
        }
        assert {file["shouldIgnore"] for file in found.values()} == {False}
        assert {file["oid"] for file in found.values()} == {None}

    def test_what_is_there_already(self, alice, repo):
        oid = hf.send(alice, repo, adapter())
        hf.commit(alice, repo, hf.add("d/a.txt", b"a"), hf.large("d/w.safetensors", oid))
        found = self.plan(
            alice, repo, ("d/a.txt", b"b"), ("d/w.safetensors", adapter(2)), ("d", b"")
        )
        assert found["d/a.txt"]["oid"] == git_id(b"a")
        assert found["d/w.safetensors"]["oid"] == sha256(adapter())
        assert found["d"]["oid"] is None

    def test_own_rules_for_large_files(self, alice, repo):
        rules = b"*.png filter=lfs diff=lfs merge=lfs -text\n"
        hf.commit(alice, repo, hf.add(".gitattributes", rules)).expect(200)
        found = self.plan(alice, repo, ("x.png", b"\x89PNG"), ("x.parquet", b"PAR1"))
        assert found["x.png"]["uploadMode"] == "lfs"
        assert found["x.parquet"]["uploadMode"] == "regular"
        oid = hf.send(alice, repo, b"\x89PNG")
        hf.commit(alice, repo, hf.large("x.png", oid)).expect(200)
        assert alice.get(f"/{repo}/resolve/main/.gitattributes").body == rules

    def test_what_is_left_out(self, alice, repo):
        ignored = b"*.log\nbuild/\n!keep.log\n"
        hf.commit(alice, repo, hf.add(".gitignore", ignored)).expect(200)
        names = ["a.log", "d/b.log", "keep.log", "build/x.bin", "x.txt"]
        found = self.plan(alice, repo, *((name, b"x") for name in names))
        assert [found[name]["shouldIgnore"] for name in names] == [True, True, False, True, False]
        given = self.plan(alice, repo, *((name, b"x") for name in names[:2]), gitIgnore="b.*")
        assert [given[name]["shouldIgnore"] for name in names[:2]] == [False, True]

    @pytest.mark.parametrize(
        ("path", "data", "says"),
        [
            ("x.bin", b"\x80\x02}q\x00.", "pickle"),
            ("x.safetensors", b"<!DOCTYPE html>", "web page"),
            ("../x", b"1", "file path"),
            ("README.md", b"x" * (INLINE_MAX + 1), "README.md"),
        ],
    )
    def test_bad_files_are_refused_before_they_are_sent(self, alice, repo, path, data, says):
        sample = base64.b64encode(data[:512]).decode()
        body = {"files": [{"path": path, "size": len(data), "sample": sample}]}
        answer = alice.post(hf.model(repo, "preupload", "main"), json=body).expect(413, 422)
        assert says in answer.json()["error"]

    def test_who_may_ask(self, alice, bob, anonymous, repo):
        self.plan(bob, repo, ("x", b"1"), status=403)
        self.plan(anonymous, repo, ("x", b"1"), status=401)
        self.plan(alice, "alice/nope", ("x", b"1"), status=404)
        missing = alice.post(hf.model(repo, "preupload", "nope"), json={"files": []}).expect(404)
        assert missing.headers["X-Error-Code"] == "RevisionNotFound"
        asked = alice.post(
            hf.model(repo, "preupload", "main"), body=json.dumps({"files": 5}).encode()
        )
        assert asked.status == 422
