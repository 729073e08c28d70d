"""Pass-through: what nobody here can own is another hub's; what somebody owns never is."""

import json
import time
from collections.abc import Iterator

import pytest

from lorahub_server.accounts.service import rename_account
from lorahub_server.doors.upstream import asking
from support import hf
from support.asgi import InProcess, Site
from support.inside import sha256
from support.other_hub import COMMIT, OtherHub

WEIGHTS = b"weights" * 100
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS, "tokenizer.json": b"[]"}
CLIENT = {"User-Agent": "hf_hub/1"}
LFS_BATCH = "/{}.git/info/lfs/objects/batch"


@pytest.fixture
def other() -> Iterator[OtherHub]:
    hub = OtherHub()
    hub.add("acme/base", FILES)
    hub.add("gpt2", FILES)
    hub.add("alice/style", FILES)
    hub.add("acme/gated", FILES, gated=True)
    yield hub
    hub.close()


@pytest.fixture
def site(start_site, other: OtherHub) -> Site:
    return start_site(upstream=f"{other.endpoint}/")


def lfs(operation: str) -> bytes:
    item = {"oid": sha256(WEIGHTS), "size": len(WEIGHTS)}
    return json.dumps({"operation": operation, "objects": [item]}).encode()


READS = [
    ("GET", "/api/models/{}", b""),
    ("GET", "/api/models/{}?blobs=True&expand=sha&x=a%20b", b""),
    ("GET", "/api/models/{}/revision/refs%2Fpr%2F1", b""),
    ("GET", "/api/models/{}/refs", b""),
    ("POST", "/api/models/{}/paths-info/main", b"paths=config.json"),
    ("GET", "/{}/resolve/main/model.safetensors", b""),
    ("GET", "/{}/resolve/refs%2Fpr%2F1/a/b%3Fc%25.txt?download=true", b""),
    ("GET", "/{}.git/info/refs?service=git-upload-pack", b""),
    ("GET", "/{}/info/refs?service=git-upload-pack", b""),
    ("POST", LFS_BATCH, lfs("download")),
]
WRITES = [
    ("POST", "/api/models/{}/commit/main", hf.line("header", summary="x") + hf.add("a", b"a")),
    ("POST", "/api/models/{}/preupload/main", b'{"files": []}'),
    ("POST", "/api/models/{}/duplicate", b'{"repository": "bob/x"}'),
    ("POST", "/api/models/{}/branch/x", b"{}"),
    ("POST", "/api/models/{}/like", b""),
    ("PUT", "/api/models/{}/settings", b"{}"),
    ("GET", "/api/models/{}/auth-check/write", b""),
    ("GET", "/api/models/{}/xet-write-token/main", b""),
    ("GET", "/{}.git/info/refs?service=git-receive-pack", b""),
    ("POST", LFS_BATCH, lfs("upload")),
    ("GET", "/api/hub/v1/repos/{}", b""),
    ("GET", "/api/hub/v1/repos/{}/manifest/main", b""),
]


def ask(caller: InProcess, method: str, address: str, name: str, body: bytes):
    kind = "application/x-www-form-urlencoded" if body.startswith(b"paths") else "application/json"
    headers = {"Content-Type": kind, **CLIENT}
    return caller.call(method, address.format(name), body=body, headers=headers)


def test_readers_are_sent_on(site, other, bob, anonymous) -> None:
    for caller in (bob, anonymous):
        for method, address, body in READS:
            answer = ask(caller, method, address, "acme/base", body).expect(307)
            wanted = other.endpoint + address.format("acme/base")
            assert answer.headers["Location"] == wanted, address
            assert answer.headers["Cache-Control"] == "no-store"
    # The other hub was asked once whether it has it, and not for whom.
    assert other.seen() == ["/api/models/acme/base"]
    assert not {"authorization", "cookie"} & other.told_headers()


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("/api/models/gpt2", "/api/models/gpt2"),
        ("/api/models/gpt2/revision/main", "/api/models/gpt2"),
        ("/gpt2/resolve/main/config.json", "/api/models/gpt2"),
        ("/api/datasets/acme/base", "/api/datasets/acme/base"),
        ("/datasets/acme/base/resolve/main/config.json", "/api/datasets/acme/base"),
    ],
)
def test_old_names_and_other_kinds(site, other, anonymous, address, asked) -> None:
    answer = anonymous.get(address).expect(307)
    assert answer.headers["Location"] == other.endpoint + address
    assert other.seen() == [asked]


