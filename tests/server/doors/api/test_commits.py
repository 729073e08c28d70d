"""Commits, branches, tags, trees and history over the API."""

import base64
import hashlib

import pytest


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def first(alice) -> str:
    """A repository with one commit of three files; its id."""
    alice.post("repos", json={"name": "x"}).expect(201)
    files = {"README.md": b"# x\n", "a/one.txt": b"1", "a/b/two.txt": b"22"}
    return alice.commit("alice/x", "Begin", files).expect(201).json()["revision"]


def test_a_commit_and_what_it_says(alice, first):
    made = alice.commit("alice/x", "More", {"three.txt": b"333"}, description="Why.").expect(201)
    commit = made.json()
    assert commit == {
        "revision": commit["revision"],
        "parent": first,
        "changed": True,
        "branch": "main",
        "url": f"http://hub.test/alice/x/tree/{commit['revision']}",
        "pull_request": None,
    }
    history = alice.get("repos/alice/x/commits/main").json()["items"]
    assert [item["title"] for item in history] == ["More", "Begin"]
    assert history[0]["message"] == "More\n\nWhy.\n"
    assert (history[0]["author"], history[0]["parent"]) == ("alice", first)
    assert set(history[0]) == {"revision", "title", "message", "author", "created_at", "parent"}


def test_the_same_again_is_no_commit(alice, first):
    same = alice.commit("alice/x", "Again", {"a/one.txt": b"1"})
    assert (same.status, same.json()["changed"], same.json()["revision"]) == (200, False, first)


def test_all_or_nothing(alice, first):
    operations = [
        {"op": "add", "path": "new.txt", "content": b64(b"new")},
        {"op": "delete", "path": "a"},
        {"op": "delete", "path": "not-there"},
    ]
    body = {"message": "m", "operations": operations}
    refused = alice.post("repos/alice/x/commits/main", json=body)
    assert 400 <= refused.status < 500
    assert alice.get("repos/alice/x/commits/main").json()["items"][0]["revision"] == first
    body["operations"] = operations[:2]
    alice.post("repos/alice/x/commits/main", json=body).expect(201)
    items = alice.get("repos/alice/x/tree/main?recursive=1").json()["items"]
    assert [item["path"] for item in items] == ["README.md", "new.txt"]


def test_two_that_stand_on_the_same_parent(alice, first):
    alice.commit("alice/x", "One", {"1.txt": b"1"}, parent=first).expect(201)
    late = alice.commit("alice/x", "Two", {"2.txt": b"2"}, parent=first)
    assert (late.status, late.code) == (409, "conflict")
    head = alice.get("repos/alice/x").json()["revision"]
    assert late.json()["error"]["head"] == head
    alice.commit("alice/x", "Two", {"2.txt": b"2"}, parent=head).expect(201)


@pytest.mark.parametrize(
    ("operations", "code", "place"),
    [
        ([], "bad_commit", "operations"),
        ([{"op": "add", "path": "a.txt"}], "bad_commit", "a.txt"),
        ([{"op": "add", "path": "a.txt", "content": "!"}], "bad_commit", "a.txt"),
        ([{"op": "add", "path": "a.txt", "content": "ü"}], "bad_commit", "a.txt"),
        ([{"op": "add", "path": "a.txt", "content": "eA==", "sha256": "0" * 64}], "bad_commit",
         "a.txt"),
        ([{"op": "delete", "path": "README.md", "content": "eA=="}], "bad_commit", "README.md"),
        ([{"op": "add", "path": "a.bin", "sha256": "0" * 64}], "bad_commit", "a.bin"),
        ([{"op": "add", "path": "a.bin", "sha256": "x"}], "bad_commit", "a.bin"),
        ([{"op": "add", "path": "../a", "content": "eA=="}], "invalid_path", "../a"),
        ([{"op": "add", "path": "", "content": "eA=="}], "invalid_path", ""),
        ([{"op": "add", "path": "README.md/x", "content": "eA=="}], "path_conflict", "README.md/x"),
        ([{"op": "move", "path": "a"}], "invalid_request", "operations.0.op"),
        ([{"op": "add", "path": "a\x00b", "content": "eA=="}], "invalid_request",
         "operations.0.path"),
        ([{"op": "add", "path": "x.bin", "content": b64(b"\x80\x02}q\x00.")}], "pickle_refused",
         None),
    ],
)  # fmt: skip
def test_operations_that_make_no_sense(alice, first, operations, code, place):
    body = {"message": "m", "operations": operations}
    answer = alice.post("repos/alice/x/commits/main", json=body)
    told = answer.json()["error"]
    assert (answer.status, told["code"]) == (422, code)
    assert place is None or told["place"] == place
    assert alice.get("repos/alice/x").json()["revision"] == first


def test_a_card_that_is_broken_is_refused_with_its_line(alice, first):
    answer = alice.commit("alice/x", "m", {"README.md": b"---\nlicense: [\n---\n"})
    assert (answer.status, answer.code) == (422, "invalid_card")
    assert answer.json()["error"]["place"].startswith("line")


