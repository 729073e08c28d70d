"""Folders, paths, branches and commits."""

import json

import pytest

from support import hf
from support.inside import adapter, sha256


@pytest.fixture
def repo(alice) -> str:
    hf.create(alice, "glass").expect(200)
    oid = hf.send(alice, "alice/glass", adapter())
    hf.commit(
        alice, "alice/glass", hf.add("a b/one.txt", b"1"), hf.add("a b/c/two.txt", b"22"),
        hf.large("w.safetensors", oid), summary="first",
    ).expect(200)  # fmt: skip
    hf.commit(
        alice, "alice/glass", hf.add("a b/one.txt", b"2"), summary="second", description="why\nnot"
    ).expect(200)
    return "alice/glass"


def tree(caller, repo: str, rest: str = "main") -> list[dict]:
    return list(caller.get(hf.model(repo, "tree", rest)).expect(200).json())


def test_a_folder(anonymous, repo):
    top = {item["path"]: item for item in tree(anonymous, repo)}
    assert list(top) == [".gitattributes", "a b", "w.safetensors"]
    assert top["a b"]["type"] == "directory"
    weights = top["w.safetensors"]
    assert weights["lfs"]["oid"] == sha256(adapter())
    assert weights["size"] == weights["lfs"]["size"] == len(adapter())
    assert len(weights["oid"]) == 40
    assert "lastCommit" not in weights
    below = [item["path"] for item in tree(anonymous, repo, "main/a%20b")]
    assert below == ["a b/c", "a b/one.txt"]
    assert tree(anonymous, repo, "main/a%20b%2Fc?recursive=true") == tree(
        anonymous, repo, "main/a%20b/c"
    )


def test_everything_below(anonymous, repo):
    found = tree(anonymous, repo, "main?recursive=True")
    assert [(item["type"], item["path"]) for item in found] == [
        ("file", ".gitattributes"),
        ("directory", "a b"),
        ("directory", "a b/c"),
        ("file", "a b/c/two.txt"),
        ("file", "a b/one.txt"),
        ("file", "w.safetensors"),
    ]
    address, seen = hf.model(repo, "tree", "main?recursive=1&limit=4"), []
    while address:
        answer = anonymous.get(address).expect(200)
        seen += answer.json()
        link = answer.headers.get("Link")
        address = hf.path_of(link[1:].partition(">")[0]) if link else None
    assert seen == found


def test_who_changed_it_last(anonymous, repo):
    found = tree(anonymous, repo, "main?recursive=true&expand=true")
    last = {item["path"]: item["lastCommit"]["title"] for item in found}
    assert last == {
        ".gitattributes": "initial commit", "a b": "second", "a b/c": "first",
        "a b/c/two.txt": "first", "a b/one.txt": "second", "w.safetensors": "first",
    }  # fmt: skip
    status = {
        item["path"]: item["securityFileStatus"]["status"]
        for item in found
        if item["type"] == "file"
    }
    assert status["w.safetensors"] == "safe"
    assert status["a b/one.txt"] == "unscanned"
    assert all(set(i["securityFileStatus"]) == {"status", "avScan", "pickleImportScan"}
               for i in found if i["type"] == "file")  # fmt: skip


@pytest.mark.parametrize("path", ["nope", "w.safetensors", "a%20b/nope"])
def test_no_folder(anonymous, repo, path):
    answer = anonymous.get(hf.model(repo, "tree", "main", path)).expect(404)
    assert answer.headers["X-Error-Code"] == "EntryNotFound"


@pytest.mark.parametrize("kind", ["form", "json"])
def test_some_paths(anonymous, repo, kind):
    paths = ["w.safetensors", "a b", "nope", "a b/c/two.txt", "w.safetensors"]
    if kind == "form":
        from urllib.parse import urlencode

        body = urlencode({"paths": paths, "expand": "True"}, doseq=True).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
    else:
        body = json.dumps({"paths": paths, "expand": True}).encode()
        headers = {"Content-Type": "application/json"}
    answer = anonymous.post(hf.model(repo, "paths-info", "main"), body=body, headers=headers)
    found = answer.expect(200).json()
    assert [item["path"] for item in found] == ["w.safetensors", "a b", "a b/c/two.txt"]
    listed = {item["path"]: item for item in tree(anonymous, repo, "main?recursive=1&expand=1")}
    assert found == [listed[item["path"]] for item in found]


def test_paths_that_cannot_be(anonymous, repo):
    address = hf.model(repo, "paths-info", "main")
    assert anonymous.post(address, json={"paths": ["x"] * 1001}).status == 413
    assert anonymous.post(address, json={"nope": 1}).status == 400
    assert anonymous.post(address, body=b"\xff").status == 400
    assert (
        anonymous.post(address, json={"paths": ["", "/", "../x", "a b/"]}).json()
        == tree(anonymous, repo)[1:2]
    )


