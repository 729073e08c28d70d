"""A small memory that has an end."""

from lorahub_server.kit.kept import Kept


def test_the_least_used_goes_first():
    kept: Kept[str, str] = Kept(6, len)
    for word in ("aa", "bb", "cc"):
        kept.put(word, word)
    assert kept.get("aa") == "aa"
    kept.put("dd", "dd")
    assert [kept.get(word) for word in ("aa", "bb", "cc", "dd")] == ["aa", None, "cc", "dd"]


def test_what_is_too_large_is_not_kept():
    kept: Kept[str, str] = Kept(6, len)
    kept.put("a", "a")
    kept.put("long", "x" * 7)
    assert kept.get("long") is None
    kept.put("b", "b")
    assert kept.get("b") == "b"


def test_the_first_value_stays():
    kept: Kept[str, str] = Kept(6, len)
    kept.put("a", "one")
    kept.put("a", "two")
    assert kept.get("a") == "one"
    kept.clear()
    assert kept.get("a") is None
    kept.put("a", "123456")
    assert kept.get("a") == "123456"
