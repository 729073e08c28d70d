"""Roles in an organisation at every door: what each may do, and that it ends at once."""

import base64
import json
from typing import Any

import pytest

from support import hf
from support.asgi import InProcess, Site
from support.inside import sha256

ROLES = ["read", "contributor", "write", "admin"]
MAKERS = {"contributor", "write", "admin"}
WRITERS = {"write", "admin"}
SECRET = "studio/secret"


@pytest.fixture
def studio(site: Site, weights: bytes) -> InProcess:
    """Anna's organisation, with a private and a public repository of hers."""
    anna = site.add_account("anna")
    anna.post("organizations", json={"name": "studio"}).expect(201)
    anna.publish(SECRET, {"a.txt": b"hidden", "w.safetensors": weights}, private=True)
    anna.publish("studio/shown", {"a.txt": b"open"})
    return anna


def join(anna: InProcess, name: str, role: str) -> None:
    anna.put(f"organizations/studio/members/{name}", json={"role": role}).expect(200)


def leave(anna: InProcess, name: str) -> None:
    anna.delete(f"organizations/studio/members/{name}").expect(204)


def commit_body(text: bytes = b"x") -> dict[str, Any]:
    content = base64.b64encode(text).decode()
    return {"message": "m", "operations": [{"op": "add", "path": "n.txt", "content": content}]}


def git_refs(caller: InProcess, repo: str, service: str) -> int:
    headers = {}
    if caller.token is not None:
        basic = base64.b64encode(f"x:{caller.token}".encode()).decode()
        headers["Authorization"] = f"Basic {basic}"
    return caller.get(f"/{repo}.git/info/refs?service={service}", headers=headers).status


def reads(caller: InProcess, browser: InProcess, repo: str) -> dict[str, bool]:
    """At which doors the repository can be read."""
    owner, name = repo.split("/")
    listed = caller.get("repos", query={"owner": owner}).json()["items"]
    models = caller.get("/api/models", query={"author": owner}).json()
    search = caller.get("repos", query={"search": name}).json()["items"]
    return {
        "api": caller.get(f"repos/{repo}").status == 200,
        "api list": repo in [item["id"] for item in listed],
        "api search": repo in [item["id"] for item in search],
        "tree": caller.get(f"repos/{repo}/tree/main").status == 200,
        "files": caller.get(f"/{repo}/resolve/main/a.txt").status == 200,
        "hf": caller.get(f"/api/models/{repo}").status == 200,
        "hf list": repo in [item["id"] for item in models],
        "hf auth-check": caller.get(f"/api/models/{repo}/auth-check").status == 200,
        "hf paths": caller.post(
            f"/api/models/{repo}/paths-info/main", json={"paths": ["a.txt"]}
        ).status
        == 200,
        "git": git_refs(caller, repo, "git-upload-pack") == 200,
        "page": browser.get(f"/{repo}").status == 200,
        "profile": f"/{repo}".encode() in browser.get(f"/{owner}").body,
        "star": caller.put(f"repos/{repo}/star").status == 200,
    }


def writes(caller: InProcess, browser: InProcess, repo: str) -> dict[str, bool]:
    """At which doors the repository can be changed; whatever works is harmless."""
    wish = {"operation": "upload", "objects": [], "ref": {"name": "refs/heads/main"}}
    data = json.dumps(wish).encode()
    headers = {"Content-Type": "application/x-ndjson"}
    line = hf.line("header", summary="s") + hf.add("m.txt", repo.encode())
    commits = f"repos/{repo}/commits/main"
    return {
        "api": caller.post(commits, json=commit_body(caller.token.encode())).status in (200, 201),
        "raw": caller.put(f"repos/{repo}/raw/main/r.txt", body=b"r").status in (200, 201),
        "settings": caller.patch(f"repos/{repo}", json={"name": repo.split("/")[1]}).status == 200,
        "branch": caller.post(
            f"repos/{repo}/branches", json={"name": f"b{caller.token[-6:]}", "revision": "main"}
        ).status
        == 201,
        "hf": caller.post(f"/api/models/{repo}/commit/main", body=line, headers=headers).status
        == 200,
        "hf auth-check": caller.get(f"/api/models/{repo}/auth-check/write").status == 200,
        "preupload": caller.post(f"repos/{repo}/preupload/main", json={"files": []}).status == 200,
        "lfs": caller.post(f"/{repo}.git/info/lfs/objects/batch", body=data, headers=hf.LFS).status
        == 200,
        "xet": caller.get(f"/api/models/{repo}/xet-write-token/main").status == 200,
        "page": browser.get(f"/{repo}/settings").status == 200,
        "jobs": caller.get(f"repos/{repo}/jobs").status == 200,
    }


def all_are(found: dict[str, bool], wanted: bool) -> None:
    assert [name for name, value in found.items() if value != wanted] == []


@pytest.mark.parametrize("role", ROLES)
def test_roles_at_every_door(site, studio, bob, role):
    browser = site.signed_in("bob")
    all_are(reads(bob, browser, SECRET), False)
    all_are(writes(bob, browser, SECRET), False)
    all_are(writes(bob, browser, "studio/shown"), False)
    assert git_refs(bob, SECRET, "git-receive-pack") == 404

    join(studio, "bob", role)
    all_are(reads(bob, browser, SECRET), True)
    all_are(writes(bob, browser, SECRET), role in WRITERS)
    all_are(writes(bob, browser, "studio/shown"), role in WRITERS)
    if role in WRITERS:
        assert git_refs(bob, SECRET, "git-receive-pack") == 200
    reader = site.token_of("bob", "read")
    assert reader.get(f"repos/{SECRET}").status == 200
    all_are(writes(reader, browser, SECRET) | {"page": False}, False)

    made = bob.post("repos", json={"owner": "studio", "name": "mine", "private": True}).status
    also = bob.post(
        "/api/repos/create", json={"name": "also", "organization": "studio", "private": True}
    ).status
    put = bob.put("repos/studio/third/raw/main/a.txt?create=1&private=1", body=b"x").status
    wanted = (201, 200, 201) if role in MAKERS else (403, 403, 403)
    assert (made, also, put) == wanted
    if role in MAKERS:
        all_are(writes(bob, browser, "studio/also"), True)

    leave(studio, "bob")
    all_are(reads(bob, browser, SECRET), False)
    all_are(writes(bob, browser, SECRET), False)
    all_are(writes(bob, browser, "studio/shown"), False)
    if role in MAKERS:
        all_are(writes(bob, browser, "studio/also"), False)
    assert bob.post("repos", json={"owner": "studio", "name": "no"}).status == 403


