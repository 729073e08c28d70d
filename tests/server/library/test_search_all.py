"""Every filter, order and page against a search that reads everything and compares in Python."""

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from lorahub.adapters.families import names as families
from lorahub_server.library import (
    derive,
    indexing,
    keys,
    permissions,
    queries_filters,
    queries_plan,
    queries_search,
    queries_text,
    queries_walk,
    words,
)
from lorahub_server.library.queries import lock_entry
from lorahub_server.library.search import SORTS, Measures, Query, facets
from lorahub_server.repos.tables import Repository
from support.shelf import START, Shelf

OWNERS = ("alice", "bob", "carol")
TAGS = ("anime", "style", "neon", "pixel", "rare")
FAMILIES = ("sdxl", "flux1", "llama", None)
LICENSES = ("mit", "cc-by-nc-4.0", "other", None)
BASES = ("x/base", "y/base", None)
WORDS = ("glass", "neon", "city", "glasses", "night", "cat")


@dataclass
class Row:
    id: int
    owner: str
    name: str
    private: bool
    tags: list[str]
    body: list[str]
    facts: dict = field(default_factory=dict)

    def words(self) -> set[str]:
        facts = self.facts
        family = facts["family"] or ""
        told = [self.name, self.owner, *self.body, *self.tags, facts["method"]]
        told += [family, families.label(family)]
        return {word for text in told for word in words.of_text(text)}


def fill(shelf: Shelf, dice: random.Random, number: int) -> list[Row]:
    rows = []
    for at in range(number):
        moment = START + timedelta(seconds=dice.choice([0, 1, at]))
        license_id, family = dice.choice(LICENSES), dice.choice(FAMILIES)
        facts = {
            "family": family,
            "layout": dice.choice(["kohya", "peft"]),
            "method": dice.choice(["lora", "dora"]),
            "license": license_id,
            "permits": permissions.bits(permissions.of(license_id)),
            "base_key": dice.choice(BASES),
            "task": derive.task_of(family),
            "maturity": dice.choice([0, 0, 1, 3]),
            "rank": dice.choice([4, 16, None]),
            "size": dice.choice([10, 20, 30]),
            "adapters": dice.choice([0, 1, 2]),
            "stars": dice.choice([0, 1, 5]),
            "downloads": dice.choice([0, 1, 10, 5000]),
            "trending": dice.choice([0.0, 1.5, 100 / 3]),
            "updated_at": moment,
            "published_at": dice.choice([None, moment]),
        }
        owner, private = dice.choice(OWNERS), dice.random() < 0.3
        tags = sorted(dice.sample(TAGS, dice.randrange(4)))
        body = [dice.choice(WORDS) for _ in range(dice.randrange(3))]
        name = f"{dice.choice(WORDS)}-{at}"
        repo_id = shelf.add(name, owner, private=private, tags=tags, body=" ".join(body), **facts)
        rows.append(Row(repo_id, owner, name, private, tags, body, facts))
    return rows


def begins(word: str, given: str) -> bool:
    return word == given or (len(given) > 1 and word.startswith(given))


def holds(row: Row, query: Query, who: str | None) -> bool:
    facts, wish = row.facts, query.measures
    given = words.asked(query.text)
    has = row.words()
    return all(
        (
            not row.private or row.owner == who,
            all(word in has for word in given[:-1]),
            not given or any(begins(word, given[-1]) for word in has),
            query.owner in (None, row.owner),
            set(query.tags) <= set(row.tags),
            not set(query.without_tags) & set(row.tags),
            row.owner not in query.without_owners,
            facts["family"] not in query.without_families,
            query.family in (None, facts["family"]),
            query.layout in (None, facts["layout"]),
            query.method in (None, facts["method"]),
            query.task in (None, facts["task"]),
            query.license in (None, facts["license"]),
            query.base_model in (None, facts["base_key"]),
            permissions.bits(query.permits) & ~facts["permits"] == 0,
            query.max_maturity is None or facts["maturity"] <= query.max_maturity,
            query.private in (None, row.private),
            not query.with_adapters or facts["adapters"] > 0,
            wish.rank_from is None or (facts["rank"] or 0) >= wish.rank_from,
            wish.size_from is None or (facts["adapters"] and facts["size"] >= wish.size_from),
            wish.size_to is None or (facts["adapters"] and facts["size"] <= wish.size_to),
        )
    )


