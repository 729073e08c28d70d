"""The bytes of a gated repository leave by no door but to those who were accepted."""

import base64
import json
import re
import zlib

import pytest

from lorahub_server.accounts.service import get_account
from support import packs
from support.hf import line as hf_line
from support.inside import adapter, sha256
from support.packs import line

# In every gated file, and nowhere else.
SMALL = b"only-for-the-accepted"
WEIGHTS = adapter(seed=61)
LARGE = WEIGHTS[-24:]
PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89" + SMALL
CARD = (
    b"---\nlicense: mit\nwidget:\n- text: a\n  output:\n    url: cover.png\n"
    b"extra_gated_fields:\n  Who are you?: text\n---\n# Style\n\nA public card. ![x](cover.png)\n"
)
FILES = {
    "README.md": CARD,
    "notes.txt": b"# notes\n" + SMALL + b"\n",
    "deep/README.md": SMALL,
    "cover.png": PICTURE,
    "w.safetensors": WEIGHTS,
}
GATED = [path for path in FILES if path != "README.md"]
VALUES = {
    "owner": "alice", "name": "gate", "revision": "main", "branch": "main", "tag": "v1",
    "job_id": "1", "number": "1", "status": "pending", "account": "bob", "variant_id": "0" * 64,
    "file": "w.safetensors", "picture": sha256(PICTURE),
}  # fmt: skip
QUERIES = {
    "/info/refs": "?service=git-upload-pack",
    "/tree/": "?recursive=1&expand=1",
    "/variant/": "?layout=kohya",
}


# One hub for all of the tests here: none changes alice/gate.
@pytest.fixture(scope="module")
def site(one_site):
    return one_site


@pytest.fixture(scope="module")
def alice(site):
    return site.add_account("alice")


@pytest.fixture(scope="module")
def bob(site):
    return site.add_account("bob")


@pytest.fixture(scope="module")
def gate(alice):
    return make_gate(alice, "gate", FILES)


def make_gate(alice, name, files):
    alice.publish(f"alice/{name}", files)
    alice.post(f"repos/alice/{name}/tags", json={"name": "v1", "revision": "main"}).expect(201)
    alice.patch(f"repos/alice/{name}", json={"gated": "manual"}).expect(200)
    return alice.get(f"repos/alice/{name}").json()["revision"]


def routes(site):
    """Every GET address about one repository, by its pattern."""
    found = set()
    waiting = list(site.app.routes)
    while waiting:
        route = waiting.pop()
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if inner is not None and inner is not site.app.router:
            prefix = getattr(getattr(route, "include_context", None), "prefix", "")
            waiting += list(inner.routes)
            assert prefix is not None
        if "GET" in (getattr(route, "methods", None) or ()) and "{name}" in route.path:
            found.add(route.path)
    for path, item in site.app.openapi()["paths"].items():
        if "{owner}/{name}" in path and "get" in item:
            found.add(path)
    return sorted(found)


def addresses(site):
    """Each pattern, filled in for every file where it has a path."""
    for pattern in routes(site):
        base = f"/api/hub/v1{pattern}" if pattern.startswith("/repos/") else pattern
        query = next((more for part, more in QUERIES.items() if part in base), "")
        for path in FILES if "path" in base or "rest" in base else ["notes.txt"]:
            names = {**VALUES, "path": path, "rest": path}
            filled = re.sub(
                r"\{([^}]+)\}",
                lambda found, names=names: names.get(found[1].partition(":")[0], "1"),
                base,
            )
            yield path, filled + query


def has_secret(body: bytes) -> bool:
    """Look for the files' bytes, also packed ones."""
    if SMALL in body or LARGE in body or base64.b64encode(SMALL)[:-4] in body:
        return True
    for at in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", body):
        try:
            if SMALL in zlib.decompressobj().decompress(body[at.start() :]):
                return True
        except zlib.error:
            continue
    return False


@pytest.fixture(scope="module")
def strangers(site, alice, bob, gate):
    """Everybody who may know of the repository and not have its files."""
    pending, rejected, gone = (site.add_account(name) for name in ("pending", "rejected", "gone"))
    for one in (pending, rejected, gone):
        one.post("repos/alice/gate/access", json={"fields": {"Who are you?": "me"}}).expect(200)
    alice.put(
        "repos/alice/gate/access-requests/rejected", json={"status": "rejected", "reason": "no"}
    ).expect(200)
    alice.put("repos/alice/gate/access-requests/gone", json={"status": "accepted"}).expect(200)
    gone.delete("repos/alice/gate/access").expect(204)
    return {
        "anonymous": site.as_token(None),
        "bob": bob,
        "bob-browser": site.signed_in("bob"),
        "pending": pending,
        "rejected": rejected,
        "gone": gone,
    }


