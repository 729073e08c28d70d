"""Large files in pieces, one file raw, and what a push is told beforehand."""

import hashlib

import pytest

from lorahub_server.blobs.limits import INLINE_MAX
from support import bad_inputs

# Asking for it fails the request with an error of its own.
UNREAD = [AssertionError("the body was read")]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def send(caller, upload_id: str, offset: int, body: bytes, **headers: str):
    headers = {"Upload-Offset": str(offset), **headers}
    return caller.patch(f"uploads/{upload_id}", body=body, headers=headers)


def test_in_pieces(alice, weights):
    wish = {"name": "a.safetensors", "size": len(weights), "sha256": sha(weights)}
    upload = alice.post("uploads", json=wish).expect(201).json()
    assert upload == {
        "id": upload["id"],
        "offset": 0,
        "size": len(weights),
        "state": "open",
        "sha256": sha(weights),
    }
    sent = send(alice, upload["id"], 0, weights[:100]).expect(200).json()
    assert sent["offset"] == 100
    assert alice.get(f"uploads/{upload['id']}").json() == sent
    again = alice.post("uploads", json=wish).expect(200).json()
    assert again == sent
    wrong = send(alice, upload["id"], 50, weights[50:])
    assert (wrong.status, wrong.code) == (409, "offset_mismatch")
    assert wrong.json()["error"]["offset"] == 100
    early = alice.post(f"uploads/{upload['id']}/complete")
    assert (early.status, early.code) == (409, "upload_incomplete")
    assert send(alice, upload["id"], 100, weights[100:]).json()["offset"] == len(weights)
    for _ in range(2):
        done = alice.post(f"uploads/{upload['id']}/complete", json={}).expect(200).json()
        assert (done["sha256"], done["size"]) == (sha(weights), len(weights))
        assert done["summary"]["layout"] == "peft"
    assert alice.get(f"uploads/{upload['id']}").json()["state"] == "done"
    assert send(alice, upload["id"], len(weights), b"more").code == "upload_closed"
    alice.post("repos", json={"name": "x"}).expect(201)
    operation = {"op": "add", "path": "a.safetensors", "sha256": sha(weights)}
    body = {"message": "m", "operations": [operation]}
    alice.post("repos/alice/x/commits/main", json=body).expect(201)
    assert alice.get("/alice/x/resolve/main/a.safetensors").body == weights


def test_what_is_known_is_done_at_once_but_only_for_those_who_may_know(alice, bob, weights):
    alice.publish("alice/secret", {"a.safetensors": weights}, private=True)
    wish = {"name": "a.safetensors", "size": len(weights), "sha256": sha(weights)}
    assert alice.post("uploads", json=wish).json()["state"] == "done"
    assert bob.post("uploads", json=wish).expect(201).json()["state"] == "open"
    plan = {"files": [{"path": "b.safetensors", "size": len(weights), "sha256": sha(weights)}]}
    for caller, owner, action in ((alice, "alice", "known"), (bob, "bob", "upload")):
        caller.post("repos", json={"name": "y"}).expect(201)
        told = caller.post(f"repos/{owner}/y/preupload/main", json=plan).expect(200).json()
        assert told["files"] == [{"path": "b.safetensors", "action": action}]


def test_the_uploads_of_others_are_not_there(alice, bob, anonymous, weights):
    upload = alice.post("uploads", json={"name": "a.safetensors", "size": 9}).json()["id"]
    for caller in (bob, anonymous):
        for answer in (
            caller.get(f"uploads/{upload}"),
            send(caller, upload, 0, b"x"),
            caller.post(f"uploads/{upload}/complete"),
            caller.delete(f"uploads/{upload}"),
        ):
            code = "login_required" if caller is anonymous else "upload_not_found"
            assert answer.code == code
    alice.delete(f"uploads/{upload}").expect(204)
    assert alice.get(f"uploads/{upload}").code == "upload_not_found"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"Upload-Offset": "-1"}, 422, "invalid_request"),
        ({"Upload-Offset": "x"}, 422, "invalid_request"),
        ({"Upload-Offset": "9" * 30}, 422, "invalid_request"),
        ({"Upload-Offset": "0", "Content-Length": "99"}, 409, "upload_overrun"),
    ],
)
def test_pieces_that_do_not_fit(alice, headers, status, code):
    upload = alice.post("uploads", json={"name": "a.safetensors", "size": 9}).json()["id"]
    answer = alice.patch(f"uploads/{upload}", body=b"x" * 99, headers=headers)
    assert (answer.status, answer.code) == (status, code)
    assert alice.get(f"uploads/{upload}").json()["offset"] == 0


