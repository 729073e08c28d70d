"""Large files of clients without Xet: where to send them, sending them, and what nobody learns."""

import json
import time

import pytest

from lorahub_server.blobs.tables import Upload
from lorahub_server.doors.hf import lfs, tickets
from support import bad_inputs, hf
from support.inside import adapter, sha256


@pytest.fixture
def repo(alice) -> str:
    hf.create(alice, "glass").expect(200)
    return "alice/glass"


@pytest.fixture
def small_parts(monkeypatch) -> int:
    monkeypatch.setattr(lfs, "PART_SIZE", 100)
    return 100


def told(caller, repo: str, data: bytes, **more) -> dict:
    (found,) = hf.batch(caller, repo, data, **more)["objects"]
    return dict(found)


def uploads_of(site) -> list[Upload]:
    with site.hub.db.read() as session:
        return list(session.query(Upload))


class TestBasic:
    def test_there_and_back(self, alice, anonymous, repo):
        answer = hf.batch(alice, repo, adapter())
        assert answer["transfer"] == "basic"
        (item,) = answer["objects"]
        assert (item["oid"], item["size"]) == (sha256(adapter()), len(adapter()))
        address = item["actions"]["upload"]["href"]
        assert address.startswith(f"http://hub.test/{repo}.git/info/lfs/objects/")
        anonymous.put(hf.path_of(address), body=adapter()).expect(200)
        verify = hf.path_of(item["actions"]["verify"]["href"])
        size = {"oid": item["oid"], "size": item["size"]}
        alice.post(verify, json=size).expect(200)
        assert alice.post(verify, json={**size, "size": 1}).status == 404
        assert "actions" not in told(alice, repo, adapter())
        hf.commit(alice, repo, hf.large("w.safetensors", item["oid"])).expect(200)
        got = told(anonymous, repo, adapter(), operation="download")
        address = hf.path_of(got["actions"]["download"]["href"])
        fetched = anonymous.get(address).expect(200)
        assert (fetched.body, fetched.headers["ETag"]) == (adapter(), f'"{item["oid"]}"')
        assert anonymous.get(address, headers={"Range": "bytes=5-9"}).body == adapter()[5:10]
        missing = told(anonymous, repo, adapter(9), operation="download")
        assert missing["error"]["code"] == 404

    @pytest.mark.parametrize(
        ("sent", "status", "says"),
        [
            (adapter(2), 422, "another SHA-256"),
            (adapter()[:-1], 409, "Send the rest"),
            (adapter() + b"x", 409, "Send the rest"),
            ([adapter(), b"x"], 413, "More than"),
            ([adapter()[:50]], 409, "Send the rest"),
        ],
    )
    def test_other_bytes_than_announced(self, site, alice, anonymous, repo, sent, status, says):
        address = hf.path_of(told(alice, repo, adapter())["actions"]["upload"]["href"])
        answer = anonymous.put(address, body=sent)
        assert answer.status == status, answer.body
        assert says in answer.json()["error"]
        assert "actions" in told(alice, repo, adapter())
        assert uploads_of(site) == [], "what was refused takes no room"
        anonymous.put(address, body=adapter()).expect(200)

    def test_a_bad_file_is_refused_with_its_reason(self, site, alice, anonymous, repo):
        bad = bad_inputs.good()[:-1]
        address = hf.path_of(told(alice, repo, bad)["actions"]["upload"]["href"])
        answer = anonymous.put(address, body=bad).expect(422)
        assert answer.json()["code"] == "truncated"
        assert "bytes" in answer.headers["X-Error-Message"]
        assert "actions" in told(alice, repo, bad)

    def test_again_after_a_lost_answer(self, alice, anonymous, repo):
        address = hf.path_of(told(alice, repo, adapter())["actions"]["upload"]["href"])
        for _ in range(2):
            anonymous.put(address, body=adapter()).expect(200)