def test_only_reading_is_passed_on(site, other, bob) -> None:
    for method, address, body in WRITES:
        answer = ask(bob, method, address, "acme/base", body)
        assert answer.status in {401, 404}, address
        assert "Location" not in answer.headers
    assert other.asked == []


def test_the_facts_of_a_file(site, other, bob) -> None:
    answer = bob.head("/acme/base/resolve/main/model.safetensors").expect(200)
    assert answer.headers["X-Repo-Commit"] == COMMIT
    assert answer.headers["ETag"] == f'"{sha256(WEIGHTS)}"'
    assert answer.headers["X-Linked-Size"] == answer.headers["Content-Length"] == "700"
    assert "Location" not in answer.headers
    answer = bob.head(f"/acme/base/resolve/{COMMIT}/config.json").expect(200)
    assert answer.headers["ETag"] == f'"{hf.git_id(b"{}")}"'
    assert answer.headers["X-Linked-Size"] == "2"
    # A branch may move while clients look; a commit does not.
    count = len(other.asked)
    bob.head(f"/acme/base/resolve/{COMMIT}/config.json").expect(200)
    assert len(other.asked) == count
    bob.head("/acme/base/resolve/main/model.safetensors").expect(200)
    assert len(other.asked) == count + 1
    assert other.store not in {one.headers["Host"] for one in other.asked}
    assert not {"authorization", "cookie"} & other.told_headers()


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("acme/base/resolve/main/none.txt", 404, "EntryNotFound"),
        ("acme/base/resolve/none/config.json", 404, "RevisionNotFound"),
        ("acme/none/resolve/main/config.json", 404, "RepoNotFound"),
        ("acme/gated/resolve/main/config.json", 403, "GatedRepo"),
    ],
)
def test_what_is_wrong_is_told_in_the_same_words(site, bob, path, status, code) -> None:
    answer = bob.head(f"/{path}", headers=CLIENT).expect(status)
    assert answer.headers["X-Error-Code"] == code
    if code == "EntryNotFound":
        assert answer.headers["X-Repo-Commit"] == COMMIT


def test_lists_stay_here(site, other, bob) -> None:
    """Clients ask for the next page with their token, wherever it is."""
    seen, address = [], "/api/models/acme/base/tree/main?recursive=True"
    while address:
        answer = bob.get(address).expect(200)
        seen += answer.json()
        link = answer.headers.get("Link", "")
        assert not link or link.startswith("<http://hub.test/api/models/acme/base/tree/main?cursor")
        address = link.partition("hub.test")[2].partition(">")[0]
    assert [entry["path"] for entry in seen] == sorted(FILES)
    assert seen[1]["lfs"]["oid"] == sha256(WEIGHTS)
    assert not [entry for entry in seen if "xetHash" in entry]
    assert len(bob.get("/api/models/acme/base/commits/main").expect(200).json()) == 2
    missing = bob.get("/api/models/acme/base/tree/main/no/folder").expect(404)
    assert missing.headers["X-Error-Code"] == "EntryNotFound"
    assert not {"authorization", "cookie"} & other.told_headers()


def test_neither_has_it(site, other, bob, anonymous) -> None:
    for caller, status in ((bob, 404), (anonymous, 401)):
        for method, address, body in READS:
            answer = ask(caller, method, address, "acme/none", body).expect(status)
            assert "Location" not in answer.headers
    assert other.seen() == ["/api/models/acme/none"]


def test_ours_always_wins(site, other, alice, bob, anonymous) -> None:
    """All that has an owner here is answered here, and all that is hidden in one way."""
    hf.create(alice, "style", private=True).expect(200)
    hf.create(alice, "gone").expect(200)
    alice.delete("repos/alice/gone").expect(204)
    other.add("alice/nowhere", FILES)
    for caller, status in ((bob, 404), (anonymous, 401)):
        for method, address, body in [*READS, ("HEAD", "/{}/resolve/main/config.json", b"")]:
            told = []
            for name in ("alice/style", "alice/nowhere", "ALICE/nowhere"):
                answer = ask(caller, method, address, name, body).expect(status)
                assert "Location" not in answer.headers
                headers = {k: v for k, v in answer.headers.items() if k.lower() != "x-request-id"}
                told.append((headers, answer.body.partition(b'"request_id"')[0]))
            assert told[0] == told[1] == told[2]
    bob.get("/api/models/alice/gone").expect(404, 410)
    alice.get("/api/models/alice/style").expect(200)
    assert other.asked == []


def test_names_that_were_given_up_stay_ours(site, other, alice, bob, anonymous) -> None:
    with site.hub.db.write() as session:
        from lorahub_server.accounts.service import get_account

        rename_account(session, get_account(session, "alice"), "alicia")
    anonymous.get("/api/models/alice/style").expect(401)
    assert other.asked == []


