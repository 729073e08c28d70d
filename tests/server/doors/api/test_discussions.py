"""Discussions and pull requests by the hub's own API."""

import base64

import pytest

from support.inside import adapter


@pytest.fixture
def repo(alice):
    card = b"---\nlicense: mit\n---\n# Style\n"
    alice.publish(
        "alice/style", {"README.md": card, "a.txt": b"one\n", "w.safetensors": adapter(1)}
    )
    return "repos/alice/style"


def commit(who, repo, files, branch="main", status=201, **more):
    operations = [
        {"op": "add", "path": path, "content": base64.b64encode(data).decode()}
        for path, data in files.items()
    ]
    body = {"message": "Change", "operations": operations, **more}
    return who.post(f"{repo}/commits/{branch}", json=body).expect(status).json()


def test_from_begin_to_end(repo, alice, bob, anonymous):
    body = {"title": "Question", "text": "Which strength?"}
    made = bob.post(f"{repo}/discussions", json=body).expect(201).json()
    assert (made["num"], made["author"], made["ref"]) == (1, "bob", None)
    assert made["url"] == "http://hub.test/alice/style/discussions/1"
    here = f"{repo}/discussions/1"
    comment = alice.post(f"{here}/comments", json={"text": "0.7"}).expect(201).json()
    edit = f"{here}/comments/{comment['id']}"
    bob.patch(edit, json={"text": "x"}).expect(403)
    assert alice.patch(edit, json={"text": "0.8"}).expect(200).json()["text"] == "0.8"
    bob.delete(edit).expect(403)
    hidden = alice.delete(edit).expect(200).json()
    assert (hidden["hidden"], hidden["text"]) == (True, None)
    change = {"title": "Strength?", "status": "closed", "comment": "Thanks"}
    assert bob.patch(here, json=change).expect(200).json()["status"] == "closed"
    events = anonymous.get(f"{here}/events").expect(200).json()["items"]
    assert [event["kind"] for event in events] == [
        "comment", "comment", "title-change", "comment", "status-change",
    ]  # fmt: skip
    found = anonymous.get(f"{repo}/discussions", query={"status": "closed"}).expect(200).json()
    assert [one["title"] for one in found["items"]] == ["Strength?"]
    assert anonymous.get(f"{repo}/discussions", query={"status": "open"}).json()["items"] == []
    anonymous.post(f"{here}/comments", json={"text": "x"}).expect(401)
    bob.get(f"{here}/diff").expect(409)


def test_a_reader_opens_a_pull_request(repo, alice, bob, anonymous):
    plan = {"files": [{"path": "a.txt", "size": 4, "sha256": "0" * 64}], "pull_request": True}
    bob.post(f"{repo}/preupload/main", json={**plan, "pull_request": False}).expect(403)
    bob.post(f"{repo}/preupload/main", json=plan).expect(200)
    files = {"a.txt": b"two\n", "README.md": b"---\nlicense: apache-2.0\ntags: [a]\n---\n# Style\n"}
    commit(bob, repo, files, status=403)
    made = commit(bob, repo, files, pull_request=True)
    assert made["pull_request"] == 1
    more = commit(bob, repo, {"b.txt": b"b"}, branch="refs%2Fpr%2F1")
    assert more["parent"] == made["revision"]
    bob.post(f"{repo}/preupload/refs%2Fpr%2F1", json={"files": []}).expect(200)
    diff = anonymous.get(f"{repo}/discussions/1/diff").expect(200).json()
    assert (diff["revision"], diff["mergeable"], diff["conflicts"]) == (more["revision"], True, [])
    shown = {file["path"]: file for file in diff["files"]}
    assert {path: file["kind"] for path, file in shown.items()} == {
        "README.md": "changed", "a.txt": "changed", "b.txt": "added",
    }  # fmt: skip
    assert "-one\n+two\n" in shown["a.txt"]["diff"]
    assert diff["card"] == [
        {"name": "license", "old": "mit", "new": "apache-2.0"},
        {"name": "tags", "old": None, "new": ["a"]},
    ]
    merge = f"{repo}/discussions/1/merge"
    bob.post(merge).expect(403)
    stale = alice.post(merge, json={"revision": made["revision"]}).expect(409)
    assert stale.json()["error"]["head"] == more["revision"]
    merged = alice.post(merge, json={"revision": more["revision"], "comment": "Fine"}).expect(200)
    assert merged.json()["status"] == "merged"
    assert merged.json()["merge_revision"] == anonymous.get(repo).json()["revision"]
    assert anonymous.get(repo).json()["license"] == "apache-2.0"