def test_a_large_body_is_refused_before_it_is_read(alice, first):
    content = {"op": "add", "path": "a", "content": "A" * (11 * 1024 * 1024)}
    body = {"message": "m", "operations": [content]}
    answer = alice.post("repos/alice/x/commits/main", json=body)
    assert (answer.status, answer.code) == (413, "too_large")
    # The same without a length that tells it beforehand.
    chunks = (b'{"message": "' + b"x" * 1000, *(b"y" * 1024 * 1024 for _ in range(11)))
    answer = alice.post(
        "repos/alice/x/commits/main", body=chunks, headers={"Content-Type": "application/json"}
    )
    assert (answer.status, answer.code) == (413, "too_large")


def test_branches_and_tags(alice, anonymous, first):
    made = alice.post("repos/alice/x/branches", json={"name": "dev", "revision": "main"})
    assert made.expect(201).json() == {"name": "dev", "revision": first}
    alice.post("repos/alice/x/commits/dev", json={
        "message": "On dev", "operations": [{"op": "delete", "path": "a"}]
    }).expect(201)  # fmt: skip
    for wish in ({"name": "v1", "revision": "main"},
                 {"name": "v2", "revision": "dev", "message": "Second"}):  # fmt: skip
        alice.post("repos/alice/x/tags", json=wish).expect(201)
    dev = alice.get("repos/alice/x/commits/dev").json()["items"][0]["revision"]
    assert anonymous.get("repos/alice/x/refs").json() == {
        "branches": [{"name": "main", "revision": first}, {"name": "dev", "revision": dev}],
        "tags": [{"name": "v1", "revision": first}, {"name": "v2", "revision": dev}],
    }
    assert alice.post("repos/alice/x/tags", json={"name": "v1", "revision": "dev"}).code == (
        "ref_exists"
    )
    assert alice.delete("repos/alice/x/branches/main").code == "default_branch"
    alice.delete("repos/alice/x/branches/dev").expect(204)
    alice.delete("repos/alice/x/tags/v1").expect(204)
    assert alice.delete("repos/alice/x/tags/v1").code == "ref_not_found"
    # Its commits can still be read by their ids.
    assert len(anonymous.get(f"repos/alice/x/commits/{dev}").json()["items"]) == 2


@pytest.mark.parametrize("revision", ["main", "HEAD", "full", "short"])
def test_every_way_to_name_a_revision(anonymous, first, revision):
    name = {"full": first, "short": first[:8]}.get(revision, revision)
    assert anonymous.get(f"repos/alice/x/tree/{name}").json()["revision"] == first
    assert anonymous.get(f"repos/alice/x/manifest/{name}").json()["revision"] == first


def test_folders(anonymous, first):
    top = anonymous.get("repos/alice/x/tree/main").json()
    assert [(i["path"], i["kind"]) for i in top["items"]] == [
        ("README.md", "file"),
        ("a", "folder"),
    ]
    assert top["items"][0] == {
        "path": "README.md",
        "kind": "file",
        "size": 4,
        "sha256": hashlib.sha256(b"# x\n").hexdigest(),
        "oid": hashlib.sha1(b"blob 4\x00# x\n").hexdigest(),
        "large": False,
    }
    inside = anonymous.get("repos/alice/x/tree/main/a").json()
    assert [i["path"] for i in inside["items"]] == ["a/b", "a/one.txt"]
    below = anonymous.get("repos/alice/x/tree/main/a?recursive=true").json()
    assert [i["path"] for i in below["items"]] == ["a/b/two.txt", "a/one.txt"]
    assert anonymous.get("repos/alice/x/tree/main/a/").status == 200
    assert anonymous.get("repos/alice/x/tree/main/README.md").code == "entry_not_found"