def in_order(rows: list[Row], sort: str) -> list[int]:
    def least(moment: datetime | None) -> datetime:
        return moment or datetime.min.replace(tzinfo=START.tzinfo)

    place = {
        "trending": lambda row: (row.facts["trending"], row.id),
        "updated": lambda row: (row.facts["updated_at"], row.id),
        "newest": lambda row: (least(row.facts["published_at"]), row.id),
        "stars": lambda row: (row.facts["stars"], row.id),
        "downloads": lambda row: (row.facts["downloads"], row.id),
        "smallest": lambda row: (
            not row.facts["adapters"],
            row.facts["adapters"] and row.facts["size"],
            row.id,
        ),
        "name": lambda row: (row.name, row.id),
    }[sort]
    return [row.id for row in sorted(rows, key=place, reverse=sort not in ("smallest", "name"))]


def wish(dice: random.Random) -> Query:
    """A query with some of all filters."""
    choices = {
        "text": lambda: dice.choice(
            ["neon", "gl", "glass", "city ne", "night 1", "flux", "nothing"]
        ),
        "owner": lambda: dice.choice(OWNERS),
        "tags": lambda: tuple(dice.sample(TAGS, dice.randrange(1, 3))),
        "without_tags": lambda: (dice.choice(TAGS),),
        "without_owners": lambda: (dice.choice(OWNERS),),
        "without_families": lambda: (dice.choice(FAMILIES[:3]),),
        "family": lambda: dice.choice(FAMILIES[:3]),
        "layout": lambda: "peft",
        "method": lambda: "dora",
        "task": lambda: dice.choice(["text", "image"]),
        "license": lambda: dice.choice(LICENSES[:3]),
        "base_model": lambda: "x/base",
        "permits": lambda: dice.choice([("commercial",), ("derivatives", "sell-images")]),
        "max_maturity": lambda: dice.choice([0, 1]),
        "private": lambda: dice.choice([True, False]),
        "with_adapters": lambda: True,
        "measures": lambda: dice.choice(
            [Measures(rank_from=5), Measures(size_to=20), Measures(size_from=20)]
        ),
    }
    chosen = dice.sample(sorted(choices), dice.choice([0, 1, 1, 2, 2, 3]))
    return Query(sort=dice.choice(SORTS), **{name: choices[name]() for name in chosen})


@pytest.mark.parametrize("few", [0, 5000], ids=["walking", "sorting"])
def test_what_is_found_is_what_there_is(inside, few, monkeypatch):
    for module in (queries_filters, queries_plan, queries_search, queries_walk):
        monkeypatch.setattr(module, "SET_MAX", few)
    dice = random.Random(few)
    shelf = Shelf(inside)
    rows = fill(shelf, dice, 120)
    found = 0
    for number in range(60):
        query, who = wish(dice), dice.choice([None, "alice"])
        expected = [row for row in rows if holds(row, query, who)]
        seen = shelf.turned(query, who, dice.choice([3, 10, 100]))
        if query.text and query.sort == "trending":
            # The order is that of test_ranking.
            assert sorted(seen) == sorted(row.id for row in expected), (number, query, who)
        else:
            assert seen == in_order(expected, query.sort), (number, query, who)
        if number % 5 == 0:
            compare_facets(shelf, rows, query, who)
        found += bool(expected)
    assert found > 30


