"""The addresses of Xet, asked without a client."""

import json
import time

import pytest

from lorahub_server.blobs.xet.tables import XetSpace
from lorahub_server.doors.hf import xet_events
from lorahub_server.doors.middleware.limits import BODY_MAX
from lorahub_server.storage.keys import XORBS
from support import xet
from support.inside import sha256

TOKEN = "/api/models/alice/style/xet-write-token"
A = xet.Xorb([b"a" * 1000, b"b" * 70_000], 1)


def ask(caller, revision: str = "main", query: str = "") -> dict:
    return caller.call("GET", f"{TOKEN}/{revision}{query}").expect(200).json()


@pytest.fixture
def cas(alice):
    """Calls into alice's space."""
    told = ask(alice)
    path = told["casUrl"].removeprefix("http://hub.test")

    def call(method: str, rest: str, **more):
        headers = {"Authorization": f"Bearer {told['accessToken']}", **more.pop("headers", {})}
        return alice.call(method, path + rest, headers=headers, **more)

    call.path = path
    call.told = told
    return call


def lines(answer) -> list[dict]:
    answer.expect(200)
    return [json.loads(line) for line in answer.body.splitlines()]


def test_the_token_is_told_in_the_body_and_in_headers(alice):
    answer = alice.call("GET", f"{TOKEN}/main").expect(200)
    told = answer.json()
    assert told["casUrl"].startswith("http://hub.test/api/xet/")
    assert answer.headers["X-Xet-Cas-Url"] == told["casUrl"]
    assert answer.headers["X-Xet-Access-Token"] == told["accessToken"]
    assert answer.headers["X-Xet-Token-Expiration"] == str(told["exp"])
    assert 800 < told["exp"] - time.time() <= 900
    assert answer.headers["Cache-Control"] == "no-store"
    assert alice.token not in told["accessToken"]


def test_each_repository_has_an_address_of_its_own(alice):
    alice.post("repos", json={"name": "other"}).expect(201)
    other = alice.call("GET", "/api/models/alice/other/xet-write-token/main").expect(200).json()
    assert ask(alice)["casUrl"] == ask(alice)["casUrl"] != other["casUrl"]


def test_who_gets_a_token(site, alice, bob, anonymous):
    alice.post("repos", json={"name": "secret", "private": True}).expect(201)
    secret = TOKEN.replace("style", "secret")
    unknown = TOKEN.replace("style", "unknown")
    for query in ("", "?create_pr=1"):
        for caller in (bob, anonymous):
            alike = [caller.call("GET", f"{path}/main{query}") for path in (secret, unknown)]
            assert alike[0].status == alike[1].status
            assert alike[0].status in {401, 404}
        assert anonymous.call("GET", f"{TOKEN}/main{query}").status == 401
        reader = site.token_of("alice", "read")
        assert reader.call("GET", f"{TOKEN}/main{query}").status == 403
    assert bob.call("GET", f"{TOKEN}/main").status == 403
    assert bob.call("GET", f"{TOKEN}/refs%2Fpr%2F1").status == 404
    alice.publish("alice/style", {"a.txt": b"1"})
    draft = {"title": "x", "text": "y", "pull_request": True}
    bob.post("repos/alice/style/discussions", json=draft).expect(201)
    for rest in ("None?create_pr=1", "main?create_pr=True", "refs%2Fpr%2F1", "refs/pr/1"):
        assert bob.call("GET", f"{TOKEN}/{rest}").status == 200
        assert alice.call("GET", f"{TOKEN}/{rest}").status == 200
    assert alice.call("GET", f"{TOKEN}/feature%2Fx").status == 200


def test_a_file_on_its_way(alice, cas):
    put = f"/v1/xorbs/default/{A.name}"
    assert cas("POST", put, body=A.body).expect(200).json() == {"was_inserted": True}
    assert cas("POST", put.upper()[:11].lower() + put[11:], body=A.body).status == 200
    assert cas("POST", put, body=A.body).expect(200).json() == {"was_inserted": False}
    shard = xet.shard([xet.file([A.run()])], [A])
    told = lines(cas("POST", "/v2/shards", body=shard))
    assert told[0] == {"type": "validating", "verified": 0, "total": 1}
    assert told[-1] == {"type": "result", "result": 1}
    for path in ("/v1/shards", "/shards"):
        assert cas("POST", path, body=shard).expect(200).json() == {"result": 0}
    part = xet.shard([xet.file([A.run(1, 2)])], [A])
    assert cas("POST", "/v1/shards", body=part).expect(200).json() == {"result": 1}
    commit = {
        "message": "add",
        "operations": [{"op": "add", "path": "a.dat", "sha256": sha256(A.run().data)}],
    }
    alice.post("repos/alice/style/commits/main", json=commit).expect(201)
    assert alice.get("repos/alice/style/raw/main/a.dat").expect(200).body == A.run().data


