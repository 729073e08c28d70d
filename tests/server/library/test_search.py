"""Lists and searches on both databases: complete, in order, and blind to what is private."""

import random
from datetime import timedelta

import pytest

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account
from lorahub_server.insight.tables import FileHash
from lorahub_server.kit.pagination import BadCursor, encode
from lorahub_server.library import indexing, queries_facets, queries_plan, queries_walk, search
from lorahub_server.library.errors import BadSort
from lorahub_server.library.queries_filters import Filter
from lorahub_server.library.queries_walk import SORTS as SORTS_BY_NAME
from lorahub_server.library.search import SORTS, Measures, Query, facets, find, popular_tags
from lorahub_server.library.tables import AdapterFile
from lorahub_server.repos.tables import Repository
from support.shelf import START, Shelf

NOBODY, OWNER, OTHER, ADMIN = None, "alice", "bob", "root"


@pytest.fixture
def shelf(inside):
    return Shelf(inside)


def by_name(**facts) -> Query:
    return Query(sort="name", **facts)


BY_NAME = by_name()


def test_what_a_card_shows(shelf):
    repo_id = shelf.add(
        "Glass",
        summary="Clear.",
        license="mit",
        base_model="a/b",
        family="sdxl",
        family_declared="sdxl",
        layout="kohya",
        method="lora",
        rank=16,
        size=1234,
        adapters=2,
        trigger_words=["glass"],
        health="ok",
        cover="cover.png",
        stars=3,
        downloads=9,
        revision="a" * 40,
        tags=["b", "a"],
    )
    shelf.star(repo_id, "bob")
    with shelf.hub.look("bob") as tx:
        (card,) = find(tx, Query()).items
    assert card.full_name == "alice/Glass"
    assert (card.id, card.owner, card.name, card.private) == (repo_id, "alice", "Glass", False)
    assert (card.title, card.summary, card.license) == ("Glass", "Clear.", "mit")
    assert (card.family, card.layout, card.method, card.rank) == ("sdxl", "kohya", "lora", 16)
    assert (card.size, card.adapters, card.trigger_words) == (1234, 2, ["glass"])
    assert (card.tags, card.health, card.cover) == (["a", "b"], "ok", "cover.png")
    assert (card.stars, card.downloads, card.starred) == (3, 9, True)
    assert card.created_at == card.updated_at == card.published_at == START + timedelta(hours=1)
    with shelf.hub.look() as tx:
        assert find(tx, Query()).items[0].starred is False


@pytest.mark.parametrize("sort", SORTS)
def test_pages_show_everything_exactly_once(shelf, sort):
    dice = random.Random(7)
    for number in range(60):
        moment = START + timedelta(microseconds=dice.choice([0, 1, 1_000_000]))
        shelf.add(
            f"{dice.choice('abc')}-{number}",
            private=dice.random() < 0.2,
            deleted=dice.random() < 0.1,
            trending=dice.choice([0.0, 1.0, 1 / 3, 312.123456789012345]),
            stars=dice.choice([0, 1, 2]),
            downloads=dice.choice([0, 2**40]),
            updated_at=moment,
            published_at=dice.choice([None, moment]),
        )
    with shelf.hub.look("alice") as tx:
        whole = [card.id for card in find(tx, Query(sort=sort), limit=100).items]
        for size in (1, 7, 30):
            seen: list[int] = []
            cursor = None
            while True:
                page = find(tx, Query(sort=sort), cursor, size)
                seen += [card.id for card in page.items]
                assert len(seen) <= len(whole)
                cursor = page.next_cursor
                if cursor is None:
                    break
                assert len(page.items) == size
            assert seen == whole
        assert len(set(whole)) == len(whole)


