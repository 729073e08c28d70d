"""What somebody may not see answers, byte for byte, as what is not there."""

import base64
import re
from typing import Any

import pytest

NAMES = ("secret", "absent", "buried", "former")
BODIES: dict[str, Any] = {
    "/repos/{owner}/{name}": {"name": "mine"},
    "/branches": {"name": "dev", "revision": "main"},
    "/tags": {"name": "v1", "revision": "main"},
    "/commits/{branch}": {
        "message": "m",
        "operations": [{"op": "add", "path": "a.txt", "content": base64.b64encode(b"x").decode()}],
    },
    "/discussions": {"title": "x", "text": "y"},
    "/discussions/{num}": {"title": "x"},
    "/comments": {"text": "x"},
    "/comments/{comment_id}": {"text": "x"},
    "/access": {"fields": {}},
    "/access-requests": {"account": "bob"},
    "/access-requests/{account}": {"status": "accepted"},
    "/plays": {"prompt": "x"},
    "/previews": {"enabled": True},
    "/previews/prompts": {"prompts": None},
    "/previews/cover": {"preview": None},
    "/previews/{preview_id}": {"caption": "x"},
    "/preupload/{branch}": {"files": [{"path": "a.txt", "size": 1, "sha256": "0" * 64}]},
}
VALUES = {
    "owner": "alice",
    "revision": "main",
    "branch": "main",
    "path": "a.txt",
    "tag": "v1",
    "job_id": "1",
    "num": "1",
    "comment_id": "1",
    "file": "b.safetensors",
    "variant_id": "1",
    "account": "bob",
    "preview_id": "1",
    "preview": "1",
    "picture": "0" * 64,
}
METHODS = ("get", "head", "post", "put", "patch", "delete")


@pytest.fixture
def things(alice, weights):
    """A private repository, one that was deleted, and one under a name it gave up."""
    alice.publish("alice/secret", {"a.txt": b"x", "b.safetensors": weights}, private=True)
    begun = {"title": "Hidden", "text": "Words", "pull_request": True}
    alice.post("repos/alice/secret/discussions", json=begun).expect(201)
    alice.publish("alice/buried", {"a.txt": b"x"}, private=True)
    alice.delete("repos/alice/buried").expect(204)
    alice.publish("alice/former", {"a.txt": b"x"}, private=True)
    alice.patch("repos/alice/former", json={"name": "later"}).expect(200)


def operations(site) -> list[tuple[str, str]]:
    """Every operation of the API, and every page, that is about one repository."""
    found = []
    for path, item in site.app.openapi()["paths"].items():
        if "{owner}/{name}" in path:
            found += [(method, path) for method in METHODS if method in item or method == "head"]
    pages = ("/tree/main", "/tree/main/a.txt", "/blob/main/a.txt", "/commits/main", "/commit/main")
    for rest in ("", *pages, "/commits/main/a.txt"):
        found += [("get", "/{owner}/{name}" + rest), ("head", "/{owner}/{name}" + rest)]
    for rest in ("/citation.bib", "/CITATION.cff"):
        found.append(("get", "/{owner}/{name}" + rest))
    for rest in ("/discussions", "/discussions/1", "/discussions/new"):
        found.append(("get", "/{owner}/{name}" + rest))
    found += [(method, "/{owner}/{name}/download") for method in ("get", "head")]
    found.append(("get", "/images/share/adapter/{owner}/{name}.png"))
    found += [("get", "/{owner}/{name}/settings"), ("post", "/{owner}/{name}/star")]
    found += [(method, "/{owner}/{name}/fork") for method in ("get", "post")]
    for rest in ("", "/adapters", "/1"):
        found.append(("get", "/{owner}/{name}/playground" + rest))
    for rest in ("", "/live", "/1"):
        found.append(("get", "/{owner}/{name}/previews" + rest))
    edits = ("/prompts", "/base", "/cover", "/upload", "/1")
    for rest in ("/render", "/cancel", "/turn", *edits):
        found.append(("post", "/{owner}/{name}/previews" + rest))
    for rest in ("", "/1/cancel", "/1/keep", "/1/delete"):
        found.append(("post", "/{owner}/{name}/playground" + rest))
    return found


def body_for(path: str) -> Any:
    return next((body for end, body in BODIES.items() if path.endswith(end)), None)


def seen(answer, name: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """What a stranger could compare, without what differs between any two requests."""
    number = answer.headers["X-Request-Id"].encode()
    body = answer.body.replace(number, b"NUMBER").replace(name.encode(), b"NAME")
    body = re.sub(rb'(name="csrf_token"\s+value=")[^"]*', rb"\1", body)
    headers = []
    for key, value in answer.headers.items():
        if key == "x-request-id":
            continue
        text = re.sub(r"(lh_csrf=)[^;]*", r"\1", value.replace(name, "NAME"))
        headers.append((key, text))
    return answer.status, headers, body


@pytest.mark.parametrize("who", ["anonymous", "other", "other-reader", "other-browser"])
def test_hidden_things_look_like_missing_ones(site, things, bob, who):
    caller = {
        "anonymous": lambda: site.as_token(None),
        "other": lambda: bob,
        "other-reader": lambda: site.token_of("bob", "read"),
        "other-browser": lambda: site.signed_in("bob"),
    }[who]()
    compared = 0
    for method, path in operations(site):
        answers = {}
        for name in NAMES:
            address = path.format(**VALUES, name=name)
            given = body_for(path) if method in ("post", "patch", "put") else None
            body = b"x" if method == "put" and "/raw/" in path else None
            answer = caller.call(method.upper(), address, json=given, body=body)
            answers[name] = seen(answer, name)
        for name in NAMES:
            assert answers[name] == answers["absent"], f"{method} {path} tells of {name}"
        assert 400 <= answers["absent"][0] < 500, f"{method} {path}: {answers['absent']}"
        compared += 1
    assert compared > 30


def test_the_owner_sees_them(site, things, alice):
    assert alice.get("repos/alice/secret").status == 200
    assert alice.get("repos/alice/buried").status == 410
    assert alice.get("repos/alice/former").status == 307


def test_no_list_counts_them(site, things, alice, bob, anonymous):
    for caller, names in ((anonymous, set()), (bob, set()), (alice, {"secret", "later"})):
        for query in ({}, {"owner": "alice"}, {"search": "secret"}, {"layout": "peft"}):
            found = {item["name"] for item in caller.get("repos", query=query).json()["items"]}
            assert found <= names
        assert caller.get("repos").json()["next"] is None


def test_made_anew_under_the_name_of_a_hidden_one(site, things, bob):
    """`create=1` asks for somebody else's name: refused alike, whatever is there."""
    told = [
        seen(bob.put(f"repos/alice/{name}/raw/main/a.txt?create=1", body=b"x"), name)
        for name in NAMES
    ]
    for door in ("commits", "preupload"):
        body = {**BODIES[f"/{door}/{{branch}}"], "create": True}
        told += [
            seen(bob.post(f"repos/alice/{name}/{door}/main", json=body), name) for name in NAMES
        ]
    assert told[0][0] == 403
    assert all(one == told[0] for one in told)
