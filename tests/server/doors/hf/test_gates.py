"""Gates and webhooks in the words of Hugging Face's clients, and in the hub's own API."""

import json

import pytest

from support import hf
from support.inside import adapter

HOOK = {"url": "https://ci.example/hook", "watched": [{"type": "user", "name": "alice"}]}
HOOKS = "/api/settings/webhooks"
WRONG_HOOKS = [
    ({"watched": []}, 422),
    ({"watched": [{"type": "dataset", "name": "alice/x"}]}, 422),
    ({"watched": [{"type": "space", "name": "alice/x"}]}, 422),
    ({"watched": [{"type": "user", "name": "nobody-here"}]}, 422),
    ({"watched": [{"type": "model", "name": "alice/absent"}]}, 404),
    ({"watched": [{"type": "model", "name": "alice"}]}, 404),
    ({"watched": HOOK["watched"] * 101}, 422),
    ({"domains": ["payments"]}, 422),
    ({"url": "http://127.0.0.1:8000/"}, 422),
    ({"url": None, "jobSourceId": "x"}, 501),
    ({"url": None}, 422),
    ({"secret": "a\nb"}, 422),
    ({"secret": "é"}, 422),
    ({"secret": "x" * 256}, 422),
]


@pytest.fixture
def site(emptied_site):
    return emptied_site


def put_settings(caller, **changes):
    return caller.put("/api/models/alice/style/settings", json=changes)


def test_the_gate_is_a_setting(alice, anonymous):
    for value in ("auto", "manual", False):
        check_setting(alice, anonymous, value)


def check_setting(alice, anonymous, value):
    put_settings(alice, gated="manual").expect(200)
    assert put_settings(alice, gated=value).expect(200).json()["gated"] == value
    assert anonymous.get("/api/models/alice/style").json()["gated"] == value
    (listed,) = anonymous.get("/api/models?author=alice&full=true").json()
    assert listed["gated"] == value
    (listed,) = anonymous.get("/api/models?author=alice&expand=gated").json()
    assert listed["gated"] == value
    found = {
        wanted: len(anonymous.get(f"/api/models?gated={wanted}").json())
        for wanted in ("true", "false")
    }
    assert found == {"true": int(bool(value)), "false": int(not value)}


def test_only_writers_set_it(alice, bob, site):
    assert put_settings(bob, gated="auto").status == 403
    assert put_settings(site.token_of("alice", "read"), gated="auto").status == 403
    assert put_settings(alice, gated="sometimes").status == 422


def asked(alice, bob):
    put_settings(alice, gated="manual").expect(200)
    bob.post("repos/alice/style/access", json={}).expect(200)


def test_requests_are_listed_and_answered(alice, bob):
    asked(alice, bob)
    base = "/api/models/alice/style/user-access-request"
    (one,) = alice.get(f"{base}/pending").expect(200).json()
    assert one["user"]["user"] == "bob"
    assert "email" not in one["user"]
    assert one["status"] == "pending"
    assert one["timestamp"].endswith("Z")
    handle = f"{base}/handle"
    alice.post(handle, json={"requestId": one["requestId"], "status": "accepted"}).expect(200)
    assert alice.get(f"{base}/pending").json() == []
    (one,) = alice.get(f"{base}/accepted").json()
    again = alice.post(handle, json={"user": "bob", "status": "accepted"})
    assert again.status == 404
    alice.post(handle, json={"user": "bob", "status": "pending"}).expect(200)
    rejected = {"user": "bob", "status": "rejected", "rejectionReason": "no"}
    alice.post(handle, json=rejected).expect(200)
    assert alice.get(f"{base}/rejected").json()[0]["rejectionReason"] == "no"
    assert bob.get("repos/alice/style/access").json()["reason"] == "no"
    for wrong, status in (
        ({"status": "accepted"}, 400),
        ({"user": "bob", "requestId": one["requestId"], "status": "accepted"}, 400),
        ({"user": "nobody", "status": "accepted"}, 404),
        ({"requestId": "f" * 24, "status": "accepted"}, 404),
        ({"requestId": "../..", "status": "accepted"}, 404),
        ({"user": "bob", "status": "maybe"}, 422),
    ):
        assert alice.post(handle, json=wrong).status == status, wrong


