"""Repositories over the API: their whole life."""

import pytest


def test_the_life_of_a_repository(alice, anonymous, weights):
    made = alice.post("repos", json={"name": "My-Style"}).expect(201).json()
    assert made["id"] == "alice/My-Style"
    assert made["url"] == "http://hub.test/alice/My-Style"
    assert (made["revision"], made["private"], made["default_branch"]) == (None, False, "main")
    again = alice.post("repos", json={"name": "my-style"})
    assert (again.status, again.code) == (409, "repo_exists")
    done = alice.put("repos/alice/my-style/raw/main/a.safetensors", body=weights).expect(201).json()
    shown = anonymous.get("repos/ALICE/my-style").expect(200).json()
    assert shown["revision"] == done["revision"]
    assert (shown["layout"], shown["size"]) == ("peft", len(weights))
    changed = alice.patch("repos/alice/my-style", json={"name": "better", "private": True})
    assert changed.expect(200).json()["id"] == "alice/better"
    assert anonymous.get("repos/alice/better").code == "repo_not_found"
    alice.delete("repos/alice/better").expect(204)
    gone = alice.get("repos/alice/better")
    assert (gone.status, gone.code) == (410, "repo_gone")
    assert alice.post("repos", json={"name": "better"}).code == "name_used"


def test_every_field_that_is_promised(alice, weights):
    alice.put("repos/alice/x/raw/main/a.safetensors?create=1", body=weights).expect(201)
    names = {
        "id", "owner", "name", "private", "default_branch", "revision", "title", "summary",
        "license", "base_model", "family", "family_declared", "layout", "method", "rank", "size",
        "trigger_words", "tags", "stars", "downloads", "starred", "health", "created_at",
        "updated_at", "url", "forked_from", "gated",
    }  # fmt: skip
    shown = alice.get("repos/alice/x").json()
    assert set(shown) == names
    assert set(alice.get("repos").json()["items"][0]) == names
    assert shown["created_at"].endswith("Z")


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("", 422, "invalid_name"),
        (".git", 422, "invalid_name"),
        ("a b", 422, "invalid_name"),
        ("a/b", 422, "invalid_name"),
        ("x" * 97, 422, "invalid_name"),
        ("con", 422, "invalid_name"),
    ],
)
def test_names_that_are_none(alice, name, status, code):
    answer = alice.post("repos", json={"name": name})
    assert (answer.status, answer.code) == (status, code)


def test_nobody_publishes_under_another_name(alice, bob, anonymous):
    assert bob.post("repos", json={"name": "x", "owner": "alice"}).code == "not_allowed"
    assert anonymous.post("repos", json={"name": "x"}).code == "login_required"
    alice.publish("alice/x", {"a.txt": b"x"})
    for caller, code in ((bob, "not_allowed"), (anonymous, "login_required")):
        assert caller.patch("repos/alice/x", json={"name": "y"}).code == code
        assert caller.delete("repos/alice/x").code == code
        assert caller.commit("alice/x", "m", {"a": b"b"}).code == code
        assert caller.put("repos/alice/x/raw/main/a", body=b"b").code == code
        assert caller.get("repos/alice/x/jobs").code == code
        plan = {"files": []}
        assert caller.post("repos/alice/x/preupload/main", json=plan).code == code
    assert alice.get("repos/alice/x/raw/main/a.txt").body == b"x"


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("repos/alice/old", "/api/hub/v1/repos/alice/later"),
        (
            "repos/ALICE/Old/raw/main/sub%2Fa%20b.txt?download=1&x=%2F",
            "/api/hub/v1/repos/alice/later/raw/main/sub%2Fa%20b.txt?download=1&x=%2F",
        ),
        ("repos/alice/old/tree/main/sub", "/api/hub/v1/repos/alice/later/tree/main/sub"),
        ("/alice/old/resolve/main/a.txt", "/alice/later/resolve/main/a.txt"),
        ("/alice/old/", "/alice/later/"),
    ],
)
def test_a_former_name_leads_on(alice, anonymous, path, there):
    alice.publish("alice/old", {"a.txt": b"x"})
    alice.patch("repos/alice/old", json={"name": "later"}).expect(200)
    answer = anonymous.get(path)
    assert (answer.status, answer.headers["Location"]) == (307, there)
    if not path.startswith("/"):
        assert answer.code == "repo_moved"
        told = answer.json()["error"]
        assert (told["owner"], told["name"]) == ("alice", "later")


