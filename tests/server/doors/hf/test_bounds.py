"""Lists with strange sizes and places: refused in words, or cut to what a page holds."""

import pytest

PATHS = ("collections", "models", "models/alice/style/tree/main", "models/alice/style/commits/main")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("limit", ["-1", "0", "x", "1e9"])
def test_a_strange_limit_is_refused(alice, path, limit):
    alice.publish("alice/style", {"a.txt": b"1"})
    alice.get(f"/api/{path}?limit={limit}").expect(400, 422)


@pytest.mark.parametrize("path", PATHS)
def test_a_huge_one_means_as_many_as_there_are_on_a_page(alice, path):
    alice.publish("alice/style", {"a.txt": b"1"})
    alice.get(f"/api/{path}?limit={10**30}").expect(200)


@pytest.mark.parametrize("path", ["commits/main", "discussions"])
@pytest.mark.parametrize("number", ["-1", "x", str(10**30)])
def test_a_strange_page_is_refused(alice, path, number):
    alice.publish("alice/style", {"a.txt": b"1"})
    alice.get(f"/api/models/alice/style/{path}?p={number}").expect(400, 422)


def test_pages_of_commits(alice):
    for number in range(5):
        alice.publish("alice/style", {"a.txt": b"%d" % number})
    address = "/api/models/alice/style/commits/main"
    everything = [one["id"] for one in alice.get(address).expect(200).json()]
    assert len(everything) >= 5

    def ids(query):
        return [one["id"] for one in alice.get(f"{address}?{query}").expect(200).json()]

    assert ids("limit=2") == everything[:2]
    assert ids("limit=2&p=1") == everything[2:4]
    assert ids("limit=2&p=50") == []
    # A cursor of a page goes on from its end.
    link = alice.get(f"{address}?limit=2&p=1").headers["Link"]
    following = alice.get(link[link.index("/api/") : link.index(">")]).expect(200)
    assert [one["id"] for one in following.json()] == everything[4:6]
