"""Collections by the API: what holds what, who sees it, in what order."""

import pytest

from support.asgi import InProcess


@pytest.fixture
def glass(alice: InProcess) -> str:
    """A collection of Alice's with a public and a private repository; its path."""
    for name, private in (("shown", False), ("hidden", True)):
        alice.post("repos", json={"name": name, "private": private}).expect(201)
    made = alice.post("collections", json={"title": "Glass & Light"}).expect(201).json()
    path = f"collections/{made['slug']}"
    for name in ("shown", "hidden"):
        add(alice, path, f"alice/{name}").expect(201)
    return path


def add(caller: InProcess, path: str, name: str, kind: str = "model", note: str = ""):
    return caller.post(f"{path}/items", json={"kind": kind, "name": name, "note": note})


def inside(caller: InProcess, path: str) -> list[str]:
    return [item["name"] for item in caller.get(path).expect(200).json()["items"]]


def test_what_it_is_called(alice, glass):
    told = alice.get(glass).json()
    assert told["slug"].startswith("alice/glass-light-0000")
    assert told["url"].endswith(f"/collections/{told['slug']}")
    changed = alice.patch(glass, json={"title": "Ελληνικά"}).expect(200).json()
    assert changed["slug"].startswith("alice/collection-")
    assert alice.get(glass).json()["slug"] == changed["slug"]
    ending = told["slug"][-24:]
    assert alice.get(f"collections/anybody/{ending}").status == 200
    for bad in ("0" * 24, "f" * 24, "x", ending[1:], "g" * 24):
        assert alice.get(f"collections/alice/{bad}").code == "collection_not_found"


def test_titles_of_one_owner_differ(alice, bob, glass):
    there = alice.post("collections", json={"title": "glass &  LIGHT"}).expect(409)
    assert there.json()["error"]["slug"] == glass.removeprefix("collections/")
    alice.post("collections", json={"title": "Water"}).expect(201)
    assert alice.patch(glass, json={"title": "water"}).code == "collection_exists"
    alice.patch(glass, json={"title": "Glass & LIGHT"}).expect(200)
    bob.post("collections", json={"title": "Glass & Light"}).expect(201)


@pytest.mark.parametrize(
    "wish",
    [
        {"title": ""},
        {"title": "x" * 61},
        {"title": "a\x07b"},
        {"title": "\ud800"},
        {"title": "x", "description": "y" * 151},
        {"title": "x", "theme": "mauve"},
        {"title": "x", "more": 1},
        {},
        {"title": None},
    ],
)
def test_bad_wishes(alice, wish):
    assert alice.post("collections", json=wish).status == 422
    assert alice.get("collections").json()["items"] == []


def test_hidden_things_are_left_out(site, alice, bob, anonymous, glass):
    assert inside(alice, glass) == ["alice/shown", "alice/hidden"]
    for caller in (bob, anonymous):
        assert inside(caller, glass) == ["alice/shown"]
        (listed,) = caller.get("collections").json()["items"]
        assert [item["name"] for item in listed["items"]] == ["alice/shown"]
        query = {"repo": "alice/hidden"}
        assert caller.get("collections", query=query).json()["items"] == []
    # Somebody else's secret can't be collected, and looks as if it weren't there.
    own = bob.post("collections", json={"title": "Mine"}).expect(201).json()["slug"]
    for name in ("alice/hidden", "alice/nothing"):
        assert add(bob, f"collections/{own}", name).expect(404).code == "repo_not_found"
    # What becomes private disappears from others' collections, and comes back.
    add(bob, f"collections/{own}", "alice/shown").expect(201)
    alice.patch("repos/alice/shown", json={"private": True}).expect(200)
    assert inside(bob, f"collections/{own}") == []
    alice.patch("repos/alice/shown", json={"private": False}).expect(200)
    assert inside(bob, f"collections/{own}") == ["alice/shown"]


def test_private_looks_like_missing(site, alice, bob, anonymous, glass):
    alice.patch(glass, json={"private": True}).expect(200)
    missing = glass[:-24] + "9".zfill(24)
    reader = site.token_of("bob", "read")
    for caller in (bob, anonymous, reader):
        for method, rest, body in [
            ("GET", "", None),
            ("PATCH", "", {"title": "x"}),
            ("DELETE", "", None),
            ("POST", "/items", {"name": "alice/shown"}),
            ("PATCH", "/items/" + "1".zfill(24), {"note": "x"}),
            ("DELETE", "/items/" + "1".zfill(24), None),
            ("PUT", "/upvote", None),
            ("DELETE", "/upvote", None),
        ]:
            told = [caller.call(method, f"{path}{rest}", json=body) for path in (glass, missing)]
            assert [one.status for one in told] == [404, 404], (method, rest)
            errors = [one.json()["error"] for one in told]
            for error in errors:
                del error["request_id"]
            assert errors[0] == errors[1]
        assert caller.get("collections").json()["items"] == []
        query = {"owner": "alice"}
        assert caller.get("collections", query=query).json()["items"] == []
    own = bob.post("collections", json={"title": "Mine"}).expect(201).json()["slug"]
    slug = glass.removeprefix("collections/")
    assert add(bob, f"collections/{own}", slug, "collection").code == "collection_not_found"


