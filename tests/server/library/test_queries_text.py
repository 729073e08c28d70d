"""How the words of a search are read: what somebody is still typing, and what is said in full."""

import pytest
from sqlalchemy import text

from lorahub_server.library import queries_text
from lorahub_server.library.search import Query, count, find, find_meant, relax
from support.shelf import Shelf


@pytest.fixture
def glass(inside, monkeypatch):
    """Many with `glass`, of which some are of a city; few with words that begin so."""
    monkeypatch.setattr(queries_text, "COMMON", 10)
    monkeypatch.setattr(queries_text, "_ENOUGH", 3)
    shelf = Shelf(inside)
    for number in range(14):
        shelf.add(f"pane{number}", body="glass" if number < 8 else "glass city")
    shelf.add("works", body="glassworks city")
    if not inside.db.is_sqlite:
        # Numbers are what its planner expects.
        with inside.db.write() as session:
            session.execute(text("ANALYZE library_texts"))
    return shelf


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("glass", 14),  # common as it is
        ("city glass", 6),
        ("glass ci", 6),  # the beginning of a word
        ("works glass", 1),  # nothing has it as it is
        ("glassw", 1),
        ("city pane", 6),
        ("glass nothing", 0),
    ],
)
def test_the_last_word_may_be_a_beginning(glass, words, number):
    assert len(glass.names(Query(text=words))) == number


def test_what_a_narrowed_search_finds_says_nothing_of_others(inside):
    shelf = Shelf(inside)
    for number in range(5):
        shelf.add(f"glass{number}", title=f"glass {number}")
    narrowed = Query(text="glass", file_hash="f" * 64)
    with inside.look() as tx:
        assert find_meant(tx, narrowed)[0].items == []
        assert count(tx, Query(text="glass")) == 5
        assert [(one.field, one.count) for one in relax(tx, narrowed)] == [("file_hash", 5)]
    with inside.look() as tx:
        assert find_meant(tx, Query(text="nothing"))[0].items == []
        assert count(tx, Query(text="nothing")) == 0


def test_a_name_that_says_little_else_comes_first(inside):
    shelf = Shelf(inside)
    for name in ("glass-of-the-old-town", "glass-town", "glass"):
        shelf.add(name, title="")
    assert shelf.names(Query(text="glass")) == ["glass", "glass-town", "glass-of-the-old-town"]


def test_what_rules_itself_out_is_nothing(inside):
    shelf = Shelf(inside)
    shelf.add("glass", family="sdxl", task="image", tags=["style"])
    for asked in (
        {"family": "sdxl", "without_families": ("sdxl",)},
        {"tags": ("style",), "without_tags": ("Style",)},
        {"family": "sdxl", "task": "text"},
        {"family": "no-such", "task": "text"},
    ):
        with inside.look() as tx:
            assert find(tx, Query(**asked)).items == []
    assert shelf.names(Query(family="sdxl", task="image")) == ["glass"]