def test_adapters_are_compared(repo, alice, bob):
    weights = adapter(2, rank=4)
    upload = bob.post("uploads", json={"name": "w.safetensors", "size": len(weights)}).json()
    bob.call(
        "PATCH", f"uploads/{upload['id']}", body=weights, headers={"Upload-Offset": "0"}
    ).expect(200)
    sha256 = bob.post(f"uploads/{upload['id']}/complete").expect(200).json()["sha256"]
    body = {
        "message": "Longer",
        "operations": [{"op": "add", "path": "w.safetensors", "sha256": sha256}],
        "pull_request": True,
    }
    bob.post(f"{repo}/commits/main", json=body).expect(201)
    (file,) = bob.get(f"{repo}/discussions/1/diff").expect(200).json()["files"]
    assert file["new"]["sha256"] == sha256
    assert {"name": "rank", "old": 2, "new": 4} in file["facts"]


def test_conflicts(repo, alice, bob):
    commit(bob, repo, {"a.txt": b"two\n"}, pull_request=True)
    commit(alice, repo, {"a.txt": b"three\n"})
    assert bob.get(f"{repo}/discussions/1/diff").json()["conflicts"] == ["a.txt"]
    error = alice.post(f"{repo}/discussions/1/merge").expect(409).json()["error"]
    assert (error["code"], error["files"]) == ("merge_conflict", ["a.txt"])


def test_a_draft_for_another_branch(repo, alice, bob):
    alice.post(f"{repo}/branches", json={"name": "dev", "revision": "main"}).expect(201)
    body = {"title": "For dev", "text": "x", "pull_request": True, "branch": "dev"}
    made = bob.post(f"{repo}/discussions", json=body).expect(201).json()
    assert (made["status"], made["branch"], made["ref"]) == ("draft", "dev", "refs/pr/1")
    bob.post(f"{repo}/discussions", json={**body, "branch": "none"}).expect(404)
    bob.post(f"{repo}/discussions", json={**body, "pull_request": False}).expect(422)
    commit(bob, repo, {"b.txt": b"b"}, branch="refs%2Fpr%2F1")
    bob.patch(f"{repo}/discussions/1", json={"status": "open"}).expect(200)
    alice.post(f"{repo}/discussions/1/merge").expect(200)
    alice.get(f"{repo}/raw/dev/b.txt").expect(200)
    alice.get(f"{repo}/raw/main/b.txt").expect(404)


def test_of_a_gated_repository_a_diff_shows_the_card_only(repo, alice, bob, anonymous):
    files = {"a.txt": b"secret\n", "README.md": b"# Seen\n"}
    commit(alice, repo, files, pull_request=True)
    alice.patch(repo, json={"gated": "manual"}).expect(200)
    shown = anonymous.get(f"{repo}/discussions/1/diff").expect(200)
    assert b"secret" not in shown.body
    assert b"Seen" in shown.body
    assert b"secret" in alice.get(f"{repo}/discussions/1/diff").body
    for body in ({"title": "x", "text": "y", "pull_request": True},):
        bob.post(f"{repo}/discussions", json=body).expect(403)
    bob.post(f"{repo}/discussions", json={"title": "x", "text": "y"}).expect(201)


@pytest.mark.parametrize("num", ["0", "x", "99999999999999999999"])
def test_numbers_that_are_none(repo, bob, num):
    bob.get(f"{repo}/discussions/{num}").expect(422)


def test_a_fault_names_the_field_that_was_sent(alice):
    alice.publish("alice/fields", {"a.txt": b"1"})
    threads = "repos/alice/fields/discussions"
    for wish in ({"title": "x", "text": " "}, {"title": "x", "text": " ", "pull_request": True}):
        assert alice.post(threads, json=wish).expect(422).json()["error"]["place"] == "text"
    alice.post(threads, json={"title": "x", "text": "y"}).expect(201)
    empty = alice.post(f"{threads}/1/comments", json={"text": " "}).expect(422)
    assert empty.json()["error"]["place"] == "text"