def test_only_the_owner_changes_it(site, alice, bob, anonymous, glass):
    item = alice.get(glass).json()["items"][0]["id"]
    calls = [
        ("PATCH", "", {"title": "x"}),
        ("DELETE", "", None),
        ("POST", "/items", {"name": "alice/shown"}),
        ("PATCH", f"/items/{item}", {"note": "x"}),
        ("DELETE", f"/items/{item}", None),
    ]
    for method, rest, body in calls:
        assert bob.call(method, glass + rest, json=body).code == "not_allowed"
        assert anonymous.call(method, glass + rest, json=body).code == "login_required"
        reader = site.token_of("alice", "read")
        assert reader.call(method, glass + rest, json=body).code == "scope_missing"
    assert bob.post("collections", json={"title": "x", "owner": "alice"}).code == "not_allowed"
    assert inside(alice, glass) == ["alice/shown", "alice/hidden"]


@pytest.mark.parametrize("role", ["read", "contributor", "write", "admin"])
def test_collections_of_an_organisation(studio, bob, anonymous, role):
    made = studio.post("collections", json={"title": "Ours", "owner": "studio", "private": True})
    path = f"collections/{made.expect(201).json()['slug']}"
    assert bob.get(path).status == 404
    studio.put("organizations/studio/members/bob", json={"role": role}).expect(200)
    assert bob.get(path).status == 200
    changed = bob.patch(path, json={"description": "x"}).status
    assert changed == (200 if role in {"write", "admin"} else 403)
    own = bob.post("collections", json={"title": "Bob's", "owner": "studio"})
    assert own.status == (403 if role == "read" else 201)
    if own.status == 201:
        bob.patch(f"collections/{own.json()['slug']}", json={"theme": "pink"}).expect(200)
    studio.delete("organizations/studio/members/bob").expect(204)
    assert bob.get(path).status == 404
    if own.status == 201:
        assert bob.delete(f"collections/{own.json()['slug']}").code == "not_allowed"


def test_order(alice, glass):
    for number in range(3):
        alice.post("repos", json={"name": f"r{number}"}).expect(201)
        add(alice, glass, f"alice/r{number}").expect(201)
    ids = {item["name"][6:]: item["id"] for item in alice.get(glass).json()["items"]}

    def put(name: str, position: int) -> list[str]:
        told = alice.patch(f"{glass}/items/{ids[name]}", json={"position": position}).expect(200)
        items = told.json()["items"]
        assert [item["position"] for item in items] == list(range(len(items)))
        return [item["name"][6:] for item in items]

    assert put("r2", 0) == ["r2", "shown", "hidden", "r0", "r1"]
    assert put("r2", 3) == ["shown", "hidden", "r0", "r2", "r1"]
    assert put("shown", 10**30) == ["hidden", "r0", "r2", "r1", "shown"]
    assert put("shown", -(10**30)) == ["shown", "hidden", "r0", "r2", "r1"]
    assert put("r0", 2) == ["shown", "hidden", "r0", "r2", "r1"]
    alice.delete(f"{glass}/items/{ids['hidden']}").expect(204)
    assert put("r1", 1) == ["shown", "r1", "r0", "r2"]
    assert alice.delete(f"{glass}/items/{ids['hidden']}").code == "item_not_found"
    for bad in ("1", "x", "f" * 24):
        assert alice.patch(f"{glass}/items/{bad}", json={"note": "x"}).code == "item_not_found"


def test_order_of_collections(alice):
    slugs = {}
    for title in ("a", "b", "c"):
        slugs[title] = alice.post("collections", json={"title": title}).expect(201).json()["slug"]

    def titles() -> list[str]:
        found = alice.get("collections", query={"owner": "alice"}).json()["items"]
        return [one["title"] for one in sorted(found, key=lambda one: one["position"])]

    assert titles() == ["a", "b", "c"]
    alice.patch(f"collections/{slugs['c']}", json={"position": 0}).expect(200)
    assert titles() == ["c", "a", "b"]
    alice.delete(f"collections/{slugs['a']}").expect(204)
    alice.post("collections", json={"title": "d"}).expect(201)
    found = alice.get("collections").json()["items"]
    assert sorted(one["position"] for one in found) == [0, 1, 2]
    assert titles() == ["c", "b", "d"]


