"""Forks by each door: the API, other clients' duplicates, and the pages."""

import pytest

from support import hf
from support.person import Person

CARD = b"---\nlicense: mit\n---\n# Glass\n"


@pytest.fixture
def glass(alice, weights) -> str:
    alice.publish("alice/glass", {"README.md": CARD, "w.safetensors": weights})
    return "repos/alice/glass"


def test_fork_and_list(alice, bob, anonymous, glass) -> None:
    assert bob.get(glass).json()["forked_from"] is None
    alice.put(f"{glass}/star").expect(200)
    made = bob.post(f"{glass}/forks").expect(201).json()
    head = bob.get(glass).json()["revision"]
    assert (made["id"], made["revision"], made["stars"]) == ("bob/glass", head, 0)
    assert made["forked_from"] == "alice/glass"
    url = "/bob/glass/resolve/main/w.safetensors"
    assert anonymous.get(url).body == anonymous.get(url.replace("bob", "alice")).body
    bob.post(f"{glass}/forks").expect(409)
    wish = {"name": "two", "owner": "bob", "private": True, "default_branch_only": True}
    assert bob.post(f"{glass}/forks", json=wish).expect(201).json()["private"]
    assert names(anonymous, glass) == ["bob/glass"]
    assert names(bob, glass) == ["bob/two", "bob/glass"]
    page = bob.get(f"{glass}/forks?limit=1").json()
    following = bob.get(f"{glass}/forks?limit=1&cursor={page['next']}").json()
    assert [page["items"][0]["id"], following["items"][0]["id"]] == ["bob/two", "bob/glass"]
    assert following["next"] is None
    # A fork of a fork is its own source's, and not the first one's.
    alice.post("repos/bob/glass/forks", json={"name": "again"}).expect(201)
    assert names(anonymous, glass) == ["bob/glass"]


def names(caller, repo: str) -> list[str]:
    return [item["id"] for item in caller.get(f"{repo}/forks").expect(200).json()["items"]]


def test_who_may_not(site, alice, bob, anonymous, glass) -> None:
    anonymous.post(f"{glass}/forks").expect(401)
    assert site.token_of("bob", "read").post(f"{glass}/forks").expect(403).code == "scope_missing"
    wish = {"owner": "alice", "name": "x"}
    assert bob.post(f"{glass}/forks", json=wish).expect(403).code == "not_allowed"
    for bad in ({"name": ".."}, {"name": 5}, {"name": "x\0"}, {"owner": ""}, {"more": 1}, []):
        assert 400 <= bob.post(f"{glass}/forks", json=bad).status < 500
    alice.patch(glass, json={"private": True}).expect(200)
    missing = bob.post("repos/alice/missing/forks").expect(404)
    hidden = bob.post(f"{glass}/forks").expect(404)
    assert missing.json()["error"] | {"request_id": ""} == hidden.json()["error"] | {
        "request_id": ""
    }
    bob.get(f"{glass}/forks").expect(404)
    anonymous.post(f"{glass}/forks").expect(404)
    wish = {"name": "x", "private": False}
    answer = alice.post(f"{glass}/forks", json=wish).expect(422)
    assert answer.code == "fork_is_private"


def test_a_copy_of_a_gated_one_is_opened_by_no_door(site, alice, bob, glass) -> None:
    maren = Person(site).sign_up("maren")
    maren.send(maren.visit("/alice/glass/fork").form("/alice/glass/fork"), private="yes")
    alice.put(hf.model("alice/glass", "settings"), json={"gated": "auto"}).expect(200)
    bob.post(f"{glass}/access", json={}).expect(200)
    made = bob.post(hf.model("alice/glass", "duplicate"), json={"repository": "bob/glass"})
    made.expect(200)
    open_it = {"private": False}
    assert bob.patch("repos/bob/glass", json=open_it).expect(422).code == "fork_is_private"
    bob.put(hf.model("bob/glass", "settings"), json=open_it).expect(422)
    assert bob.get("repos/bob/glass").json()["private"]
    visibility = "/maren/glass/settings/visibility"
    page = maren.send(maren.visit("/maren/glass/settings").form(visibility), private="no")
    assert page.status == 422
    assert "stays private, unless you may change the original" in page.text
    # Whoever may change the original decides for its copies too.
    alice.post(f"{glass}/forks", json={"name": "two"}).expect(201)
    alice.patch("repos/alice/two", json=open_it).expect(200)


def test_duplicates_of_other_clients(alice, bob, anonymous, glass) -> None:
    address = hf.model("alice/glass", "duplicate")
    url = bob.post(address, json={"repository": "bob/glass"}).expect(200).json()["url"]
    assert url.endswith("/bob/glass")
    again = bob.post(address, json={"repository": "bob/glass"}).expect(409)
    assert again.json()["url"] == url
    wish = {"repository": "bob/hidden", "visibility": "private"}
    bob.post(address, json=wish).expect(200)
    assert bob.get("repos/bob/hidden").json()["private"]
    for bad in ({"repository": "hidden"}, {}, {"repository": "a/b/c"}, {"repository": "/"}):
        assert 400 <= bob.post(address, json=bad).status < 500
    bob.delete("repos/bob/hidden").expect(204)
    bob.post(address, json=wish).expect(410)
    told = anonymous.post(address, json=wish).expect(401)
    assert told.headers.get("X-Error-Code") is None
    alice.patch(glass, json={"private": True}).expect(200)
    assert bob.post(address, json=wish).expect(404).headers["X-Error-Code"] == "RepoNotFound"


def test_the_pages(site, alice, glass) -> None:
    nobody = Person(site)
    assert "/login?next=" in nobody.visit("/alice/glass/fork").address
    maren = Person(site).sign_up("maren")
    page = maren.visit("/alice/glass")
    assert "/alice/glass/fork" in page.links
    page = maren.visit("/alice/glass/fork")
    form = page.form("/alice/glass/fork")
    assert form.fields["name"] == "glass"
    page = maren.send(form)
    assert page.address == "/maren/glass"
    assert "Forked from alice/glass" in page.text
    page = maren.send(form, name="glass")
    assert page.status == 409
    assert "has a repository glass already" in page.text
    page = maren.send(form, name="no/such")
    assert page.status in {400, 422}
    page = maren.send(form, name="hidden", private="yes", default_branch_only="yes")
    assert "Private" in page.text
    with site.hub.db.write() as session:
        from lorahub_server.repos import queries

        queries.repo_by_name(session, "alice", "glass").private = True
    assert "Forked from" not in maren.visit("/maren/glass").text
    assert maren.visit("/alice/glass/fork").status == 404