def test_pages_of_a_tree(alice, anonymous, first):
    alice.commit("alice/x", "Many", {f"n/{n:03}.txt": b"%d" % n for n in range(25)}).expect(201)
    seen, cursor = [], None
    while True:
        query = {"recursive": 1, "limit": 10} | ({"cursor": cursor} if cursor else {})
        page = anonymous.get("repos/alice/x/tree/main", query=query).expect(200).json()
        assert len(page["items"]) <= 10
        seen += [item["path"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == 28
    assert seen == sorted(seen)
    assert anonymous.get("repos/alice/x/tree/main?cursor=x").code == "bad_cursor"


def test_pages_of_history(alice, anonymous, first):
    for n in range(4):
        alice.commit("alice/x", f"c{n}", {"n.txt": b"%d" % n}).expect(201)
    page = anonymous.get("repos/alice/x/commits/main?limit=2").json()
    assert [item["title"] for item in page["items"]] == ["c3", "c2"]
    alice.commit("alice/x", "later", {"n.txt": b"later"}).expect(201)
    page = anonymous.get(f"repos/alice/x/commits/main?limit=3&cursor={page['next']}").json()
    assert [item["title"] for item in page["items"]] == ["c1", "c0", "Begin"]
    assert page["next"] is None
    assert anonymous.get("repos/alice/x/commits/main?cursor=abc").code == "bad_cursor"
    unknown = anonymous.get(f"repos/alice/x/commits/main?cursor={'0' * 40}")
    assert unknown.code == "revision_not_found"


def test_an_empty_repository(alice, anonymous):
    alice.post("repos", json={"name": "empty"}).expect(201)
    assert anonymous.get("repos/alice/empty/refs").json() == {"branches": [], "tags": []}
    for what in ("tree", "commits", "manifest", "inspections"):
        assert anonymous.get(f"repos/alice/empty/{what}/main").code == "revision_not_found"


def test_a_manifest(alice, anonymous, weights):
    card = b"---\nbase_model: test/tiny\ninstance_prompt: glasspaint\n---\n# Card\n"
    alice.publish("alice/m", {"sub/a%20b.safetensors": weights, "README.md": card})
    found = anonymous.get("repos/alice/m/manifest/main").json()
    assert set(found) == {"repo", "revision", "files", "adapters", "trigger_words", "cover"}
    assert found["cover"] is None
    files = {file["path"]: file for file in found["files"]}
    assert set(files) == {".gitattributes", "README.md", "sub/a b.safetensors"}
    adapter = files["sub/a b.safetensors"]
    assert (adapter["size"], adapter["large"]) == (len(weights), True)
    for file in found["files"]:
        assert f"/resolve/{found['revision']}/" in file["url"]
        body = anonymous.get(file["url"].removeprefix("http://hub.test")).expect(200).body
        assert hashlib.sha256(body).hexdigest() == file["sha256"]
        assert len(body) == file["size"]
    (known,) = found["adapters"]
    assert known["sha256"] == adapter["sha256"]
    assert (known["path"], known["layout"], known["method"]) == (adapter["path"], "peft", "lora")
    assert found["trigger_words"] == ["glasspaint"]


def test_inspections_and_jobs(site, alice, bob, anonymous, weights):
    alice.publish("alice/m", {"a.safetensors": weights, "README.md": b"# Hi"})
    (found,) = anonymous.get("repos/alice/m/inspections/main").json()["items"]
    assert (found["path"], found["state"], found["health"]) == ("a.safetensors", "waiting", None)
    assert found["summary"]["layout"] == "peft"
    (job,) = alice.get("repos/alice/m/jobs").json()["items"]
    assert (job["kind"], job["state"], job["error"]) == ("inspect", "queued", None)
    assert alice.post(f"repos/alice/m/jobs/{job['id']}/retry").code == "job_not_changeable"
    # Another's job can't even be seen to exist.
    bob.publish("bob/own", {"a.txt": b"x"})
    assert bob.post(f"repos/bob/own/jobs/{job['id']}/retry").code == "job_not_found"
    assert bob.post("repos/bob/own/jobs/999/retry").code == "job_not_found"


def create(caller, repo, files, **more):
    operations = [{"op": "add", "path": path, "content": b64(data)} for path, data in files.items()]
    body = {"message": "Begin", "operations": operations, "create": True, **more}
    return caller.post(f"repos/{repo}/commits/main", json=body)


def test_a_first_commit_makes_the_repository(alice, bob, anonymous):
    made = create(alice, "alice/fresh", {"a.txt": b"1"}, private=True).expect(201).json()
    assert alice.get("repos/alice/fresh").json()["private"] is True
    assert anonymous.get("repos/alice/fresh").status == 404
    # Who believes that there is nothing yet does not put his files over those of others.
    late = create(alice, "alice/fresh", {"a.txt": b"2"}).expect(409).json()["error"]
    assert (late["code"], late["head"]) == ("conflict", made["revision"])
    create(alice, "alice/fresh", {"a.txt": b"2"}, parent=made["revision"]).expect(201)
    create(bob, "alice/other", {"a.txt": b"1"}).expect(403)
    create(anonymous, "alice/other", {"a.txt": b"1"}).expect(401)


@pytest.mark.parametrize(
    "files",
    [{"adapter_config.json": b"{"}, {"README.md": b"---\nlicense: [\n---\n"}, {"../x": b"1"}],
)
def test_a_refused_first_commit_makes_none(alice, files):
    create(alice, "alice/fresh", {"a.txt": b"1", **files}).expect(422)
    assert alice.get("repos/alice/fresh").status == 404
    # The name is free as before.
    create(alice, "alice/fresh", {"a.txt": b"1"}).expect(201)


def test_a_push_that_would_make_one_is_planned_and_makes_none(alice, bob):
    file = {"path": "a.txt", "size": 1, "sha256": hashlib.sha256(b"1").hexdigest()}

    def plan(caller, repo, **more):
        return caller.post(f"repos/{repo}/preupload/main", json={"files": [file], **more})

    told = plan(alice, "alice/fresh", create=True, private=True).expect(200).json()
    assert told == {"revision": None, "files": [{"path": "a.txt", "action": "inline"}]}
    assert alice.get("repos/alice/fresh").status == 404
    plan(alice, "alice/fresh").expect(404)
    plan(bob, "alice/fresh", create=True).expect(403)
    alice.post("repos", json={"name": "gone"}).expect(201)
    alice.delete("repos/alice/gone").expect(204)
    assert plan(alice, "alice/gone", create=True).json()["error"]["code"] in (
        "name_used",
        "repo_gone",
    )