def test_commits_page_by_page(alice, anonymous, repo):
    for number in range(60):
        hf.commit(alice, repo, hf.add("n.txt", b"%d" % number), summary=f"n {number}").expect(200)
    address, seen = hf.model(repo, "commits", "main"), []
    while address:
        answer = anonymous.get(address).expect(200)
        seen += answer.json()
        link = answer.headers.get("Link")
        address = hf.path_of(link[1:].partition(">")[0]) if link else None
    assert [commit["title"] for commit in seen] == [
        *(f"n {number}" for number in reversed(range(60))), "second", "first", "initial commit",
    ]  # fmt: skip
    second = seen[60]
    assert second["message"] == "why\nnot"
    assert second["authors"][0]["user"] == "alice"
    assert second["date"].endswith("Z")
    formatted = anonymous.get(
        hf.model(repo, "commits", second["id"]), query={"expand[]": "formatted"}
    )
    assert formatted.json()[0]["formatted"] == {"title": "second", "message": "why\nnot"}


def test_branches_and_tags(alice, anonymous, repo):
    first = anonymous.get(hf.model(repo, "commits", "main")).json()[1]["id"]
    alice.post(hf.model(repo, "branch", "feature%2Fx"), json={"startingPoint": first}).expect(200)
    alice.post(hf.model(repo, "branch", "plain"), json={}).expect(200)
    alice.post(hf.model(repo, "tag", first[:7]), json={"tag": "v1", "message": "one"}).expect(200)
    alice.post(hf.model(repo, "tag", "feature%2Fx"), json={"tag": "v2"}).expect(200)
    found = anonymous.get(hf.model(repo, "refs")).expect(200).json()
    assert found["converts"] == []
    assert "pullRequests" not in found
    assert (
        anonymous.get(hf.model(repo, "refs"), query={"include_prs": 1}).json()["pullRequests"] == []
    )
    assert [branch["name"] for branch in found["branches"]] == ["main", "feature/x", "plain"]
    assert found["branches"][1] == {
        "name": "feature/x", "ref": "refs/heads/feature/x", "targetCommit": first,
    }  # fmt: skip
    assert found["tags"] == [
        {"name": "v1", "ref": "refs/tags/v1", "targetCommit": first},
        {"name": "v2", "ref": "refs/tags/v2", "targetCommit": first},
    ]
    there = alice.post(hf.model(repo, "branch", "plain"), json={}).expect(409)
    assert "Reference refs/heads/plain already exists" in there.json()["error"]
    assert alice.post(hf.model(repo, "tag", "main"), json={"tag": "v1"}).status == 409
    assert alice.post(hf.model(repo, "tag", "main"), json={"tag": "a b"}).status == 400
    unknown = alice.post(hf.model(repo, "tag", "nope"), json={"tag": "a b"}).expect(404)
    assert unknown.headers["X-Error-Code"] == "RevisionNotFound"
    assert anonymous.get(hf.model(repo, "tree", "refs%2Fheads%2Ffeature%2Fx")).status == 200
    alice.delete(hf.model(repo, "branch", "feature%2Fx")).expect(200)
    alice.delete(hf.model(repo, "tag", "v1")).expect(200)
    gone = alice.delete(hf.model(repo, "tag", "v1")).expect(404)
    assert gone.headers["X-Error-Code"] == "RevisionNotFound"
    gone = alice.delete(hf.model(repo, "branch", "feature%2Fx")).expect(404)
    assert "Invalid rev id" in gone.json()["error"]
    main = alice.delete(hf.model(repo, "branch", "main"))
    assert main.status == 409
    assert "Cannot delete refs/heads/main" in main.json()["error"]


def test_only_the_owner_changes_refs(alice, bob, anonymous, repo):
    for caller, status in ((bob, 403), (anonymous, 401)):
        assert caller.post(hf.model(repo, "branch", "x"), json={}).status == status
        assert caller.delete(hf.model(repo, "tag", "x")).status == status
        assert caller.post(hf.model(repo, "super-squash", "main"), json={}).status == status


def test_squash(alice, anonymous, repo):
    before = tree(anonymous, repo, "main?recursive=1")
    head = anonymous.get(hf.model(repo)).json()["sha"]
    alice.post(hf.model(repo, "branch", "kept"), json={}).expect(200)
    alice.post(hf.model(repo, "super-squash", "main"), json={"message": "one"}).expect(200)
    found = anonymous.get(hf.model(repo, "commits", "main")).json()
    assert [commit["title"] for commit in found] == ["one"]
    assert anonymous.get(hf.model(repo)).json()["sha"] == found[0]["id"] != head
    assert tree(anonymous, repo, "main?recursive=1") == before
    assert anonymous.get(hf.model(repo, "commits", "kept")).json()[0]["id"] == head
    assert alice.post(hf.model(repo, "super-squash", "nope"), json={}).status == 404
    hf.commit(alice, repo, hf.add("after.txt", b"1")).expect(200)
    assert len(anonymous.get(hf.model(repo, "commits", "main")).json()) == 2