@pytest.fixture(scope="module")
def friends(site, alice, gate):
    """Everybody who may have them."""
    accepted, granted, boss = (site.add_account(name) for name in ("accepted", "granted", "boss"))
    accepted.post("repos/alice/gate/access", json={"fields": {"Who are you?": "me"}}).expect(200)
    alice.put("repos/alice/gate/access-requests/accepted", json={"status": "accepted"}).expect(200)
    alice.post("repos/alice/gate/access-requests", json={"account": "granted"}).expect(201)
    with site.hub.db.write() as session:
        get_account(session, "boss").is_admin = True
    return {
        "alice": alice,
        "alice-browser": site.signed_in("alice"),
        "accepted": accepted,
        "accepted-reader": site.token_of("accepted", "read"),
        "granted": granted,
        "boss": boss,
    }


def test_no_address_gives_bytes_to_a_stranger(site, strangers):
    asked = set()
    for who in ("anonymous", "bob"):
        for path, address in addresses(site):
            answer = strangers[who].get(address)
            assert not has_secret(answer.body), f"{who} got {path} at {address}"
            assert answer.status < 500 or answer.status == 501, address
            asked.add(address)
    assert len(asked) > 100


def test_the_same_addresses_give_them_to_a_friend(site, friends):
    """Else the test above would prove nothing."""
    given = {
        address
        for _, address in addresses(site)
        if "/variant" not in address and has_secret(friends["accepted"].get(address).body)
    }
    for path in GATED:
        assert f"/alice/gate/resolve/main/{path}" in given
        assert f"/api/hub/v1/repos/alice/gate/raw/main/{path}" in given
    assert "/alice/gate/blob/main/notes.txt" in given


@pytest.mark.parametrize("path", GATED)
def test_every_stranger_is_told_what_to_do(strangers, path):
    for who, caller in strangers.items():
        for address in (f"/alice/gate/resolve/main/{path}", f"repos/alice/gate/raw/main/{path}"):
            answer = caller.get(address)
            assert answer.status == (401 if who == "anonymous" else 403), (who, address)
            assert caller.head(address).status == answer.status
            assert "restricted and you are not in the authorized list" in answer.text
            if address.startswith("/"):
                assert answer.headers["x-error-code"] == "GatedRepo"
                assert "authorized list" in answer.headers["x-error-message"]
            assert answer.headers["cache-control"] == "no-store"


def test_every_friend_gets_the_files(friends):
    for caller in friends.values():
        for path, content in FILES.items():
            answer = caller.get(f"/alice/gate/resolve/main/{path}").expect(200)
            assert answer.body == content
            if path != "README.md":
                assert answer.headers["cache-control"] == "private, no-store"


def test_the_card_and_what_is_known_are_for_everybody(strangers, gate):
    for caller in strangers.values():
        assert caller.get("/alice/gate/resolve/main/README.md").expect(200).body == CARD
        assert caller.get("/alice/gate/raw/main/README.md").status in (200, 404)
        info = caller.get("/api/models/alice/gate").expect(200).json()
        assert info["gated"] == "manual"
        assert {one["rfilename"] for one in info["siblings"]} >= set(FILES)
        assert caller.get("/api/models/alice/gate/tree/main?recursive=1").status == 200
        assert caller.get("repos/alice/gate").expect(200).json()["gated"] == "manual"
        assert caller.get("repos/alice/gate/tree/main").status == 200


def test_what_was_not_gated_needs_no_statement_more(site, alice, friends):
    from sqlalchemy import event

    alice.publish("alice/open", {"notes.txt": b"x", "w.safetensors": adapter(seed=62)})
    addresses = ("/alice/{}/resolve/main/notes.txt", "/alice/{}/resolve/main/w.safetensors")
    reader = friends["accepted"]

    def statements(name: str, address: str) -> int:
        seen = []

        def note(*args) -> None:
            seen.append(args[2])

        event.listen(site.hub.db.engine, "before_cursor_execute", note)
        try:
            reader.get(address.format(name)).expect(200)
        finally:
            event.remove(site.hub.db.engine, "before_cursor_execute", note)
        return len([one for one in seen if not one.startswith("BEGIN")])

    def fewest(name: str, address: str) -> int:
        # What the hub writes in the background now and then does not count.
        return min(statements(name, address) for _ in range(4))

    for address in addresses:
        reader.get(address.format("open"))
        reader.get(address.format("gate"))
        plain = fewest("open", address)
        assert plain <= 3 + 1  # the token's look-up
        assert fewest("gate", address) == plain + 1


