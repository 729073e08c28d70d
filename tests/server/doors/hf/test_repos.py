"""Repositories begin, move and end; and who may do what."""

import pytest

from support import hf
from support.inside import adapter


def test_a_new_one_has_a_commit(alice, anonymous):
    made = hf.create(alice, "glass", type="model", private=False, lfsmultipartthresh=1, sdk=None)
    told = made.expect(200).json()
    assert told["url"] == "http://hub.test/alice/glass"
    assert told["name"] == "alice/glass"
    commits = anonymous.get(hf.model("alice/glass", "commits", "main")).expect(200).json()
    assert [commit["title"] for commit in commits] == ["initial commit"]
    attributes = anonymous.get("/alice/glass/resolve/main/.gitattributes").expect(200).text
    assert "*.safetensors filter=lfs diff=lfs merge=lfs -text\n" in attributes


def test_again(alice):
    hf.create(alice, "Glass").expect(200)
    again = hf.create(alice, "glass", organization="ALICE").expect(409).json()
    assert again["url"] == "http://hub.test/alice/Glass"
    assert "already" in again["error"]


@pytest.mark.parametrize(
    ("more", "private"),
    [
        ({}, False),
        ({"private": True}, True),
        ({"visibility": "private"}, True),
        ({"visibility": "public", "private": None}, False),
    ],
)
def test_who_sees_it(alice, anonymous, more, private):
    hf.create(alice, "glass", **more).expect(200)
    assert anonymous.get(hf.model("alice/glass")).status == (401 if private else 200)
    assert alice.get(hf.model("alice/glass")).json()["private"] is private


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"organization": "bob"}, 403),
        ({"organization": "nobody"}, 403),
        ({"type": "dataset"}, 400),
        ({"visibility": "protected"}, 400),
        ({"name": "a--b"}, 400),
        ({"name": ""}, 400),
        ({"name": "a/b"}, 400),
        ({"name": None}, 422),
        ({"name": "x\0"}, 422),
    ],
)
def test_what_cannot_be(alice, bob, more, status):
    answer = alice.post("/api/repos/create", json={"name": "glass", **more})
    assert answer.status == status, answer.body
    assert isinstance(answer.json()["error"], str)
    assert answer.headers["X-Error-Message"]


def test_who_may_not(site, alice, anonymous):
    reader = site.token_of("alice", "read")
    assert hf.create(anonymous, "x").status == 401
    assert hf.create(reader, "x").status == 403
    settings = {"private": True}
    hf.create(alice, "glass").expect(200)
    for caller, status in ((anonymous, 401), (reader, 403), (site.add_account("eve"), 403)):
        assert caller.put(hf.model("alice/glass", "settings"), json=settings).status == status
        body = {"name": "glass", "organization": "alice"}
        assert caller.delete("/api/repos/delete", json=body).status == status
        move = {"fromRepo": "alice/glass", "toRepo": "alice/y"}
        assert caller.post("/api/repos/move", json=move).status == status
    alice.get(hf.model("alice/glass")).expect(200)


def test_settings(alice, bob, anonymous):
    hf.create(alice, "glass").expect(200)
    address = hf.model("alice/glass", "settings")
    assert alice.put(address, json={"private": True}).expect(200).json()["private"] is True
    assert anonymous.get(hf.model("alice/glass")).status == 401
    assert bob.put(address, json={"visibility": "public"}).status == 404
    alice.put(address, json={"visibility": "public", "gated": False}).expect(200)
    assert anonymous.get(hf.model("alice/glass")).status == 200
    assert alice.put(address, json={"gated": "auto"}).expect(200).json()["gated"] == "auto"
    assert alice.put(address, json={"gated": "maybe"}).status == 422


def test_moving_there_and_back(alice, anonymous):
    hf.create(alice, "glass").expect(200)
    hf.create(alice, "other").expect(200)

    def move(old: str, new: str, status: int = 200) -> dict:
        body = {"fromRepo": old, "toRepo": new, "type": "model"}
        return dict(alice.post("/api/repos/move", json=body).expect(status).json())

    taken = move("alice/glass", "alice/other", 409)
    assert "A model repository called alice/other already exists" in taken["error"]
    move("alice/glass", "bob/glass", 403)
    move("alice/nothing", "alice/x", 404)
    move("glass", "alice/x", 400)
    assert move("alice/glass", "alice/window")["url"] == "http://hub.test/alice/window"
    assert anonymous.get(hf.model("alice/glass")).status == 307
    move("alice/window", "alice/glass")
    assert anonymous.get(hf.model("alice/window")).headers["Location"] == hf.model("alice/glass")
    used = hf.create(alice, "window")
    assert (used.status, "renamed" in used.json()["error"]) == (410, True)


def test_checks(alice, bob, anonymous):
    hf.create(alice, "glass").expect(200)
    hf.create(alice, "secret", private=True).expect(200)
    open_, secret = hf.model("alice/glass", "auth-check"), hf.model("alice/secret", "auth-check")
    assert [c.get(open_).status for c in (alice, bob, anonymous)] == [200, 200, 200]
    assert [c.get(f"{open_}/write").status for c in (alice, bob, anonymous)] == [200, 403, 401]
    assert [c.get(secret).status for c in (alice, bob, anonymous)] == [200, 404, 401]


