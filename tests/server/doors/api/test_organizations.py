"""Organisations by the API: made, described, filled, left and ended."""

from support.asgi import InProcess


def test_making_one(site, alice, anonymous):
    made = alice.post("organizations", json={"name": "Studio", "display_name": "The Studio"})
    assert made.expect(201).json() == {
        "name": "Studio",
        "display_name": "The Studio",
        "bio": "",
        "website": "",
        "members": 1,
        "role": "admin",
        "created_at": made.json()["created_at"],
    }
    assert anonymous.get("organizations/studio").expect(200).json()["role"] is None
    assert anonymous.get("accounts/studio").json()["kind"] == "organization"
    assert alice.get("whoami").json()["organizations"] == [{"name": "Studio", "role": "admin"}]
    assert anonymous.post("organizations", json={"name": "mine"}).status == 401
    reader = site.token_of("alice", "read")
    assert reader.post("organizations", json={"name": "mine"}).code == "scope_missing"


def test_names_are_those_of_accounts(alice, bob):
    assert alice.post("organizations", json={"name": "bob"}).code == "name_taken"
    assert alice.post("organizations", json={"name": "b0b"}).code == "name_taken"
    for name in ("", "a", "a b", "settings", "x" * 40, "\ud800", "organizations"):
        assert alice.post("organizations", json={"name": name}).status == 422
    assert alice.post("organizations", json={"name": "x\0y"}).status == 422
    answer = alice.post("organizations", json={"name": "ok", "display_name": "x" * 81})
    assert answer.expect(422).code == "invalid_profile"
    # Nothing of it stays.
    alice.post("organizations", json={"name": "ok"}).expect(201)


def test_unknown_ones_and_people(alice, anonymous):
    for name in ("nobody", "alice", "%20", "x" * 200):
        assert anonymous.get(f"organizations/{name}").status == 404
        assert alice.put(f"organizations/{name}/members/alice", json={"role": "read"}).status == 404
        assert alice.delete(f"organizations/{name}").status == 404


def test_describing(studio, bob, anonymous):
    change = {"display_name": "New", "bio": "We paint.", "website": "https://s.example"}
    done = studio.patch("organizations/studio", json=change).expect(200).json()
    assert {key: done[key] for key in change} == change
    assert studio.patch("organizations/studio", json={"website": "x"}).status == 422
    for role in (None, "read", "contributor", "write"):
        if role:
            join(studio, "bob", role)
        assert bob.patch("organizations/studio", json={"bio": "mine"}).code == "not_allowed"
        assert bob.delete("organizations/studio").code == "not_allowed"
        refused = bob.put("organizations/studio/members/bob", json={"role": "admin"})
        assert refused.code == "not_allowed"
    assert anonymous.patch("organizations/studio", json={}).status == 401


def test_members(site, studio, bob, anonymous):
    answer = studio.put("organizations/studio/members/BOB", json={"role": "write"}).expect(200)
    assert (answer.json()["name"], answer.json()["role"]) == ("bob", "write")
    join(studio, "bob", "contributor")
    told = bob.get("organizations/studio/members").json()
    assert [(one["name"], one["role"]) for one in told["items"]] == [
        ("alice", "admin"),
        ("bob", "contributor"),
    ]
    public = anonymous.get("organizations/studio/members").json()["items"]
    assert [(one["name"], one["role"]) for one in public] == [("alice", None), ("bob", None)]
    assert bob.get("organizations/studio").json()["role"] == "contributor"
    assert bob.get("organizations/studio").json()["members"] == 2
    put = studio.put
    assert put("organizations/studio/members/nobody", json={"role": "read"}).status == 404
    assert put("organizations/studio/members/studio", json={"role": "read"}).status == 404
    for role in ("owner", "", None, 5, "READ"):
        assert put("organizations/studio/members/bob", json={"role": role}).status == 422
    studio.delete("organizations/studio/members/bob").expect(204)
    assert studio.delete("organizations/studio/members/bob").code == "member_not_found"
    assert bob.get("whoami").json()["organizations"] == []


def test_members_by_pages(site, studio):
    for number in range(7):
        site.add_account(f"person-{number}")
        join(studio, f"person-{number}", "read")
    names, cursor = [], ""
    while cursor is not None:
        query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        told = studio.get("organizations/studio/members", query=query).json()
        names += [one["name"] for one in told["items"]]
        cursor = told["next"]
    assert names == ["alice", *(f"person-{number}" for number in range(7))]
    for bad in ("x", "W10", "WyJtZW1iZXJzIixudWxsXQ"):
        query = {"cursor": bad}
        assert studio.get("organizations/studio/members", query=query).code == "bad_cursor"


def test_leaving(studio, bob):
    assert studio.delete("organizations/studio/members/alice").expect(409).code == "last_admin"
    lower = studio.put("organizations/studio/members/alice", json={"role": "write"})
    assert lower.expect(409).code == "last_admin"
    join(studio, "bob", "read")
    bob.delete("organizations/studio/members/bob").expect(204)
    join(studio, "bob", "admin")
    studio.delete("organizations/studio/members/alice").expect(204)
    assert studio.get("organizations/studio").json()["role"] is None
    assert studio.patch("organizations/studio", json={"bio": "x"}).code == "not_allowed"
    assert bob.delete("organizations/studio/members/bob").code == "last_admin"


def test_a_reading_token_does_not_leave(site, studio, bob):
    join(studio, "bob", "read")
    reader = site.token_of("bob", "read")
    assert reader.delete("organizations/studio/members/bob").code == "scope_missing"


def test_ending_one(studio, bob, anonymous):
    studio.publish("studio/last", {"a.txt": b"1"}, private=True)
    studio.post("collections", json={"title": "Ours", "owner": "studio"}).expect(201)
    join(studio, "bob", "write")
    assert studio.delete("organizations/studio").expect(409).code == "not_empty"
    studio.delete("repos/studio/last").expect(204)
    studio.delete("organizations/studio").expect(204)
    assert anonymous.get("organizations/studio").status == 404
    assert anonymous.get("accounts/studio").status == 404
    assert bob.get("whoami").json()["organizations"] == []
    assert bob.post("repos", json={"owner": "studio", "name": "new"}).code == "not_allowed"
    assert bob.get("collections").json()["items"] == []
    # The name stays taken.
    assert bob.post("organizations", json={"name": "studio"}).code == "name_taken"


def test_how_many_one_makes(site, alice, monkeypatch):
    from lorahub_server.accounts import members, organizations

    monkeypatch.setattr(organizations, "MADE_MAX", 3)
    for number in range(3):
        alice.post("organizations", json={"name": f"org-{number}"}).expect(201)
    alice.delete("organizations/org-0").expect(204)
    refused = alice.post("organizations", json={"name": "one-more"})
    assert refused.expect(409).code == "too_many_organizations"
    monkeypatch.setattr(members, "ORGS_MAX", 2)
    bob = site.add_account("bob")
    refused = bob.post("organizations", json={"name": "bobs-1"}).expect(201)
    join_to(bob, "bobs-1", "alice", 409)
    monkeypatch.setattr(members, "MEMBERS_MAX", 1)
    site.add_account("carol")
    join_to(bob, "bobs-1", "carol", 409)


def join(admin: InProcess, name: str, role: str) -> None:
    admin.put(f"organizations/studio/members/{name}", json={"role": role}).expect(200)


def join_to(admin: InProcess, org: str, name: str, status: int) -> None:
    answer = admin.put(f"organizations/{org}/members/{name}", json={"role": "read"})
    assert answer.expect(status).code == "too_many_members"