def test_the_orders(shelf):
    def add(name, stars, downloads, trending, updated, published):
        shelf.add(
            name,
            stars=stars,
            downloads=downloads,
            trending=trending,
            updated_at=START + timedelta(days=updated),
            published_at=None if published is None else START + timedelta(days=published),
        )

    add("b", 1, 5, 9.0, 2, None)
    add("A", 3, 1, 5.0, 1, 4)
    add("c", 2, 9, 7.0, 3, 5)
    assert {sort: shelf.names(Query(sort=sort)) for sort in SORTS} == {
        "trending": ["b", "c", "A"],
        "updated": ["c", "b", "A"],
        "newest": ["c", "A", "b"],
        "stars": ["A", "c", "b"],
        "downloads": ["c", "b", "A"],
        "smallest": ["b", "A", "c"],
        "name": ["A", "b", "c"],
    }


def test_pages_stay_right_while_things_are_added(shelf):
    for name in ("a", "b", "c", "d"):
        shelf.add(name)
    query = Query(sort="updated")
    with shelf.hub.look() as tx:
        first = find(tx, query, limit=2)
    shelf.add("e")
    with shelf.hub.look() as tx:
        second = find(tx, query, first.next_cursor, 2)
    assert [c.name for c in (*first.items, *second.items)] == ["d", "c", "b", "a"]


def test_bad_orders_and_cursors(shelf):
    shelf.add("a")
    with shelf.hub.look() as tx:
        with pytest.raises(BadSort) as caught:
            find(tx, Query(sort="best"))
        assert "trending" in caught.value.message
        for cursor in ("x", encode("stars", 1, 2), encode("name", 1, 2), encode("updated", "a", 2)):
            with pytest.raises(BadCursor):
                find(tx, Query(sort="name" if cursor != "x" else "updated"), cursor)
        # A cursor of nothing where nothing can be without a value: an empty page, no error.
        find(tx, Query(sort="stars"), encode("stars", None, 2))


def everything(shelf) -> dict[str, int]:
    """Repositories of each kind, of two owners, all of which look alike to every filter."""
    same = {"tags": ["t"], "family": "sdxl", "layout": "kohya", "method": "lora"}
    made = {}
    for owner in ("alice", "bob"):
        for kind, facts in {
            "public": {},
            "private": {"private": True},
            "gone": {"deleted": True},
            "private-gone": {"private": True, "deleted": True},
        }.items():
            name = f"{owner}-{kind}"
            repo_id = made[name] = shelf.add(name, owner, body="word", **same, **facts)
            digest = f"{len(made):064x}"
            with shelf.hub.db.write() as session:
                from lorahub_server.blobs.tables import Blob

                session.add(Blob(sha256=digest, size=1, created_at=START, touched_at=START))
                session.flush()
                session.add(AdapterFile(repo_id=repo_id, path="a", sha256=digest, size=1))
                session.add(FileHash(value="abcdef0123", kind="AutoV2", sha256=digest))
            for who in ("alice", "bob", "root"):
                shelf.star(repo_id, who)
    return made


READERS = {
    NOBODY: {"alice-public", "bob-public"},
    OWNER: {"alice-public", "alice-private", "bob-public"},
    OTHER: {"alice-public", "bob-public", "bob-private"},
    ADMIN: {"alice-public", "bob-public"},
}


@pytest.mark.parametrize("who", READERS)
def test_every_list_shows_exactly_what_may_be_opened(shelf, who):
    made = everything(shelf)
    with shelf.hub.db.write() as session:
        session.get(Account, shelf.hub.caller(ADMIN).account_id).is_admin = True
    seen = READERS[who]
    starred_by = shelf.hub.caller("alice").account_id
    asked = {
        "all": {},
        "text": {"text": "word"},
        "name": {"text": "alice bob"},
        "hash": {"text": "ABCDEF0123"},
        "tag": {"tags": ("t",)},
        "family": {"family": "sdxl"},
        "layout": {"layout": "kohya", "method": "lora"},
        "stars": {"starred_by": starred_by},
        "alice": {"owner": "Alice"},
        "private": {"private": True},
        "public": {"private": False},
    }
    for what, facts in asked.items():
        expected = set(seen)
        if what == "alice":
            expected = {name for name in seen if name.startswith("alice")}
        elif what in ("private", "public"):
            expected = {name for name in seen if name.endswith(what)}
        elif what == "name":
            expected = set()
        for sort in SORTS:
            query = Query(sort=sort, **facts)
            assert set(shelf.names(query, who)) == expected, what
        with shelf.hub.look(who) as tx:
            counts = facets(tx, query)
            assert counts.total == len(expected)
            for found in (counts.families, counts.layouts, counts.methods, counts.tags):
                assert [count.count for count in found] == ([len(expected)] if expected else [])
    with shelf.hub.look(who) as tx:
        assert [(count.value, count.count) for count in popular_tags(tx)] == [("t", len(seen))]
        cards = search.cards_of(tx, list(made.values()))
        assert {card.name for card in cards} == seen


