"""Files by their hashes, by API."""

from support.inside import adapter, sha256

OLD, NEW = adapter(1), adapter(2)


def test_updates_in_bulk(alice, anonymous):
    alice.publish("alice/glass", {"w.safetensors": OLD})
    alice.publish("alice/glass", {"w.safetensors": NEW})
    unknown = "f" * 64
    asked = {"hashes": [sha256(OLD), sha256(NEW).upper(), unknown]}
    old, new, other = anonymous.post("hashes", json=asked).expect(200).json()["items"]
    (found,) = old["found"]
    assert (found["repo"], found["state"]) == ("alice/glass", "replaced")
    assert found["current"]["sha256"] == sha256(NEW)
    url = found["current"]["url"].removeprefix("http://hub.test")
    assert anonymous.get(url).expect(200).body == NEW
    assert new["found"][0]["state"] == "current"
    assert other == {"hash": unknown, "found": [], "removed": []}


def test_one(alice, bob, anonymous):
    alice.publish("alice/secret", {"w.safetensors": OLD}, private=True)
    assert alice.get(f"hashes/{sha256(OLD)}").expect(200).json()["found"]
    for caller in (bob, anonymous):
        hidden, absent = (caller.get(f"hashes/{value}") for value in (sha256(OLD), sha256(NEW)))
        assert hidden.status == absent.status == 404
        told = hidden.json()["error"], absent.json()["error"]
        assert told[0] | {"request_id": 0} == told[1] | {"request_id": 0}
    assert anonymous.get("hashes/xyz").json()["error"]["code"] == "bad_hash"


def test_too_many_or_nonsense(anonymous):
    many = anonymous.post("hashes", json={"hashes": ["0" * 64] * 501})
    assert many.status == 422
    for wrong in (["x"], [""], ["\x00" * 64]):
        assert anonymous.post("hashes", json={"hashes": wrong}).status in (400, 422)