def test_git_is_refused_as_a_whole(strangers, friends, gate):
    kind = {"Content-Type": "application/x-git-upload-pack-request"}
    caps = b" side-band-64k ofs-delta agent=test"
    body = line(b"want " + gate.encode() + caps + b"\n") + b"0000" + line(b"done\n")
    for who, caller in strangers.items():
        for answer in (
            caller.get("/alice/gate/info/refs?service=git-upload-pack"),
            caller.post("/alice/gate/git-upload-pack", body=body, headers=kind),
            caller.post("/alice/gate.git/git-upload-pack", body=body, headers=kind),
        ):
            assert answer.status == (401 if who == "anonymous" else 403)
            assert answer.headers["content-type"].startswith("text/plain")
            assert "restricted" in answer.text
    answer = friends["accepted"].post("/alice/gate/git-upload-pack", body=body, headers=kind)
    pack = packs.bands(answer.expect(200).body)[1]
    assert has_secret(pack)


def test_git_lfs_gives_no_address(strangers, friends):
    batch = {
        "operation": "download",
        "objects": [{"oid": sha256(WEIGHTS), "size": len(WEIGHTS)}],
        "transfers": ["basic"],
    }
    for who, caller in strangers.items():
        answer = caller.post("/alice/gate.git/info/lfs/objects/batch", json=batch)
        assert answer.status == (401 if who == "anonymous" else 403), who
        assert answer.headers["x-error-code"] == "GatedRepo"
    answer = friends["accepted"].post("/alice/gate.git/info/lfs/objects/batch", json=batch)
    (given,) = answer.expect(200).json()["objects"]
    address = given["actions"]["download"]["href"].removeprefix("http://hub.test")
    assert friends["accepted"].get(address).expect(200).body == WEIGHTS


def test_other_repositories_are_no_way_around(site, strangers, bob):
    """The hash is public. Nobody may commit the file by it, or learn that it is here."""
    sha = sha256(WEIGHTS)
    bob.post("repos", json={"name": "mine"}).expect(201)
    batch = {"operation": "download", "objects": [{"oid": sha, "size": len(WEIGHTS)}]}
    (told,) = bob.post("/bob/mine.git/info/lfs/objects/batch", json=batch).json()["objects"]
    assert told["error"]["code"] == 404
    batch["operation"] = "upload"
    (told,) = bob.post("/bob/mine.git/info/lfs/objects/batch", json=batch).json()["objects"]
    assert "upload" in told["actions"]
    verify = {"oid": sha, "size": len(WEIGHTS)}
    assert bob.post("/bob/mine.git/info/lfs/verify", json=verify).status == 404
    files = {"files": [{"path": "w.safetensors", "size": len(WEIGHTS), "sha256": sha}]}
    told = bob.post("repos/bob/mine/preupload/main", json=files).json()["files"]
    assert [one["action"] for one in told] == ["upload"]
    upload = bob.post(
        "uploads", json={"name": "w.safetensors", "size": len(WEIGHTS), "sha256": sha}
    )
    assert upload.json()["state"] == "open"
    operations = [{"op": "add", "path": "w.safetensors", "sha256": sha}]
    answer = bob.post(
        "repos/bob/mine/commits/main", json={"message": "m", "operations": operations}
    )
    assert answer.status == 422
    body = hf_line("header", summary="m") + hf_line(
        "lfsFile", path="w.safetensors", algo="sha256", oid=sha, size=len(WEIGHTS)
    )
    answer = bob.post("/api/models/bob/mine/commit/main", body=body)
    assert answer.status == 422
    assert bob.get("/bob/mine/resolve/main/w.safetensors").status == 404


def test_forks_and_duplicates_are_refused(site, strangers, friends):
    for caller in (strangers["bob"], strangers["pending"], strangers["rejected"]):
        answer = caller.post("repos/alice/gate/forks", json={"name": "copy"})
        if answer.status == 404:
            continue
        assert (answer.status, answer.code) == (403, "gated_repo")
        answer = caller.post("/api/models/alice/gate/duplicate", json={"repository": "bob/copy"})
        assert answer.status == 403
        assert answer.headers["x-error-code"] == "GatedRepo"


def test_the_manifest_for_pull(strangers, friends):
    for who, caller in strangers.items():
        answer = caller.get("repos/alice/gate/manifest/main")
        assert (answer.status, answer.code) == (401 if who == "anonymous" else 403, "gated_repo")
    assert friends["granted"].get("repos/alice/gate/manifest/main").status == 200