def test_a_token_without_the_scope_reads_what_is_public(shelf):
    shelf.add("secret", private=True)
    account = shelf.hub.caller("alice").account
    powerless = Caller(account, frozenset(), "token")
    with shelf.hub.look(caller=powerless) as tx:
        assert find(tx, Query()).items == []
    reading = Caller(account, frozenset({"read"}), "token")
    with shelf.hub.look(caller=reading) as tx:
        assert len(find(tx, Query()).items) == 1


def test_words_are_found(shelf):
    shelf.add("neon-city", title="Neon City", body="Straße 100%_real Café 東京の夜")
    shelf.add("other", "neo", title="Other")
    found = {
        text: shelf.names(by_name(text=text))
        for text in (
            "NEON", "city neon", "on-ci", "STRASSE", "neo", "100%", "0%_r", "%", "_", "\\", "cafe",
            "\uff4e\uff45on", "neon other", "", "  ", "\0", "x" * 5000, "' OR 1=1 --", "neon\0city",
            "東京", "京の", "夜東", "neon ci", "neon-ci", "city-neon", "ci neon", "neon AND city", 'neon"', "-neon", "^0", "^",
        )
    }  # fmt: skip
    both, neon = ["neon-city", "other"], ["neon-city"]
    assert found == {
        "NEON": neon, "city neon": neon, "on-ci": [], "STRASSE": neon, "neo": both, "cafe": neon,
        "100%": neon, "0%_r": [], "%": [], "_": [], "\\": [], "\uff4e\uff45on": neon,
        "neon other": [], "": both, "  ": both, "\0": both, "x" * 5000: [],
        "' OR 1=1 --": [], "neon\0city": neon, "東京": neon, "京の": neon, "夜東": [],
        "neon ci": neon, "neon-ci": neon, "city-neon": [], "ci neon": [], "neon AND city": [], 'neon"': neon, "-neon": neon, "^0": [],
        "^": [],
    }  # fmt: skip


def test_filters_all_hold(shelf):
    shelf.add("a", family="sdxl", layout="kohya", method="lora", tags=["x", "y"])
    shelf.add("b", family="sdxl", layout="peft", method="dora", tags=["x"])
    shelf.add("c", family="llama", layout="peft", method="lora")
    assert shelf.names(by_name(family="sdxl")) == ["a", "b"]
    assert shelf.names(by_name(layout="peft", method="lora")) == ["c"]
    assert shelf.names(by_name(tags=("X", "y"))) == ["a"]
    assert shelf.names(by_name(tags=("x",), family="sdxl", text="b")) == ["b"]
    assert shelf.names(by_name(family="x\0", owner="\0", tags=("\0",))) == []
    assert shelf.names(by_name(owner="nobody")) == []
    with shelf.hub.look() as tx:
        counts = facets(tx, Query(family="sdxl"))
    assert counts.total == 2
    # One's own filter is left out of its counts, so that the others can be chosen.
    assert [(c.value, c.count) for c in counts.families] == [("sdxl", 2), ("llama", 1)]
    assert [(c.value, c.count) for c in counts.layouts] == [("kohya", 1), ("peft", 1)]
    assert [(c.value, c.count) for c in counts.tags] == [("x", 2), ("y", 1)]