def test_more_than_announced_in_chunks(alice):
    upload = alice.post("uploads", json={"name": "a.safetensors", "size": 9}).json()["id"]
    answer = alice.patch(
        f"uploads/{upload}", body=iter([b"x" * 5] * 5), headers={"Upload-Offset": "0"}
    )
    assert (answer.status, answer.code) == (409, "upload_overrun")


@pytest.mark.parametrize(
    "wish",
    [
        {"name": "a", "size": -1},
        {"name": "a", "size": 2**63},
        {"name": "a", "size": 1.5},
        {"name": "a", "size": 1, "sha256": "xyz"},
        {"name": "../..", "size": 1},
        {"name": "", "size": 1},
        {"name": "a\x00", "size": 1},
        {"name": "a", "size": 33 * 1024**3},
    ],
)
def test_uploads_that_make_no_sense(alice, wish):
    answer = alice.post("uploads", json=wish)
    assert answer.status in (413, 422)
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("bad", bad_inputs.NOT_SAFETENSORS, ids=str)
def test_bad_files_are_refused_the_same_on_both_ways(alice, bad):
    content = bad.make()
    upload = alice.post("uploads", json={"name": bad.filename, "size": len(content)}).json()["id"]
    send(alice, upload, 0, content).expect(200)
    for _ in range(2):
        answer = alice.post(f"uploads/{upload}/complete")
        assert (answer.status, answer.code) == (422, bad.code)
    raw = alice.put(f"repos/alice/x/raw/main/{bad.filename}?create=1", body=content)
    assert (raw.status, raw.code) == (422, bad.code)
    assert raw.json()["error"]["message"]
    assert alice.get("repos/alice/x").status == 404


class TestRaw:
    @pytest.mark.parametrize("size", [0, 1, INLINE_MAX, INLINE_MAX + 1, 3 * INLINE_MAX + 7])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_any_size(self, alice, size, chunked):
        content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
        cut = [content[at : at + 70_000] for at in range(0, size, 70_000)]
        made = alice.put(
            "repos/alice/x/raw/main/sub/data.bin2?create=1", body=iter(cut) if chunked else content
        )
        assert made.expect(201).json()["branch"] == "main"
        assert alice.get("/alice/x/resolve/main/sub/data.bin2").body == content
        (item,) = alice.get("repos/alice/x/tree/main/sub").json()["items"]
        assert (item["size"], item["large"]) == (size, size > INLINE_MAX)

    def test_messages(self, alice):
        path = "repos/alice/x/raw/main/a.txt"
        alice.put(f"{path}?create=1&private=1", body=b"1").expect(201)
        alice.put(path, body=b"2").expect(201)
        alice.put(f"{path}?message=Third%20time", body=b"3").expect(201)
        alice.delete(path).expect(200)
        titles = [i["title"] for i in alice.get("repos/alice/x/commits/main").json()["items"]]
        assert titles == ["Delete a.txt", "Third time", "Update a.txt", "Add a.txt"]
        assert alice.get("repos/alice/x").json()["private"] is True

    def test_the_same_again_changes_nothing(self, alice, weights):
        path = "repos/alice/x/raw/main/a.safetensors"
        first = alice.put(f"{path}?create=1", body=weights).expect(201).json()
        again = alice.put(path, body=weights).expect(200).json()
        assert (again["changed"], again["revision"]) == (False, first["revision"])

    def test_a_parent_that_moved_on(self, alice):
        path = "repos/alice/x/raw/main/a.txt"
        first = alice.put(f"{path}?create=1", body=b"1").json()["revision"]
        alice.put(f"{path}?parent={first}", body=b"2").expect(201)
        assert alice.put(f"{path}?parent={first}", body=b"3").code == "conflict"

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("repos/alice/none/raw/main/a.txt", "repo_not_found"),
            ("repos/alice/x/raw/dev/a.txt", "ref_not_found"),
            ("repos/alice/x/raw/a..b/a.txt", "invalid_ref"),
            ("repos/alice/x/raw/main/.git/config", "invalid_path"),
            ("repos/alice/x/raw/main/con.txt", "invalid_path"),
            ("repos/bob/x/raw/main/a.txt?create=1", "not_allowed"),
            ("repos/alice/.git/raw/main/a.txt?create=1", "invalid_name"),
        ],
    )
    def test_refused_before_the_body_is_read(self, alice, path, code):
        alice.post("repos", json={"name": "x"}).expect(201)
        answer = alice.put(path, body=UNREAD)
        assert answer.code == code, answer.body

    def test_a_file_that_is_too_large_by_its_length(self, start_site):
        site = start_site(max_file_bytes=1000)
        alice = site.add_account("alice")
        path = "repos/alice/x/raw/main/a.txt?create=1"
        answer = alice.put(path, body=UNREAD, headers={"Content-Length": "1001"})
        assert (answer.status, answer.code) == (413, "file_too_large")
        answer = alice.put(path, body=iter([b"x" * 400_000] * 4))
        assert answer.status == 413
        assert alice.get("repos/alice/x").status == 404

    def test_folders_go_too(self, alice):
        alice.publish("alice/x", {"a/1.txt": b"1", "a/2.txt": b"2", "b.txt": b"b"})
        alice.delete("repos/alice/x/raw/main/a?message=Tidy").expect(200)
        items = alice.get("repos/alice/x/tree/main?recursive=1").json()["items"]
        assert [item["path"] for item in items] == ["b.txt"]
        assert alice.delete("repos/alice/x/raw/main/a").code == "entry_not_found"

    def test_nothing_is_left_of_a_broken_one(self, site, alice):
        alice.put("repos/alice/x/raw/main/a.bin?create=1", body=b"\x80\x02" + bytes(INLINE_MAX * 2))
        assert list(site.hub.store.list("")) == []