def test_a_hub_that_asks_is_not_sent_on(site, other, anonymous) -> None:
    headers = {asking.HOP: "1", **CLIENT}
    anonymous.get("/api/models/acme/base", headers=headers).expect(401)
    anonymous.head("/acme/base/resolve/main/config.json", headers=headers).expect(401)
    assert other.asked == []
    anonymous.get("/api/models/acme/base").expect(307)
    assert asking.HOP.lower() in other.told_headers()


def test_the_other_hub_is_away(start_site, other, monkeypatch) -> None:
    other.close()
    nobody = start_site(upstream=other.endpoint).as_token(None)
    for method, path in (
        ("HEAD", "/acme/base/resolve/main/config.json"),
        ("GET", "/api/models/acme/base"),
        ("GET", "/api/models/acme/base/tree/main"),
    ):
        answer = nobody.call(method, path).expect(503)
        assert answer.headers["Retry-After"] == "3"
    assert "does not answer" in answer.json()["error"]
    # It is left alone for a moment.
    monkeypatch.setattr(asking.Session, "once", None)
    nobody.get("/api/models/acme/base").expect(503)


def test_nobody_waits_for_long(site, other, anonymous, monkeypatch) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 0.3)
    other.delay = 4
    start = time.monotonic()
    anonymous.head("/acme/base/resolve/main/config.json").expect(503)
    assert time.monotonic() - start < 3.5


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (500, {}, 503),
        (429, {}, 503),
        (200, {}, 503),  # no hub
        (200, {"X-Repo-Commit": "x\u00e9", "ETag": '"a"'}, 503),
        (200, {"X-Repo-Commit": COMMIT, "ETag": '"../../x"'}, 503),
        (302, {"Location": "/acme/elsewhere"}, 401),
        (302, {"Location": "//127.0.0.1:9/x", "X-Repo-Commit": COMMIT, "ETag": '"ab"'}, 200),
        (302, {"Location": "file:///etc/passwd", "X-Repo-Commit": COMMIT, "ETag": '"ab"'}, 200),
        (307, {"Location": "/acme/base/resolve/main/odd"}, 401),  # in circles
        (307, {"Location": "/acme/base/resolve/main/config.json"}, 200),
    ],
)
def test_odd_answers(site, other, anonymous, status, headers, expected) -> None:
    other.odd["/acme/base/resolve/main/odd"] = (status, headers, b"")
    other.odd["/acme/elsewhere"] = (401, {"X-Error-Code": "RepoNotFound"}, b"")
    anonymous.head("/acme/base/resolve/main/odd", headers=CLIENT).expect(expected)


@pytest.mark.parametrize("body", [b"", b"[", b"<html>", b"[" * 100_000])
def test_odd_lists(site, other, anonymous, body) -> None:
    other.odd["/api/models/acme/base/tree/main"] = (200, {}, body)
    anonymous.get("/api/models/acme/base/tree/main").expect(503)


def test_without_it_the_error_says_what_helps(start_site) -> None:
    nobody = start_site("alone").as_token(None)
    answer = nobody.get("/api/models/acme/base").expect(401)
    assert "LORAHUB_UPSTREAM" in answer.json()["error"]
    answer = nobody.head("/acme/base/resolve/main/x", headers=CLIENT)
    assert "HF_ENDPOINT" in answer.expect(401).headers["X-Error-Message"]


def test_people_are_told_where_to_look(site, other, alice, bob, anonymous) -> None:
    there = f"{other.endpoint}/acme/base"
    for address in ("/api/hub/v1/repos/acme/base", "/api/hub/v1/repos/acme/base/manifest/main"):
        error = anonymous.get(address).expect(404).json()["error"]
        assert error["code"] == "repo_not_found"
        assert error["message"] == f"This hub has no acme/base. Its upstream may: {there}"
        assert error["upstream"] == there
    page = anonymous.get("/acme/base", headers={"Accept": "text/html"}).expect(404).text
    assert f'href="{there}"' in page
    for odd in ("/settings/base", "/acme/a%20b", "/acme/%ff"):
        assert "upstream" not in anonymous.get(odd).text
    # Nobody learns from it what somebody here has in private.
    alice.publish("alice/secret", {"README.md": b"x"}, private=True)
    for name in ("alice/secret", "alice/made-up"):
        for address in (f"/api/hub/v1/repos/{name}", f"/{name}"):
            assert "upstream" not in bob.get(address).expect(404).text
    assert other.asked == []