def test_those_without_an_adapter_can_be_left_out(shelf):
    shelf.add("a", adapters=1, tags=["x", "y"])
    shelf.add("b", adapters=2, tags=["x"])
    shelf.add("card-only", tags=["x", "z"])
    assert shelf.names(by_name(with_adapters=True)) == ["a", "b"]
    assert shelf.names(by_name()) == ["a", "b", "card-only"]
    with shelf.hub.look() as tx:
        counts = facets(tx, Query(with_adapters=True))
    assert counts.total == 2
    assert [(c.value, c.count) for c in counts.tags] == [("x", 2), ("y", 1)]
    assert [c.value for c in search.repeated(counts.tags)] == ["x"]
    assert search.repeated(counts.tags[1:]) == counts.tags[1:]


def test_counts_are_bounded(shelf, monkeypatch):
    monkeypatch.setattr(queries_facets, "COUNTED", 3)
    monkeypatch.setattr(queries_walk, "COUNTED", 3)
    for number in range(5):
        shelf.add(f"r-{number}")
    with shelf.hub.look() as tx:
        assert facets(tx, Query()).total == 3
        assert facets(tx, Query(text="r")).total == 3


def test_a_page_takes_few_queries(shelf):
    for number in range(40):
        shelf.add(f"rx{number}", tags=["a", f"t{number}"])
    with shelf.hub.look("alice") as tx:
        with shelf.hub.counted() as seen:
            assert len(find(tx, Query(text="rx"), limit=40).items) == 40
        assert len(seen) == 4
        with shelf.hub.counted() as seen:
            facets(tx, Query(text="rx"))
        assert len(seen) == 1
        with shelf.hub.counted() as seen:
            assert len(find(tx, Query(tags=("a",), sort="stars")).items) == 30
            facets(tx, Query(tags=("a",)))
        assert len(seen) == 3
        with shelf.hub.counted() as seen:
            find(tx, Query())
            facets(tx, Query())
        assert len(seen) == 2


@pytest.mark.parametrize("wanted", [Filter(), Filter(with_adapters=True)])
@pytest.mark.parametrize("sort", ["trending", "updated", "newest", "stars", "downloads"])
def test_the_index_leads_through_the_orders(shelf, sort, wanted):
    """A page of a long list reads neither the whole table nor sorts it."""
    for number in range(9):
        shelf.add(f"r{number}", adapters=1)
    first = {float: 5.0, int: 5}[SORTS_BY_NAME[sort].kind]
    with shelf.hub.db.read() as session:
        planned = queries_plan.plan(session, shelf.hub.caller(None), wanted)
        statement = queries_walk.page_ids(session, planned, SORTS_BY_NAME[sort], [first, 3], 10)
        connection = session.connection()
        compiled = statement.compile(
            connection, compile_kwargs={"literal_binds": True, "render_postcompile": True}
        )
        if shelf.hub.db.is_sqlite:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")
            steps = [row[3] for row in rows]
        else:
            # Of few rows PostgreSQL would read all; of many it would not.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_sort = off")
            steps = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {compiled}")]
    column = SORTS_BY_NAME[sort].column.key
    assert any(f"ix_listings_{column}" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step or "Sort" in step for step in steps), steps


def test_by_what_was_measured(inside, shelf):
    shelf.add("small", rank=4, size=2_000_000, adapters=1, trigger_words=["x"], health="ok")
    shelf.add("large", rank=128, size=900_000_000, adapters=1, trigger_words=[], health="damaged")
    shelf.add("empty")

    def names(**wish):
        with inside.look(None) as tx:
            return {card.name for card in find(tx, Query(measures=Measures(**wish))).items}

    assert names() == {"small", "large", "empty"}
    assert names(rank_from=4) == {"small", "large"}
    assert names(rank_from=5) == {"large"}
    assert names(rank_to=127) == {"small"}
    assert names(rank_from=10**30) == set()
    assert names(size_to=2_000_000) == {"small"}
    assert names(size_to=10**30) == {"small", "large"}
    assert names(has_trigger=True) == {"small"}
    assert names(healthy=True) == {"small"}
    assert names(healthy=False) == {"large", "empty"}