def test_a_request_of_another_repository_is_not_answered_here(alice, bob):
    asked(alice, bob)
    hf.create(bob, "own").expect(200)
    base = "/api/models/bob/own"
    bob.put(f"{base}/settings", json={"gated": "manual"}).expect(200)
    (one,) = alice.get("/api/models/alice/style/user-access-request/pending").json()
    answer = bob.post(
        f"{base}/user-access-request/handle",
        json={"requestId": one["requestId"], "status": "accepted"},
    )
    assert answer.status == 404


def test_a_grant(alice, bob, site):
    put_settings(alice, gated="auto").expect(200)
    base = "/api/models/alice/style/user-access-request"
    assert alice.post(f"{base}/grant", json={"user": "bob"}).expect(200).json()["user"]
    assert alice.post(f"{base}/grant", json={"user": "bob"}).status == 400
    assert alice.post(f"{base}/grant", json={"user": "nobody"}).status == 404
    assert bob.post(f"{base}/grant", json={"user": "bob"}).status == 403
    assert bob.get(f"{base}/pending").status == 403
    put_settings(alice, gated=False).expect(200)
    assert alice.post(f"{base}/grant", json={"user": "bob"}).status == 400


def test_statements_of_hot_addresses(site, alice, bob):
    """What is not gated costs no more than before; what is, one more."""
    sha = alice.publish("alice/style", {"w.safetensors": adapter(seed=5)})
    assert sha
    put_settings(alice, gated="manual").expect(200)
    alice.post("repos/alice/style/access-requests", json={"account": "bob"}).expect(201)
    wanted = alice.get("/api/models/alice/style?blobs=true").json()["siblings"]
    oid = next(one["lfs"]["sha256"] for one in wanted if "lfs" in one)
    batch = {"operation": "download", "objects": [{"oid": oid, "size": 1}]}
    calls = {
        "info": lambda: bob.get("/api/models/alice/style").expect(200),
        "resolve": lambda: bob.get("/alice/style/resolve/main/w.safetensors").expect(200),
        "batch": lambda: bob.post("/alice/style.git/info/lfs/objects/batch", json=batch).expect(
            200
        ),
    }

    def count(name):
        with hf.counted(site) as seen:
            calls[name]()
        return len(seen)

    gated = {name: count(name) for name in calls}
    put_settings(alice, gated=False).expect(200)
    plain = {name: count(name) for name in calls}
    assert max(plain.values()) <= 3, plain
    assert gated["info"] == plain["info"]
    assert gated["resolve"] <= plain["resolve"] + 1
    assert gated["batch"] <= plain["batch"] + 1