def test_things_in_it(alice, bob, glass):
    assert add(alice, glass, "alice/shown").expect(409).code == "item_exists"
    assert add(alice, glass, "a/b", "dataset").expect(422).code == "item_kind_unknown"
    for name in ("alice", "", "alice/", "/shown", "x/\ud800", "alice/nothing"):
        assert add(alice, glass, name).status in (404, 422)
    assert add(alice, glass, glass.removeprefix("collections/"), "collection").status == 422
    other = bob.post("collections", json={"title": "Bob's"}).expect(201).json()["slug"]
    add(alice, glass, other, "collection", note="His").expect(201)
    assert add(alice, glass, other, "collection").code == "item_exists"
    assert inside(bob, glass) == ["alice/shown", other]
    bob.patch(f"collections/{other}", json={"private": True}).expect(200)
    assert inside(alice, glass) == ["alice/shown", "alice/hidden"]
    bob.delete(f"collections/{other}").expect(204)
    assert add(alice, glass, "alice/shown", note="x" * 501).status == 422
    # A deleted repository is in no collection.
    alice.delete("repos/alice/shown").expect(204)
    assert inside(alice, glass) == ["alice/hidden"]


def test_a_renamed_repository_stays_in_it(alice, glass):
    alice.patch("repos/alice/shown", json={"name": "later"}).expect(200)
    assert inside(alice, glass) == ["alice/later", "alice/hidden"]
    # Its old name is as good as the new one.
    assert add(alice, glass, "alice/shown").expect(409).code == "item_exists"
    query = {"repo": "alice/shown"}
    assert len(alice.get("collections", query=query).json()["items"]) == 1


def test_votes(site, alice, bob, anonymous, glass):
    assert bob.put(f"{glass}/upvote").json() == {"upvoted": True, "upvotes": 1}
    assert bob.put(f"{glass}/upvote").json() == {"upvoted": True, "upvotes": 1}
    assert bob.get(glass).json()["upvoted"]
    assert not alice.get(glass).json()["upvoted"]
    other = alice.post("collections", json={"title": "Later"}).expect(201).json()["slug"]
    query = {"sort": "upvotes"}
    found = [one["slug"] for one in alice.get("collections", query=query).json()["items"]]
    assert found == [glass.removeprefix("collections/"), other]
    assert bob.delete(f"{glass}/upvote").json() == {"upvoted": False, "upvotes": 0}
    assert bob.delete(f"{glass}/upvote").json() == {"upvoted": False, "upvotes": 0}
    assert anonymous.put(f"{glass}/upvote").status == 401


@pytest.mark.parametrize("sort", ["updated", "upvotes"])
def test_pages(alice, bob, sort):
    for number in range(7):
        slug = alice.post("collections", json={"title": f"c{number}"}).expect(201).json()["slug"]
        if number % 2:
            bob.put(f"collections/{slug}/upvote").expect(200)
    found, cursor = [], ""
    while cursor is not None:
        query = {"limit": 2, "sort": sort, **({"cursor": cursor} if cursor else {})}
        told = bob.get("collections", query=query).expect(200).json()
        found += [one["title"] for one in told["items"]]
        cursor = told["next"]
    order = [6, 5, 4, 3, 2, 1, 0] if sort == "updated" else [5, 3, 1, 6, 4, 2, 0]
    assert found == [f"c{number}" for number in order]
    for bad in ("x", "W10", "WyJjb2xsZWN0aW9ucy11cGRhdGVkIixudWxsLG51bGxd"):
        assert bob.get("collections", query={"cursor": bad, "sort": sort}).status == 400
    assert bob.get("collections", query={"sort": "nonsense"}).status == 422


def test_limits(alice, glass, monkeypatch):
    from lorahub_server.community.collections import items, service

    monkeypatch.setattr(items, "ITEMS_MAX", 2)
    alice.post("repos", json={"name": "more"}).expect(201)
    assert add(alice, glass, "alice/more").expect(409).code == "too_many_collections"
    monkeypatch.setattr(service, "COLLECTIONS_MAX", 1)
    answer = alice.post("collections", json={"title": "one more"})
    assert answer.expect(409).code == "too_many_collections"


def test_lists_take_few_statements(site, alice, bob):
    from support import hf

    def spent() -> int:
        with hf.counted(site) as seen:
            bob.get("collections").expect(200)
        return len(seen)

    alice.post("repos", json={"name": "r"}).expect(201)
    for number in range(6):
        slug = alice.post("collections", json={"title": f"c{number}"}).expect(201).json()["slug"]
        add(alice, f"collections/{slug}", "alice/r").expect(201)
        if number == 1:
            before = spent()
    assert spent() == before <= 4  # one of them tells who asks