def test_what_is_left_out_and_what_is_permitted(shelf):
    shelf.add("a", family="sdxl", base_key="x/base", license="mit", permits=7, tags=["x"])
    shelf.add("b", "bob", family="flux1", task="image", maturity=2, tags=["x", "y"])
    shelf.add("c", license="cc-by-nc-4.0", permits=2)
    found = {
        name: shelf.names(by_name(**facts))
        for name, facts in {
            "without a tag": {"without_tags": ("Y",)},
            "without an owner": {"without_owners": ("BOB",)},
            "without a family": {"without_families": ("sdxl",)},
            "a base": {"base_model": "X/Base"},
            "a licence": {"license": "MIT"},
            "a task": {"task": "image"},
            "permissions": {"permits": ("commercial", "derivatives")},
            "one permission": {"permits": ("derivatives",)},
            "maturity": {"max_maturity": 1},
            "lately": {"updated_within": timedelta(days=1)},
            "ever": {"period": timedelta(days=10**6)},
        }.items()
    }
    assert found == {
        "without a tag": ["a", "c"],
        "without an owner": ["a", "c"],
        "without a family": ["b", "c"],
        "a base": ["a"],
        "a licence": ["a"],
        "a task": ["b"],
        "permissions": ["a"],
        "one permission": ["a", "c"],
        "maturity": ["a", "c"],
        "lately": [],
        "ever": ["a", "b", "c"],
    }
    with shelf.hub.look() as tx:
        dropped = search.relax(tx, Query(family="sdxl", tags=("x", "y"), sort="name"))
        counts = facets(tx, Query())
    assert [(one.field, one.value, one.count) for one in dropped] == [
        ("tags", "y", 1),
        ("family", "sdxl", 1),
    ]
    assert {one.value: one.count for one in counts.permissions} == {
        "commercial": 1, "derivatives": 2, "sell-images": 1, "relicense": 1,
    }  # fmt: skip
    assert {one.value: one.count for one in counts.maturities} == {"0": 2, "2": 1}


@pytest.mark.parametrize("size", [1, 2, 5])
def test_copies_are_shown_once(shelf, size):
    for number, kind in enumerate("aabbacda"):
        shelf.add(f"{number}", fold_key=kind, stars=number, private=number == 7)
    shelf.add("alone", stars=100)
    with shelf.hub.look("bob") as tx:
        shown, cursor = [], None
        while True:
            page = find(tx, Query(sort="stars", fold=True), cursor, size)
            shown += [(card.name, card.alike) for card in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert shown == [("alone", 0), ("6", 0), ("5", 0), ("4", 2), ("3", 1)]


def test_what_may_have_been_meant(shelf):
    shelf.add("neon-city", title="Neon City", tags=["watercolour"])
    shelf.add("hidden", "bob", private=True, title="Secretword")
    with shelf.hub.look() as tx:
        assert search.suggest(tx, "neno") == ["neon"]
        assert search.suggest(tx, "noen ctiy") == ["neon city"]
        assert search.suggest(tx, "watercolor") == ["watercolour"]
        assert search.suggest(tx, "neon") == []
        assert search.suggest(tx, "neo") == []
        assert search.suggest(tx, "zzzzz") == []
        # Nobody is told a word that only others may know.
        assert search.suggest(tx, "secretwrod") == []
        found, text = search.find_meant(tx, Query(text="NENO city"))
        assert ([card.name for card in found.items], text) == (["neon-city"], "neon city")
        assert search.find_meant(tx, Query(text="neon"))[1] is None
        assert search.find_meant(tx, Query(text="zzzzz"))[0].items == []
    with shelf.hub.db.write() as session:
        repo = session.get(Repository, 2)
        repo.private = False
        session.flush()
        indexing.show(session, repo)
    with shelf.hub.look() as tx:
        assert search.suggest(tx, "secretwrod") == ["secretword"]