def test_pages_show_no_picture_of_it(site, strangers, friends):
    for who in ("bob-browser", "anonymous"):
        for address in ("/", "/alice", "/alice/gate"):
            text = strangers[who].get(address).expect(200).text
            assert re.findall(r'<img[^>]+src="([^"]*resolve[^"]*)"', _without_card(text)) == []
        blob = strangers[who].get("/alice/gate/blob/main/cover.png").expect(200).text
        assert 'class="picture"' not in blob
        assert "wait for access" in blob
    assert 'class="picture"' in friends["alice-browser"].get("/alice/gate/blob/main/cover.png").text


def _without_card(text: str) -> str:
    return re.sub(r'<div class="prose">.*?</div>', "", text, flags=re.DOTALL)


def test_auth_check(strangers, friends):
    for who, caller in strangers.items():
        answer = caller.get("/api/models/alice/gate/auth-check")
        assert answer.status == (401 if who == "anonymous" else 403)
        assert answer.headers["x-error-code"] == "GatedRepo"
    for caller in friends.values():
        assert caller.get("/api/models/alice/gate/auth-check").status == 200


def test_a_private_gated_repository_is_not_told_of(site, alice, bob):
    anonymous = site.as_token(None)
    make_gate(alice, "other", {"notes.txt": SMALL})
    alice.post("repos/alice/other/access-requests", json={"account": "bob"}).expect(201)
    assert bob.get("/alice/other/resolve/main/notes.txt").status == 200
    alice.patch("repos/alice/other", json={"private": True}).expect(200)
    for caller in (bob, anonymous):
        for address in (
            "repos/alice/other/access",
            "repos/alice/other/manifest/main",
            "repos/alice/other/raw/main/notes.txt",
            "repos/alice/other/access-requests",
        ):
            gone = caller.get(address.replace("other", "absent", 1))
            told = caller.get(address)
            assert (told.status, told.code) == (gone.status, gone.code), address
        batch = {"operation": "download", "objects": []}
        answer = caller.post("/alice/other.git/info/lfs/objects/batch", json=batch)
        assert answer.headers["x-error-code"] == "RepoNotFound"


def test_once_the_gate_is_gone_the_files_are_for_everybody(site, alice):
    anonymous = site.as_token(None)
    make_gate(alice, "third", {"notes.txt": SMALL})
    alice.patch("repos/alice/third", json={"gated": False}).expect(200)
    assert anonymous.get("/alice/third/resolve/main/notes.txt").status == 200
    assert anonymous.get("repos/alice/third").json()["gated"] is None
    alice.patch("repos/alice/third", json={"gated": "sometimes"}).expect(422)


def test_a_pull_request_shows_lines_of_the_card_only(site, strangers, friends, alice):
    """Whoever may not have the files does not get them as a comparison either."""
    from lorahub_server.access import Tx, of_account
    from lorahub_server.kit.clock import now
    from lorahub_server.repos import diff, diff_text
    from lorahub_server.repos import service as repos

    for who, allowed in (("bob", False), ("accepted", True)):
        with site.hub.db.read() as session:
            caller = of_account(get_account(session, who))
            tx = Tx(session, caller, site.hub.store, site.hub.settings, now(), "test")
            repo = repos.get_repo(tx, "alice", "gate")
            head = alice.get("repos/alice/gate").json()["revision"]
            read, _ = diff_text.read(tx, repo, diff.compare(tx, repo, None, head))
        text = diff_text.unified(read)
        assert "A public card." in text
        assert (SMALL.decode() in text) is allowed
        why = {one.change.path: one.why for one in read}
        assert why["notes.txt"] == ("" if allowed else "gated")
    assert json.dumps(why)


def test_members_of_the_organisation_pass(site, alice, bob):
    alice.post("organizations", json={"name": "studio"}).expect(201)
    alice.publish("studio/gate", {"notes.txt": SMALL})
    alice.patch("repos/studio/gate", json={"gated": "manual"}).expect(200)
    address = "/studio/gate/resolve/main/notes.txt"
    assert bob.get(address).status == 403
    alice.put("organizations/studio/members/bob", json={"role": "read"}).expect(200, 201)
    assert bob.get(address).expect(200).body == SMALL
    assert bob.get("/studio/gate/info/refs?service=git-upload-pack").status == 200
    assert bob.get("repos/studio/gate/access-requests").status == 403
    alice.delete("organizations/studio/members/bob").expect(204)
    assert bob.get(address).status == 403
