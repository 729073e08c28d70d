"""Nothing that can be sent makes the hub fail: a 4xx says what is wrong, never a 500."""

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lorahub_server.doors.middleware.limits import BODY_MAX, HEADERS_MAX, QUERY_MAX

NASTY = [
    "%00", "%2e%2e", "..", ".", "%2F", "%252F", "%ff", "%", "%zz", "\xff", "%C3%A9", "%E2%80%AE",
    "a" * 300, "%F0%9F%92%A9", "con", "HEAD", "refs%2Fheads%2Fmain", "0" * 40, "main", "-1",
    "'", '"', ";--", "{owner}", "*", "~", "~1", "@", "%40%7B", "$(id)", "a%0d%0ab", "alice", "x",
    str(2**64), "a%20", "%20", "%E6%97%A5", "+", "a:b", "a?b".replace("?", "%3F"), "%23",
]  # fmt: skip
HEADS = [
    "/api/hub/v1/repos", "/api/hub/v1/repos/alice/x", "/api/hub/v1/uploads", "/api/hub/v1/accounts",
    "/api/hub/v1/tokens", "/api/hub/v1", "/api/hub", "/api", "", "/alice/x", "/alice/x/resolve/main",
    "/api/hub/v1/repos/alice/x/raw/main", "/api/hub/v1/repos/alice/x/tree",
    "/api/hub/v1/repos/alice/x/commits", "/api/hub/v1/repos/alice/x/manifest",
    "/api/hub/v1/repos/alice/x/branches", "/api/hub/v1/repos/alice/x/tags", "/alice/x/tree",
    "/alice/x/blob/main", "/tags", "/static", "/upload", "/alice/x/playground", "/api/hub/v1/plays",
]  # fmt: skip
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
QUERIES = ["search", "cursor", "limit", "tag", "owner", "sort", "recursive", "download", "message",
           "create", "parent", "private", "q", "page", "family", "layout", "next", "view"]  # fmt: skip

# Bytes as a client can put them on the line: httptools lets pass what is no space or control.
_LINE = st.text(
    st.sampled_from(string.ascii_letters + string.digits + "%/.-_~!$&'()*+,;=:@\"<>[]^`{|}\\\xff"),
    max_size=40,
)
_PIECES = st.lists(st.sampled_from(NASTY) | _LINE, max_size=5).map(
    lambda ps: "".join(f"/{p}" for p in ps)
)
_TARGETS = st.builds(lambda head, tail: (head + tail) or "/", st.sampled_from(HEADS), _PIECES)
_VALUES = st.sampled_from(NASTY) | _LINE
_QUERY = st.lists(st.tuples(st.sampled_from(QUERIES), _VALUES), max_size=4).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["name", "owner", "private", "message", "operations", "op", "path",
                         "content", "sha256", "parent", "files", "size", "revision", "scopes",
                         "description", "expires_at"]) | st.text(max_size=5),
        inner, max_size=6,
    ),
    max_leaves=12,
)  # fmt: skip
_QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def callers(site, alice):
    alice.publish("alice/x", {"a.txt": b"x", "sub/b.txt": b"y"})
    return [alice, site.as_token(None), site.signed_in("alice")]


def is_fine(answer) -> bool:
    return 200 <= answer.status < 500


@given(method=st.sampled_from(METHODS), target=_TARGETS, query=_QUERY, who=st.integers(0, 2))
@_QUICK
def test_addresses(callers, method, target, query, who):
    answer = callers[who].call(method, f"{target}?{query}", body=b"{}" if method != "GET" else None)
    assert is_fine(answer), (method, target, query, answer.body[:500])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-Id"]


GOOD = {
    "owner": "alice", "name": "x", "revision": "main", "branch": "main", "path": "a.txt",
    "tag": "v1", "job_id": "1", "token_id": "1", "upload_id": "0" * 32,
}  # fmt: skip


@given(data=st.data(), query=_QUERY, who=st.integers(0, 2))
@_QUICK
def test_every_operation_with_odd_names_in_it(site, callers, data, query, who):
    """Like the addresses above, but always past the routing."""
    paths = site.app.openapi()["paths"]
    operations = sorted((method, path) for path, item in paths.items() for method in item)
    method, path = data.draw(st.sampled_from(operations))
    for field, good in GOOD.items():
        if f"{{{field}}}" in path:
            value = data.draw(st.just(good) | st.just(good) | _VALUES, label=field)
            path = path.replace(f"{{{field}}}", value or "_")
    body = b"" if method == "get" else data.draw(st.sampled_from([b"{}", b"x", b"[]"]))
    answer = callers[who].call(method.upper(), f"{path}?{query}", body=body)
    assert is_fine(answer), (method, path, query, answer.body[:500])