def test_a_lower_role_takes_effect_at_once(studio, bob):
    join(studio, "bob", "write")
    bob.post(f"repos/{SECRET}/commits/main", json=commit_body()).expect(201)
    join(studio, "bob", "read")
    refused = bob.post(f"repos/{SECRET}/commits/main", json=commit_body(b"y")).expect(403)
    assert refused.code == "not_allowed"
    assert bob.get(f"repos/{SECRET}").status == 200


def test_members_may_use_what_the_organisation_stores(site, studio, bob, weights):
    """Knowing a hash grants nothing; membership does, as long as it lasts."""
    bob.post("repos", json={"name": "own"}).expect(201)
    body = {
        "message": "m",
        "operations": [{"op": "add", "path": "w.safetensors", "sha256": sha256(weights)}],
    }
    assert bob.post("repos/bob/own/commits/main", json=body).status == 422
    join(studio, "bob", "read")
    bob.post("repos/bob/own/commits/main", json=body).expect(201)


def test_a_contributor_changes_and_ends_what_they_made(studio, bob):
    join(studio, "bob", "contributor")
    bob.publish("studio/mine", {"a.txt": b"1"})
    bob.patch("repos/studio/mine", json={"name": "renamed", "private": True}).expect(200)
    assert bob.delete(f"repos/{SECRET}").code == "not_allowed"
    bob.delete("repos/studio/renamed").expect(204)
    # Another contributor has no part in it.
    carol_made = studio.publish("studio/annas", {"a.txt": b"1"})
    assert carol_made["revision"]
    assert bob.patch("repos/studio/annas", json={"private": True}).code == "not_allowed"


def test_nobody_signs_in_as_an_organisation(site, studio):
    from lorahub_server.accounts.errors import BadCredentials
    from lorahub_server.accounts.service import check_password

    for password in ("", "studio", "None"):
        with site.hub.db.read() as session, pytest.raises(BadCredentials):
            check_password(session, "studio", password)


def test_moving_between_owners(site, studio, bob, anonymous):
    join(studio, "bob", "contributor")
    bob.publish("bob/gift", {"a.txt": b"1"})
    moved = bob.patch("repos/bob/gift", json={"owner": "studio", "name": "present"}).expect(200)
    assert moved.json()["id"] == "studio/present"
    told = anonymous.get("repos/bob/gift").expect(307)
    assert told.headers["Location"].endswith("/repos/studio/present")
    assert anonymous.get("/bob/gift/resolve/main/a.txt").status == 307
    assert bob.post("repos", json={"name": "gift"}).expect(409).code == "name_used"
    # Who made it keeps the contributor's right to it.
    bob.put("repos/studio/present/raw/main/b.txt", body=b"2").expect(201)
    back = {"fromRepo": "studio/present", "toRepo": "bob/gift", "type": "model"}
    assert bob.post("/api/repos/move", json=back).expect(200).json()["name"] == "bob/gift"
    assert anonymous.get("repos/studio/present").expect(307)
    assert anonymous.get("repos/bob/gift").status == 200


def test_moving_needs_rights_on_both_sides(studio, bob, site):
    bob.publish("bob/gift", {"a.txt": b"1"})
    to_studio = {"owner": "studio"}
    assert bob.patch("repos/bob/gift", json=to_studio).expect(403).code == "not_allowed"
    join(studio, "bob", "read")
    assert bob.patch("repos/bob/gift", json=to_studio).expect(403).code == "not_allowed"
    assert bob.patch(f"repos/{SECRET}", json={"owner": "bob"}).expect(403).code == "not_allowed"
    assert bob.patch("repos/bob/gift", json={"owner": "anna"}).expect(403).code == "not_allowed"
    assert bob.patch("repos/bob/gift", json={"owner": "nobody"}).expect(403).code == "not_allowed"
    join(studio, "bob", "write")
    assert studio.publish("studio/gift", {"a.txt": b"2"})
    assert bob.patch("repos/bob/gift", json=to_studio).expect(409).code == "repo_exists"
    bob.patch(f"repos/{SECRET}", json={"owner": "bob"}).expect(200)
    # What was private stays a secret, under its old address too.
    stranger = site.add_account("stranger")
    assert stranger.get(f"repos/{SECRET}").status == 404
    assert studio.get(f"repos/{SECRET}").status == 404


def test_statements_do_not_grow_with_memberships(site, studio, bob):
    def spent(caller: InProcess) -> int:
        with hf.counted(site) as seen:
            caller.get("/api/models/studio/shown").expect(200)
            caller.get("/studio/shown/resolve/main/a.txt").expect(200)
        return len(seen)

    spent(bob)
    before = spent(bob)
    for number in range(5):
        studio.post("organizations", json={"name": f"more-{number}"}).expect(201)
        studio.put(f"organizations/more-{number}/members/bob", json={"role": "write"}).expect(200)
    join(studio, "bob", "write")
    assert spent(bob) == before