def test_a_plan(alice, weights):
    big = b"x" * (INLINE_MAX + 1)
    alice.publish("alice/x", {"same.txt": b"same", "a.safetensors": weights})
    files = {
        "same.txt": (b"same", "same"),
        "other.txt": (b"other", "inline"),
        "copy.safetensors": (weights, "known"),
        "new.safetensors": (weights + b"x", "upload"),
        "big.png": (big, "upload"),
        "README.md": (b"# x", "inline"),
        "edge.txt": (b"x" * INLINE_MAX, "inline"),
    }
    asked = [
        {"path": path, "size": len(content), "sha256": sha(content)}
        for path, (content, _) in files.items()
    ]
    told = alice.post("repos/alice/x/preupload/main", json={"files": asked}).expect(200).json()
    assert told["revision"] == alice.get("repos/alice/x").json()["revision"]
    assert {file["path"]: file["action"] for file in told["files"]} == {
        path: action for path, (_, action) in files.items()
    }


@pytest.mark.parametrize(
    ("file", "status", "code"),
    [
        ({"path": "../a", "size": 1, "sha256": "0" * 64}, 422, "invalid_path"),
        ({"path": "a", "size": 1, "sha256": "0"}, 422, "bad_commit"),
        ({"path": "a", "size": 64 * 1024**3, "sha256": "0" * 64}, 413, "file_too_large"),
        ({"path": "a", "size": -1, "sha256": "0" * 64}, 422, "invalid_request"),
    ],
)
def test_a_plan_that_can_not_be(alice, file, status, code):
    alice.post("repos", json={"name": "x"}).expect(201)
    answer = alice.post("repos/alice/x/preupload/main", json={"files": [file]})
    told = answer.json()["error"]
    assert (answer.status, told["code"]) == (status, code)
    assert file["path"] in told["place"] or told["place"].startswith("files.0")


def test_a_plan_has_an_end(alice):
    alice.post("repos", json={"name": "x"}).expect(201)
    file = {"path": "a", "size": 1, "sha256": "0" * 64}
    answer = alice.post("repos/alice/x/preupload/main", json={"files": [file] * 1001})
    assert (answer.status, answer.code) == (422, "invalid_request")
