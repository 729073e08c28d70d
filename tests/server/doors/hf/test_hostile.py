"""Every address of the protocol, asked about what is hidden, and with nonsense."""

import itertools
import json
import re

import pytest

from lorahub_server.doors.hf import router
from support import hf

_NAMES = {
    "revision": "main", "branch": "main", "tag": "v1", "path": "a/b", "path:path": "a/b",
    "rest:path": "x", "topic:path": "x", "ticket": "x.y", "number": "1", "space": "0" * 32,
    "_prefix": "default", "xorb": "0" * 64, "revision:path": "main",
    "num": "1", "comment_id": "1".zfill(24),
    "hook_id": "1".zfill(24), "status": "pending",
    "slug": "x-" + "1".zfill(24), "item": "1".zfill(24),
}  # fmt: skip
NONSENSE = [
    b"", b"null", b"[]", b"5", b'"x"', b"{", b"\xff\xfe", b"[" * 50_000, b'{"a":' * 20_000,
    b'{"name": "\\ud800", "organization": "\\ud800"}', b'{"name": "x\\u0000"}',
    b'{"name": {"a": 1}, "files": {"a": 1}, "objects": 5, "paths": {"x": 1}}',
    b'{"name": "x", "fromRepo": "\\ud800/x", "toRepo": "a/b", "tag": "\\ud800", "message": "\\ud800"}',
    b'{"files": [{"path": "\\ud800", "size": 1e400, "sample": "\\ud800"}], "gitIgnore": "\\ud800["}',
    b'{"files": [{"path": "a", "size": 1, "sample": "!"}], "gitIgnore": "[\\\\\\n**/[!"}',
    b'{"operation": "upload", "objects": [{"oid": "\\ud800", "size": 9223372036854775807}]}',
    b'{"content": "---\\n\\ud800: [\\n---", "repoType": "model"}',
    b'{"paths": ["\\ud800", "a\\u0000", "../..", "' + b"a/" * 2000 + b'"]}',
    hf.line("header", summary="\ud800") + hf.line("file", path="\ud800", content="\ud800"),
    hf.line("header", summary="x") + hf.line("file", path="x", content="\ud800"),
    hf.line("header", summary="x") + hf.line("deletedFile", path="\ud800"),
    b'{"key": "header", "value": {"summary": "x", "parentCommit": "\\ud800"}}\n',
    b'{"startingPoint": "\\ud800"}', b'{"startingPoint": "refs/heads/' + b"x" * 5000 + b'"}',
]  # fmt: skip


def addresses() -> list[tuple[str, str]]:
    """All of them, each with its method."""
    found = set()
    for part in _parts(router):
        for method in part.methods:
            found.add((method, part.path))
    assert len(found) > 40
    return sorted(found)


def _parts(of):
    for route in of.routes:
        if getattr(route, "methods", None):
            yield route
        else:
            inner = getattr(route, "original_router", None) or getattr(route, "router", route)
            if inner is not of and inner is not route:
                yield from _parts(inner)


def filled(path: str, owner: str, name: str) -> str:
    names = {**_NAMES, "owner": owner, "name": name}
    return re.sub(r"\{([^}]+)\}", lambda found: names[found[1]], path)


def of_a_repository() -> list[tuple[str, str]]:
    return [(m, p) for m, p in addresses() if "{owner}/{name}" in p]


BODIES = {
    "/paths-info/": b'{"paths": ["a"]}',
    "/preupload/": b'{"files": []}',
    "/objects/batch": b'{"operation": "upload", "objects": []}',
    "/verify": b'{"oid": "' + b"0" * 64 + b'", "size": 1}',
    "/tag/": b'{"tag": "v1"}',
    "/duplicate": b'{"repository": "bob/copy"}',
    "/settings": b'{"private": true}',
    "/edit": b'{"content": "x"}',
    "/comment": b'{"comment": "x"}',
    "/title": b'{"title": "x"}',
    "/status": b'{"status": "closed"}',
    "/user-access-request/handle": b'{"user": "bob", "status": "accepted"}',
    "/user-access-request/grant": b'{"user": "bob"}',
    "/discussions": b'{"title": "x", "description": "x"}',
}


def test_private_looks_like_missing_everywhere(site, alice, bob, anonymous):
    hf.create(alice, "secret", private=True).expect(200)
    hf.commit(alice, "alice/secret", hf.add("a/b", b"1")).expect(200)
    asked = 0
    for method, path in of_a_repository():
        if "{ticket}" in path:
            continue
        body = next((body for part, body in BODIES.items() if part in path), b"")
        for caller, status in ((bob, 404), (anonymous, 401)):
            seen = []
            for name in ("secret", "nowhere"):
                answer = caller.call(
                    method, filled(path, "alice", name), body=body,
                    headers={"Content-Type": "application/json"},
                )  # fmt: skip
                headers = {k.lower(): v.replace(name, "N") for k, v in answer.headers.items()}
                del headers["x-request-id"]
                told = answer.body.decode().replace(name, "N")
                told = re.sub(r'"request_id": ?"\w+"', "", told)
                seen.append((answer.status, headers, told))
            assert seen[0] == seen[1], (method, path)
            assert seen[0][0] == status, (method, path, seen[0])
            asked += 1
    assert asked > 40


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
def test_nonsense_is_no_fault_of_the_hub(site, alice, method):
    hf.create(alice, "glass").expect(200)
    types = ("application/json", "application/x-www-form-urlencoded", "")
    for wanted, path in addresses():
        if wanted != method:
            continue
        address = filled(path, "alice", "glass")
        for body, kind in itertools.product(NONSENSE if method != "GET" else [b""], types):
            answer = alice.call(method, address, body=body, headers={"Content-Type": kind})
            assert answer.status < 500 or answer.status == 501, (
                method,
                address,
                body[:100],
                answer,
            )


@pytest.mark.parametrize(
    "query",
    ["search=%ED%A0%80", "filter=%FF", "author=%00", "limit=-1", "limit=99999999999999999999", "cursor=x",
     "sort=", "expand[]=x", "recursive=maybe", "expand=maybe", "include_prs=9", "cursor=" + "A" * 3000,
     "filter=" + "x" * 5000, "search=" + "+".join("ab" * 500), "limit=1e3"],
)  # fmt: skip
def test_queries_of_nonsense(alice, query):
    hf.create(alice, "glass").expect(200)
    for address in ("/api/models", "/api/models/alice/glass", "/api/models/alice/glass/tree/main",
                    "/api/models/alice/glass/commits/main", "/api/models/alice/glass/refs",
                    "/api/users/alice/likes", "/api/models/alice/glass/likers"):  # fmt: skip
        answer = alice.get(f"{address}?{query}")
        assert answer.status < 500, (address, query)
        if answer.status >= 400:
            assert isinstance(json.loads(answer.body)["error"], str | dict)


def test_the_protocol_is_not_in_the_reference(anonymous):
    paths = anonymous.get("/api/hub/openapi.json").expect(200).json()["paths"]
    assert not [path for path in paths if path.startswith("/api/models")]
