"""Following people and organisations."""

import pytest


def names(answer) -> list[str]:
    return [one["name"] for one in answer.expect(200).json()["items"]]


def test_following(site, studio, bob, anonymous):
    assert bob.put("accounts/alice/follow").expect(200).json() == {
        "following": True,
        "followers": 1,
    }
    assert bob.put("accounts/Alice/follow").json()["followers"] == 1
    bob.put("accounts/studio/follow").expect(200)
    assert names(anonymous.get("accounts/bob/following")) == ["studio", "alice"]
    assert names(anonymous.get("accounts/studio/followers")) == ["bob"]
    assert names(anonymous.get("accounts/bob/followers")) == []
    assert bob.delete("accounts/alice/follow").json() == {"following": False, "followers": 0}
    assert bob.delete("accounts/alice/follow").json() == {"following": False, "followers": 0}
    assert names(anonymous.get("accounts/bob/following")) == ["studio"]


def test_who_may_follow(site, alice, bob, anonymous):
    assert anonymous.put("accounts/alice/follow").status == 401
    assert site.token_of("bob", "read").put("accounts/alice/follow").code == "scope_missing"
    assert bob.put("accounts/bob/follow").expect(409).code == "cannot_follow"
    for method in ("put", "delete"):
        assert getattr(bob, method)("accounts/nobody/follow").status == 404
    assert anonymous.get("accounts/nobody/followers").status == 404
    assert anonymous.get("accounts/nobody/following").status == 404


def test_pages(site, alice):
    for number in range(5):
        site.add_account(f"person-{number}").put("accounts/alice/follow").expect(200)
    found, cursor = [], ""
    while cursor is not None:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        told = alice.get("accounts/alice/followers", query=query).expect(200)
        found += names(told)
        cursor = told.json()["next"]
    assert found == [f"person-{number}" for number in (4, 3, 2, 1, 0)]
    assert alice.get("accounts/alice/followers", query={"cursor": "x"}).code == "bad_cursor"


def test_deleted_accounts_are_not_counted(site, alice, bob):
    from lorahub_server.accounts.service import delete_account, get_account

    bob.put("accounts/alice/follow").expect(200)
    with site.hub.db.write() as session:
        delete_account(session, get_account(session, "bob"))
    told = site.as_token(None).get("accounts/alice/followers").json()
    assert told["items"] == []
    assert site.as_token(None).get("/api/users/alice/overview").json()["numFollowers"] == 0


def test_at_most(site, alice, bob, monkeypatch):
    from lorahub_server.community import follows

    site.add_account("carol")
    monkeypatch.setattr(follows, "FOLLOWING_MAX", 1)
    bob.put("accounts/alice/follow").expect(200)
    assert bob.put("accounts/carol/follow").expect(409).code == "cannot_follow"


@pytest.mark.parametrize("name", ["alice", "studio"])
def test_hf_overviews_tell_it(studio, bob, anonymous, name):
    bob.put(f"accounts/{name}/follow").expect(200)
    kind = "users" if name == "alice" else "organizations"
    for caller, following in ((bob, True), (studio, False), (anonymous, False)):
        told = caller.get(f"/api/{kind}/{name}/overview").expect(200).json()
        assert (told["isFollowing"], told["numFollowers"]) == (following, 1)
    (one,) = bob.get(f"/api/{kind}/{name}/followers").json()
    assert one["user"] == "bob"