JSON_ROUTES = [
    ("POST", "repos"),
    ("PATCH", "repos/alice/x"),
    ("POST", "repos/alice/x/commits/main"),
    ("POST", "repos/alice/x/preupload/main"),
    ("POST", "repos/alice/x/branches"),
    ("POST", "repos/alice/x/tags"),
    ("POST", "uploads"),
    ("POST", "tokens"),
]


@given(route=st.sampled_from(JSON_ROUTES), body=_JSON, who=st.sampled_from([0, 2]))
@_QUICK
def test_bodies(callers, route, body, who):
    answer = callers[who].call(*route, json=body)
    assert is_fine(answer), (route, body, answer.body[:500])


_SURE = {
    "repos": {"name": "y"},
    "commits": {"message": "m", "operations": [{"op": "add", "path": "p", "content": "eA=="}]},
    "branches": {"name": "b", "revision": "main"},
    "tags": {"name": "t", "revision": "main", "message": "m"},
    "uploads": {"name": "u", "size": 3},
    "tokens": {"name": "t", "scopes": ["read"]},
}


@given(
    route=st.sampled_from(JSON_ROUTES),
    text=st.text(max_size=30) | st.sampled_from(["\x00", "\ud800", "\u202e", "a" * 70_000, "é"]),
    field=st.integers(0, 3),
)
@_QUICK
def test_every_text_in_a_body(callers, route, text, field):
    kind = next((kind for kind in _SURE if kind in route[1].split("/")[-2:]), "repos")
    body = dict(_SURE[kind])
    key = sorted(body)[field % len(body)]
    if key == "operations":
        body[key] = [{"op": "add", "path": text, "content": "eA=="}]
    elif isinstance(body[key], str):
        body[key] = text
    answer = callers[0].call(*route, json=body)
    assert is_fine(answer), (route, body, answer.body[:500])


@given(
    name=st.sampled_from(["Authorization", "Cookie", "Range", "If-None-Match", "If-Range",
                          "Upload-Offset", "Content-Type", "Content-Length", "Host", "Accept",
                          "Origin", "X-CSRF-Token", "Accept-Encoding", "X-Forwarded-For"]),
    value=_VALUES | st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
    method=st.sampled_from(["GET", "PUT", "POST"]),
)  # fmt: skip
@_QUICK
def test_headers(callers, name, value, method):
    for path in ("/alice/x/resolve/main/a.txt", "repos/alice/x/raw/main/a.txt", "repos", "/"):
        answer = callers[1].call(method, path, body=b"x", headers={name: value})
        assert is_fine(answer), (name, value, method, path, answer.body[:500])


@pytest.mark.parametrize("text", ["x\x00y", "%00", "x%00y"])
def test_nul_in_a_query(anonymous, text):
    answer = anonymous.get(f"repos?search={text}")
    assert (answer.status, answer.code) == (400, "bad_request")


def test_everything_has_an_end(anonymous):
    long = anonymous.get("repos?search=" + "x" * QUERY_MAX)
    assert (long.status, long.code) == (414, "address_too_long")
    many = anonymous.get("repos", headers={"X-Long": "x" * HEADERS_MAX})
    assert (many.status, many.code) == (431, "headers_too_large")
    deep = anonymous.get("repos/" + "a/" * 5000)
    assert (deep.status, deep.code) == (414, "address_too_long")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/hub/v1/repos/zz/commit/preupload/main"),
        ("PATCH", "/api/hub/v1/repos/uploads/x"),
        ("PUT", "/api/models/raw/raw/settings"),
        ("POST", "/api/hub/v1/repos/git-receive-pack/x/commits/git-receive-pack"),
        ("POST", "/api/hub/v1/repos/api%2Fxet%2F/v1/commits/xorbs"),
        ("POST", "/api/models/a%2Fcommit%2Fb/c/preupload/main"),
        ("PUT", "/api/hub/v1/repos/a%2Fb/raw/star"),
    ],
)
def test_no_name_lifts_the_limit_of_a_body(anonymous, method, path):
    body = b'{"message": "' + b"a" * BODY_MAX + b'"}'
    answer = anonymous.call(method, path, body=body, headers={"Content-Type": "application/json"})
    assert answer.status == 413, answer.body[:300]