class TestPeople:
    def test_who_am_i(self, site, alice, anonymous):
        told = alice.get("/api/whoami-v2").expect(200).json()
        assert (told["type"], told["name"], told["fullname"]) == ("user", "alice", "alice")
        assert told["orgs"] == []
        assert told["auth"]["accessToken"]["role"] == "write"
        assert told["avatarUrl"].startswith("http://hub.test/images/")
        reader = site.token_of("alice", "read").get("/api/whoami-v2").json()
        assert reader["auth"]["accessToken"] == {
            "displayName": "more",
            "role": "read",
            "createdAt": reader["auth"]["accessToken"]["createdAt"],
        }
        assert anonymous.get("/api/whoami-v2").status == 401

    def test_a_wrong_token(self, site):
        for path in ("/api/whoami-v2", "/api/models", "/api/models/alice/style"):
            answer = site.as_token("hf_wrong").get(path).expect(401)
            assert (
                answer.headers["X-Error-Message"] == "Invalid credentials in Authorization header"
            )
            assert "X-Error-Code" not in answer.headers
            assert "token is not valid" in answer.json()["error"]

    def test_an_overview(self, alice, bob, anonymous):
        hf.create(alice, "secret", private=True).expect(200)
        bob.post(hf.model("alice/style", "like")).expect(200)
        alice.post(hf.model("alice/secret", "like")).expect(200)
        told = anonymous.get("/api/users/Alice/overview").expect(200).json()
        assert (told["user"], told["numModels"], told["numLikes"]) == ("alice", 1, 0)
        mine = alice.get("/api/users/alice/overview").json()
        assert (mine["numModels"], mine["numLikes"]) == (2, 1)
        assert anonymous.get("/api/users/nobody/overview").status == 404
        assert anonymous.get("/api/users/bob/followers").expect(200).json() == []

    def test_what_one_has(self, alice, bob, anonymous):
        hf.create(alice, "secret", private=True).expect(200)
        oid = hf.send(alice, "alice/secret", adapter())
        hf.commit(alice, "alice/secret", hf.large("w.safetensors", oid)).expect(200)
        found = alice.get("/api/settings/repositories").expect(200).json()
        told = [(item["id"], item["visibility"], item["storage"]) for item in found]
        assert told == [("alice/secret", "private", len(adapter())), ("alice/style", "public", 0)]
        assert bob.get("/api/settings/repositories").expect(200).json() == []
        assert anonymous.get("/api/settings/repositories").status == 401

    def test_likes(self, alice, bob, anonymous):
        hf.create(alice, "secret", private=True).expect(200)
        alice.put(hf.model("alice/secret", "like")).expect(200)
        for caller in (alice, bob):
            caller.post(hf.model("alice/style", "like")).expect(200)
            caller.post(hf.model("alice/style", "like")).expect(200)
        assert anonymous.post(hf.model("alice/style", "like")).status == 401
        assert anonymous.get(hf.model("alice/style")).json()["likes"] == 2
        likers = anonymous.get(hf.model("alice/style", "likers")).expect(200).json()
        assert [liker["user"] for liker in likers] == ["bob", "alice"]
        assert set(likers[0]) == {"user", "fullname", "avatarUrl"}
        assert anonymous.get(hf.model("alice/secret", "likers")).status == 401
        mine = alice.get("/api/users/alice/likes").expect(200).json()
        assert [like["repo"]["name"] for like in mine] == ["alice/style", "alice/secret"]
        shown = anonymous.get("/api/users/alice/likes").json()
        assert [like["repo"] for like in shown] == [{"name": "alice/style", "type": "model"}]
        assert anonymous.get("/api/users/nobody/likes").json() == []
        alice.delete(hf.model("alice/style", "like")).expect(200)
        assert anonymous.get(hf.model("alice/style")).json()["likes"] == 1
        missing = alice.delete(hf.model("alice/nothing", "like")).expect(404)
        assert missing.headers["X-Error-Code"] == "RepoNotFound"


class TestInPassing:
    def test_nothing_is_kept(self, anonymous):
        assert anonymous.head("/api/telemetry/examples/x").status == 204
        assert anonymous.get("/api/agent-harnesses").expect(200).json()["harnesses"] == {}
        assert "other" in anonymous.get("/api/models-tags-by-type").expect(200).json()

    @pytest.mark.parametrize(
        ("card", "errors", "warnings"),
        [
            ("---\nlicense: mit\n---\n", [], []),
            ("no front matter", [], ["empty or missing yaml metadata in repo card"]),
            ("---\nlicense: [mit, apache-2.0]\n---\n", [], []),
            ("---\nlicense: my-own\n---\n", ['"license" must be one of ['], []),
            ("---\nmodel-index: {}\n---\n", ['"model-index" must be an array'], []),
            ("---\na: [\n---\n", ["The card's front matter is not valid YAML"], []),
        ],
    )
    def test_cards(self, anonymous, card, errors, warnings):
        wish = {"content": card, "repoType": "model"}
        answer = anonymous.post("/api/validate-yaml", json=wish)
        assert answer.status == (400 if errors else 200)
        told = answer.json()
        assert [error["message"] for error in told["warnings"]] == warnings
        assert len(told["errors"]) == len(errors)
        for error, start in zip(told["errors"], errors, strict=True):
            assert error["message"].startswith(start)
        text = anonymous.call(
            "POST", "/api/validate-yaml", json=wish, headers={"Accept": "text/plain"}
        ).text
        assert all(f"- Error: {start}" in text for start in errors)
        assert all(f"- Warning: {text_}" in text for text_ in warnings)