def compare_facets(shelf: Shelf, rows: list[Row], query: Query, who: str | None) -> None:
    with shelf.hub.look(who) as tx:
        told = facets(tx, query)

    def counted(name: str, values, **without):
        wanted = replace(query, **without)
        numbers: dict[str, int] = {}
        for row in rows:
            if holds(row, wanted, who):
                for value in values(row):
                    numbers[value] = numbers.get(value, 0) + 1
        assert {one.value: one.count for one in getattr(told, name)} == numbers, (name, query)

    def of(column: str):
        return lambda row: [row.facts[column]] if row.facts[column] else []

    assert told.total == sum(holds(row, query, who) for row in rows)
    counted("tags", lambda row: row.tags)
    counted("families", of("family"), family=None)
    counted("layouts", of("layout"), layout=None)
    counted("methods", of("method"), method=None)
    counted("base_models", of("base_key"), base_model=None)
    counted("tasks", of("task"), task=None)
    counted("licenses", of("license"), license=None)
    if query.max_maturity is None and not query.license:
        counted("maturities", lambda row: [str(row.facts["maturity"])])
        counted("permissions", lambda row: permissions.of(row.facts["license"]))


def test_pages_stay_right_while_rows_move(inside):
    """What doesn't change is on exactly one page, whatever happens to the rest meanwhile."""
    dice = random.Random(5)
    shelf = Shelf(inside)
    rows = fill(shelf, dice, 90)
    still, moving = {row.id for row in rows[:60] if not row.private}, [row.id for row in rows[60:]]
    for sort in SORTS:
        for text in ("", "neon"):
            query, seen, cursor = Query(text=text, sort=sort), [], None
            wanted = {r.id for r in rows if r.id in still and holds(r, query, None)}
            while True:
                with inside.look(None) as tx:
                    from lorahub_server.library.search import find

                    page = find(tx, query, cursor, 5)
                seen += [card.id for card in page.items if card.id in still]
                cursor = page.next_cursor
                if cursor is None:
                    break
                move(inside, dice.choice(moving), dice)
            assert sorted(seen) == sorted(wanted), (sort, text)


def move(hub, repo_id: int, dice: random.Random) -> None:
    with hub.db.write() as session:
        entry = lock_entry(session, repo_id)
        entry.downloads = dice.choice([0, 3, 700, 10**6])
        entry.stars = dice.randrange(9)
        entry.trending = dice.random() * 50
        session.flush()
        indexing.count(session, entry)
        repo = session.get(Repository, repo_id)
        repo.private = dice.random() < 0.5
        session.flush()
        indexing.show(session, repo)


def test_what_is_named_comes_before_what_is_mentioned(inside):
    shelf = Shelf(inside)
    shelf.add("mention", body="a neon night", downloads=10**6)
    shelf.add("tagged", tags=["neon"], downloads=100)
    shelf.add("neon-city", downloads=10)
    shelf.add("neon")
    shelf.add("neons")
    assert shelf.names(Query(text="neon")) == ["neon", "neon-city", "neons", "tagged", "mention"]
    assert shelf.names(Query(text="neon", sort="downloads"))[0] == "mention"


def test_keys_are_those_of_the_entry(inside):
    """The kept numbers are right after changes of every kind."""
    dice = random.Random(3)
    shelf = Shelf(inside)
    ids = [row.id for row in fill(shelf, dice, 40)]
    for _ in range(100):
        move(inside, dice.choice(ids), dice)
    with inside.db.write() as session:
        for repo_id in ids[:10]:
            indexing.remove(session, repo_id)
    from sqlalchemy import func, select

    from lorahub_server.library.tables import Listing, SearchKey

    with inside.db.read() as session:
        counted = dict(
            session.execute(select(Listing.key_id, func.count()).group_by(Listing.key_id)).all()
        )
        full = dict(
            session.execute(
                select(Listing.key_id, func.count())
                .where(Listing.size != keys.NO_SIZE)
                .group_by(Listing.key_id)
            ).all()
        )
        for key in session.scalars(select(SearchKey)):
            assert (key.uses, key.full) == (counted.get(key.id, 0), full.get(key.id, 0))
        assert queries_text.texts_of(session, ids[0]) is None