def test_a_former_name_keeps_the_method(alice):
    alice.publish("alice/old", {"a.txt": b"x"})
    alice.patch("repos/alice/old", json={"name": "later"}).expect(200)
    assert alice.put("repos/alice/old/raw/main/a.txt", body=b"y").status == 307
    assert alice.delete("repos/alice/old").status == 307
    assert alice.get("repos/alice/later/raw/main/a.txt").body == b"x"


def test_a_former_name_tells_nobody_of_a_private_one(alice, anonymous):
    alice.publish("alice/old", {"a.txt": b"x"})
    alice.patch("repos/alice/old", json={"name": "later", "private": True}).expect(200)
    assert alice.get("repos/alice/old").status == 307
    assert anonymous.get("repos/alice/old").code == "repo_not_found"


def test_lists_and_their_pages(alice, bob, anonymous):
    for name in "abcde":
        alice.post("repos", json={"name": name * 2, "private": name == "c"}).expect(201)
    query = {"sort": "name", "limit": 2}
    seen, cursor = [], None
    while True:
        page = alice.get("repos", query=query | ({"cursor": cursor} if cursor else {})).json()
        seen += [item["name"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["aa", "bb", "cc", "dd", "ee"]
    others = [item["name"] for item in bob.get("repos", query={"sort": "name"}).json()["items"]]
    assert others == ["aa", "bb", "dd", "ee"]
    empty = {"items": [], "next": None, "told": []}
    assert anonymous.get("repos", query={"owner": "bob"}).json() == empty
    found = anonymous.get("repos", query={"search": "dd"}).json()["items"]
    assert [item["name"] for item in found] == ["dd"]
    line = {"q": "-@bob @alice sort:name rank:x", "search": "dd", "limit": 5}
    told = anonymous.get("repos", query=line).json()
    assert [item["name"] for item in told["items"]] == ["dd"]
    assert len(told["told"]) == 1
    assert "rank:16" in told["told"][0]
    by_line = anonymous.get("repos", query={"q": "sort:name"}).json()["items"]
    assert [item["name"] for item in by_line] == ["aa", "bb", "dd", "ee"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"sort": "luck"}, "bad_sort"),
        ({"cursor": "x"}, "bad_cursor"),
        ({"limit": 0}, "invalid_request"),
        ({"limit": 101}, "invalid_request"),
        ({"limit": "many"}, "invalid_request"),
    ],
)
def test_questions_that_make_no_sense(anonymous, query, code):
    answer = anonymous.get("repos", query=query)
    assert (400 <= answer.status < 500, answer.code) == (True, code)


def test_stars(alice, bob, anonymous):
    alice.post("repos", json={"name": "x"}).expect(201)
    for _ in range(2):
        assert bob.put("repos/alice/x/star").json() == {"starred": True, "stars": 1}
    assert bob.get("repos/alice/x").json()["starred"] is True
    assert alice.get("repos/alice/x").json()["starred"] is False
    assert anonymous.put("repos/alice/x/star").status == 401
    for _ in range(2):
        assert bob.delete("repos/alice/x/star").json() == {"starred": False, "stars": 0}


def test_accounts(site, alice, anonymous):
    from lorahub_server.accounts.service import get_account, rename_account

    shown = anonymous.get("accounts/ALICE").json()
    assert set(shown) == {
        "name", "kind", "display_name", "bio", "website", "about", "links", "created_at",
    }  # fmt: skip
    assert anonymous.get("accounts/nobody").code == "account_not_found"
    assert anonymous.get("accounts/..%2F").status == 400
    with site.hub.db.write() as session:
        rename_account(session, get_account(session, "alice"), "alicia")
    moved = anonymous.get("accounts/alice")
    assert (moved.status, moved.headers["Location"]) == (
        307,
        "http://hub.test/api/hub/v1/accounts/alicia",
    )


def test_a_pull_request_takes_no_single_file(alice):
    alice.publish("alice/x", {"a.txt": b"x"})
    address = "repos/alice/x/raw/refs%2Fpr%2F1/a.txt"
    for answer in (alice.put(address, body=b"y"), alice.delete(address)):
        error = answer.expect(422).json()["error"]
        assert error["code"] == "invalid_ref"
        assert "POST .../commits/" in error["message"]
