"""Saved searches and notifications by API."""

import pytest


def test_kept_changed_and_forgotten(alice, bob):
    made = alice.post("searches", json={"line": "GLASS  base:SDXL nonsense"}).expect(201).json()
    assert made["line"] == made["name"] == "GLASS nonsense base:sdxl"
    assert made["url"].endswith("/?q=GLASS+nonsense+base%3Asdxl")
    assert made["notify"] is False
    other = {"line": "#style rank:x", "name": "Styles", "notify": True}
    alice.post("searches", json=other).expect(201)
    found = alice.get("searches").json()["items"]
    assert [one["name"] for one in found] == ["GLASS nonsense base:sdxl", "Styles"]
    assert found[1]["line"] == "#style"
    one = f"searches/{made['id']}"
    changed = alice.patch(one, json={"name": "Glass", "notify": True}).json()
    assert (changed["name"], changed["notify"]) == ("Glass", True)
    for method in ("patch", "delete"):
        assert bob.call(method.upper(), f"/api/hub/v1/{one}", json={}).status == 404
    assert bob.get("searches").json() == {"items": []}
    alice.delete(one).expect(204)
    assert alice.delete(one).status == 404
    assert len(alice.get("searches").json()["items"]) == 1


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"line": ""}, "Say what to look for"),
        ({"line": "rank:x"}, "a rank is written"),
        ({"line": "glass", "name": "x" * 81}, "at most 80"),
    ],
)
def test_what_is_no_search_is_refused_in_words(alice, wish, words):
    answer = alice.post("searches", json=wish)
    assert answer.status == 422
    assert words in answer.json()["error"]["message"]


def test_they_are_ones_own(site, alice, anonymous):
    for address in ("searches", "notifications"):
        assert anonymous.get(address).status == 401
    reader = site.token_of("alice", "read")
    assert reader.get("notifications").json() == {"items": [], "unread": 0, "next": None}
    assert reader.post("searches", json={"line": "glass"}).status == 403
    assert reader.post("notifications/read").status == 403
    alice.post("notifications/read").expect(204)