class TestWebhooks:
    def test_the_life_of_one(self, alice, bob):
        made = alice.post(HOOKS, json={**HOOK, "secret": "s3cret"}).expect(200).json()["webhook"]
        assert made["domains"] == ["repo", "discussion"]
        assert made["disabled"] is False
        assert made["secret"] == "s3cret"
        one = f"{HOOKS}/{made['id']}"
        shown = alice.get(one).expect(200).json()["webhook"]
        assert shown == {**made, "secret": None}
        assert alice.get(HOOKS).json() == [shown]
        assert b"s3cret" not in alice.get("webhooks").body
        changed = alice.post(
            one,
            json={
                "watched": [{"type": "model", "name": "alice/style"}],
                "domains": ["discussions"],
            },
        ).json()["webhook"]
        assert changed["watched"] == [{"type": "model", "name": "alice/style"}]
        assert changed["domains"] == ["discussion"]
        assert changed["url"] == HOOK["url"]
        assert alice.post(f"{one}/disable").json()["webhook"]["disabled"] is True
        assert alice.post(f"{one}/enable").json()["webhook"]["disabled"] is False
        for call in (
            bob.get(one), bob.post(one, json=HOOK), bob.delete(one), bob.post(f"{one}/disable"),
        ):  # fmt: skip
            assert call.status == 404
        assert bob.get(HOOKS).json() == []
        alice.delete(one).expect(200)
        assert alice.get(one).status == 404
        assert alice.get(HOOKS).json() == []

    def test_what_is_refused(self, alice):
        for wish, status in WRONG_HOOKS:
            assert alice.post(HOOKS, json={**HOOK, **wish}).status == status, wish
        assert alice.get(HOOKS).json() == []

    def test_what_one_may_not_read_one_may_not_watch(self, alice, bob):
        alice.patch("repos/alice/style", json={"private": True}).expect(200)
        told = [
            bob.post(HOOKS, json={**HOOK, "watched": [{"type": "model", "name": f"alice/{name}"}]})
            for name in ("style", "absent")
        ]
        assert [one.status for one in told] == [404, 404]
        assert told[0].json()["error"] == told[1].json()["error"]

    def test_the_name_of_what_was_hidden_since_is_not_told(self, alice, bob):
        bob.post(HOOKS, json={**HOOK, "watched": [{"type": "model", "name": "alice/style"}]})
        alice.patch("repos/alice/style", json={"private": True}).expect(200)
        alice.patch("repos/alice/style", json={"name": "top-secret"}).expect(200)
        (hook,) = bob.get(HOOKS).json()
        assert hook["watched"] == [{"type": "model", "name": "alice/style"}]
        moved = {**HOOK, "watched": [{"type": "model", "name": "alice/style"}]}
        assert bob.post(HOOKS, json=moved).status == 404
        assert alice.post(HOOKS, json=moved).status == 422

    def test_rights(self, site, alice, anonymous):
        reader = site.token_of("alice", "read")
        made = alice.post(HOOKS, json=HOOK).json()["webhook"]
        one = f"{HOOKS}/{made['id']}"
        own = f"webhooks/{int(made['id'], 16)}"
        assert reader.get(HOOKS).status == 200
        for call in (
            reader.post(HOOKS, json=HOOK), reader.post(one, json=HOOK), reader.delete(one),
            reader.post(f"{one}/disable"), reader.post("webhooks", json=HOOK),
            reader.patch(own, json={"disabled": True}), reader.delete(own),
        ):  # fmt: skip
            assert call.status == 403
        for call in (
            anonymous.get(HOOKS),
            anonymous.post(HOOKS, json=HOOK),
            anonymous.get("webhooks"),
            anonymous.get(one),
        ):
            assert call.status == 401

    def test_ids_that_are_none(self, alice):
        for name in ("x", "0", "g" * 24, "f" * 24, "1" * 25, "a%2Fb"):
            assert alice.get(f"{HOOKS}/{name}").status == 404

    def test_there_is_a_most(self, alice, monkeypatch):
        monkeypatch.setattr("lorahub_server.community.webhooks.service.HOOKS_MAX", 2)
        for status in (200, 200, 409):
            assert alice.post(HOOKS, json=HOOK).status == status

    def test_the_own_api(self, alice, bob):
        made = alice.post("webhooks", json={**HOOK, "secret": "s3cret"}).expect(201).json()
        assert made["has_secret"] is True
        assert "s3cret" not in json.dumps(made)
        one = f"webhooks/{made['id']}"
        assert alice.get(one).json() == made
        changed = alice.patch(one, json={"secret": "", "disabled": True}).json()
        assert (changed["has_secret"], changed["disabled"]) == (False, True)
        assert alice.get(f"{one}/deliveries").json() == {"items": [], "next": None}
        assert alice.post(f"{one}/deliveries/7/again").status == 404
        assert alice.patch(one, json={"watched": []}).status == 422
        for call in (
            bob.get(one),
            bob.patch(one, json={}),
            bob.get(f"{one}/deliveries"),
            bob.post(f"{one}/deliveries/1/again"),
            bob.delete(one),
        ):
            assert call.status == 404
        assert alice.get(f"{one}/deliveries?cursor=x").status == 400
        alice.delete(one).expect(204)