def test_a_name_may_be_written_in_capitals(cas):
    path = f"/v1/xorbs/default/{A.name.upper()}"
    assert cas("POST", path, body=A.body).expect(200).json() == {"was_inserted": True}
    shard = xet.shard([xet.file([A.run()])], [A])
    assert lines(cas("POST", "/v2/shards", body=shard))[-1]["type"] == "result"


def test_nothing_tells_what_chunks_are_known(cas):
    cas("POST", f"/v1/xorbs/default/{A.name}", body=A.body).expect(200)
    lines(cas("POST", "/v2/shards", body=xet.shard([xet.file([A.run()])])))
    for name in (A.name, "0" * 64):
        asked = [
            cas("GET", f"/v1/chunks/default/{name}"),
            cas("GET", f"/v1/chunks/default-merkledb/{name}"),
            cas("POST", f"/v1/xorb-grants/default/{name}", json={"size": 5}),
            cas("GET", f"/v1/reconstructions/{name}"),
            cas("GET", f"/v1/xorbs/default/{name}"),
        ]
        assert {answer.status for answer in asked} <= {404, 405}


def test_strangers_are_turned_away(site, alice, bob, cas):
    other = ask(bob, query="?create_pr=1")
    tokens = ["", "Bearer", "Bearer x", f"Bearer {alice.token}", f"Bearer {other['accessToken']}"]
    for path, body in (
        (f"/v1/xorbs/default/{A.name}", A.body),
        ("/v2/shards", xet.shard([])),
        ("/v1/shards", xet.shard([])),
    ):
        for token in tokens:
            answer = cas("POST", path, body=body, headers={"Authorization": token})
            assert answer.status == 401
            assert answer.json()["error"]["code"] == "xet_token_invalid"
    assert not list(site.hub.store.list(XORBS))


def test_a_space_that_expired(site, cas):
    with site.hub.db.write() as session:
        session.delete(session.get(XetSpace, cas.path.rpartition("/")[2]))
    assert cas("POST", f"/v1/xorbs/default/{A.name}", body=A.body).status == 410
    assert cas("POST", "/v2/shards", body=xet.shard([])).status == 410


def test_bad_bundles(site, cas):
    assert cas("POST", "/v1/xorbs/default/x", body=A.body).status == 400
    answer = cas("POST", f"/v1/xorbs/default/{A.name}", body=A.body[:-1])
    assert (answer.status, answer.json()["error"]["code"]) == (422, "bad_xorb")
    many = A.body * 1000
    large = [many] * (1 + 67 * 1024 * 1024 // len(many))
    answer = cas("POST", f"/v1/xorbs/default/{A.name}", body=large)
    assert answer.status in {413, 422}
    assert not list(site.hub.store.list(XORBS))


def test_bundles_may_be_larger_than_other_bodies(cas):
    large = xet.Xorb([bytes([number]) * 128 * 1024 for number in range(90)])
    assert len(large.body) > BODY_MAX
    pieces = [large.body[at : at + 65536] for at in range(0, len(large.body), 65536)]
    assert cas("POST", f"/v1/xorbs/default/{large.name}", body=pieces).status == 200


def test_bad_shards(cas):
    for path in ("/v2/shards", "/v1/shards"):
        answer = cas("POST", path, body=b"no shard")
        assert (answer.status, answer.json()["error"]["code"]) == (422, "bad_shard")
    missing = xet.shard([xet.file([A.run()])])
    answer = cas("POST", "/v1/shards", body=missing)
    assert (answer.status, answer.json()["error"]["code"]) == (422, "chunks_missing")
    told = lines(cas("POST", "/v2/shards", body=missing))[-1]
    assert told.pop("message").endswith("Start it again.")
    assert told == {"type": "error", "retryable": False}


def test_lines_come_while_a_file_is_built(cas, monkeypatch):
    monkeypatch.setattr(xet_events, "BEAT_S", 0.005)
    cas("POST", f"/v1/xorbs/default/{A.name}", body=A.body).expect(200)
    shard = xet.shard([xet.file([A.run()] * 300), xet.file([A.run()] * 301)])
    told = lines(cas("POST", "/v2/shards", body=shard))
    assert told[-1] == {"type": "result", "result": 1}
    assert len(told) > 4
    assert {line["verified"] for line in told[:-1]} == {0, 1}


def test_reports_of_clients_are_taken_and_dropped(anonymous):
    for body in (b"", b'{"event": "xet_upload_summary"}', b"x" * 5000):
        answer = anonymous.call("POST", "/v1/telemetry", body=body)
        assert (answer.status, answer.body) == (204, b"")
