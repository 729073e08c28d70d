import pytest


@pytest.mark.parametrize("limit", ["-1", "0", "x", "1e9"])
def test_a_strange_limit_is_refused(alice, limit):
    alice.get(f"/api/collections?limit={limit}").expect(400, 422)


def test_a_huge_one_means_as_many_as_there_are_on_a_page(alice):
    alice.get("/api/collections?limit=1000000").expect(200)