class TestParts:
    def test_in_any_order_and_again(self, site, alice, anonymous, repo, small_parts):
        data = adapter()
        answer = hf.batch(alice, repo, data)
        assert answer["transfer"] == "multipart"
        send = answer["objects"][0]["actions"]["upload"]
        header = dict(send["header"])
        assert header.pop("chunk_size") == "100"
        assert list(header) == [f"{n:05d}" for n in range(1, -(-len(data) // 100) + 1)]
        parts = [data[at : at + 100] for at in range(0, len(data), 100)]
        waiting = list(zip(header.values(), parts, strict=True))
        assert anonymous.post(hf.path_of(send["href"]), json={}).status == 404, "nothing came yet"
        for address, part in [waiting[-1], waiting[0]]:
            anonymous.put(hf.path_of(address), body=bytes(len(part))).expect(200)
        missing = anonymous.post(hf.path_of(send["href"]), json={}).expect(409)
        assert missing.json()["code"] == "upload_incomplete"
        tags = []
        for address, part in reversed(waiting):
            answer = anonymous.put(hf.path_of(address), body=part).expect(200)
            tags.append(answer.headers["ETag"])
        assert len(set(tags)) == len(parts)
        done = {"oid": sha256(data), "parts": []}
        for _ in range(2):
            found = anonymous.post(hf.path_of(send["href"]), json=done).expect(200).json()
            assert found == {"oid": sha256(data), "size": len(data)}
        assert "actions" not in told(alice, repo, data)
        staged = list(site.hub.store.list("staging/"))
        assert staged == []

    def test_a_part_of_another_size(self, alice, anonymous, repo, small_parts):
        send = told(alice, repo, adapter())["actions"]["upload"]
        first = hf.path_of(send["header"]["00001"])
        for body in (b"x" * 99, b"x" * 101, [b"x" * 99], [b"x" * 101]):
            assert anonymous.put(first, body=body).status in (409, 413)
        assert anonymous.put(first.replace("/1", "/99"), body=b"x" * 100).status == 403
        anonymous.put(first, body=b"x" * 100).expect(200)

    def test_wrong_bytes(self, alice, anonymous, repo, small_parts):
        data = adapter()
        send = told(alice, repo, data)["actions"]["upload"]
        for number, at in enumerate(range(0, len(data), 100), 1):
            address = hf.path_of(send["header"][f"{number:05d}"])
            anonymous.put(address, body=bytes(len(data[at : at + 100]))).expect(200)
        refused = anonymous.post(hf.path_of(send["href"]), json={}).expect(422)
        assert refused.json()["code"] == "sha256_mismatch"
        assert "actions" in told(alice, repo, data)

    def test_clients_without_it_send_the_whole(self, alice, repo, small_parts):
        send = told(alice, repo, adapter(), transfers=["basic"])["actions"]["upload"]
        assert "header" not in send


class TestWhatNobodyLearns:
    def test_a_hash_tells_nothing(self, alice, bob, anonymous, repo):
        hf.create(alice, "secret", private=True).expect(200)
        oid = hf.send(alice, "alice/secret", adapter())
        hf.commit(alice, "alice/secret", hf.large("w.safetensors", oid)).expect(200)
        hf.create(bob, "mine").expect(200)
        ours, other = told(bob, "bob/mine", adapter()), told(bob, "bob/mine", adapter(5))
        assert set(ours) == set(other)
        assert set(ours["actions"]) == set(other["actions"]) == {"upload", "verify"}
        verify = hf.path_of(ours["actions"]["verify"]["href"])
        size = {"oid": oid, "size": len(adapter())}
        assert bob.post(verify, json=size).status == 404
        assert told(bob, "bob/mine", adapter(), operation="download")["error"]["code"] == 404
        assert hf.commit(bob, "bob/mine", hf.large("w.safetensors", oid)).status == 422
        # Whoever has the bytes themselves may have them.
        assert hf.send(bob, "bob/mine", adapter()) == oid
        hf.commit(bob, "bob/mine", hf.large("w.safetensors", oid)).expect(200)

    def test_who_may_ask(self, site, alice, bob, anonymous, repo):
        hf.create(alice, "secret", private=True).expect(200)
        reader = site.token_of("alice", "read")
        ref = {"name": "refs/heads/main"}
        asked = json.dumps({"operation": "upload", "objects": [], "ref": ref}).encode()
        for name, caller, status in [
            ("glass", alice, 200), ("glass", reader, 403), ("glass", bob, 403),
            ("glass", anonymous, 401), ("secret", bob, 404), ("secret", anonymous, 401),
        ]:  # fmt: skip
            address = f"/alice/{name}.git/info/lfs/objects/batch"
            answer = caller.post(address, body=asked, headers=hf.LFS).expect(status)
            assert answer.headers["Content-Type"].startswith("application/vnd.git-lfs+json")
            if status == 401:
                assert answer.headers["WWW-Authenticate"].startswith("Basic ")
            if status != 200:
                assert isinstance(answer.json()["message"], str)

    def test_addresses_are_signed_and_end(self, site, alice, anonymous, repo, monkeypatch):
        address = hf.path_of(told(alice, repo, adapter())["actions"]["upload"]["href"])
        text, signature = address.rsplit(".", 1)
        for wrong in (text, f"{text}.", f"{text}x.{signature}", f"{text}.{signature[:-1]}0x",
                      address.replace("/objects/", "/parts/") + "/1"):  # fmt: skip
            assert anonymous.put(wrong, body=adapter()).status in (403, 404, 405), wrong
        assert anonymous.get(address).status == 403, "it is for sending"
        moment = time.time() + tickets.LIFE.total_seconds() + 1
        settings = site.hub.settings
        from datetime import UTC, datetime

        with pytest.raises(tickets.TicketInvalid):
            tickets.read(
                settings, address.rsplit("/", 1)[1], "send", datetime.fromtimestamp(moment, UTC)
            )

    def test_what_is_sent_counts_as_its_senders(self, site, start_site):
        other = start_site(name="tight", max_staged_bytes=len(adapter()) + 10, max_file_bytes=1000)
        alice = other.add_account("alice")
        hf.create(alice, "glass").expect(200)
        first, second = hf.batch(alice, "alice/glass", adapter(1), adapter(2))["objects"]
        assert "actions" in first
        assert second["error"]["code"] == 413
        huge = told(alice, "alice/glass", bytes(1001))
        assert huge["error"]["code"] == 413
        assert "at most 1000" in huge["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b'{"operation": "verify", "objects": []}',
        b'{"operation": "upload", "objects": [{"oid": "x"}]}',
        b'{"operation": "upload", "objects": [{"oid": "x", "size": -1}]}',
        b'{"operation": "upload", "objects": [], "hash_algo": "md5"}',
    ],
)  # fmt: skip
def test_what_makes_no_sense(alice, repo, body):
    answer = alice.post(f"/{repo}.git/info/lfs/objects/batch", body=body, headers=hf.LFS)
    assert answer.status == 422
    assert isinstance(answer.json()["error"], str)


def test_an_id_that_is_none(alice, repo):
    body = {"operation": "upload", "objects": [{"oid": "../x", "size": 5}]}
    answer = alice.post(f"/{repo}.git/info/lfs/objects/batch", json=body).expect(200).json()
    assert answer["objects"][0]["error"]["code"] == 422


class TestQuestions:
    @pytest.fixture
    def site(self, each_site):
        return each_site

    @pytest.mark.parametrize("operation", ["upload", "download"])
    def test_a_batch_costs_three_whatever_its_size(self, site, asked, operation):
        repo, callers = asked
        oid = hf.send(callers[0], repo, adapter())
        hf.commit(callers[0], repo, hf.large("w.safetensors", oid)).expect(200)
        many = [adapter(seed) for seed in range(256)]
        for caller in callers:
            with hf.counted(site) as seen:
                answer = hf.batch(caller, repo, *many, operation=operation)
            assert len(answer["objects"]) == 256
            assert sum("error" in one for one in answer["objects"]) in {0, 255}
            assert "api_tokens" in seen[0]
            assert len(seen) <= 3, seen

    def test_one_for_a_pull_request_costs_three(self, site, asked):
        repo, callers = asked
        opened = hf.commit(callers[-1], repo, hf.add("x.txt", b"x"), query={"create_pr": 1}).expect(
            200
        )
        ref = {"name": f"refs/pr/{opened.json()['pullRequestUrl'].rsplit('/', 1)[1]}"}
        for caller in callers:
            with hf.counted(site) as seen:
                answer = hf.batch(caller, repo, adapter(5), ref=ref)
            assert "actions" in answer["objects"][0]
            assert len(seen) <= 3, seen
