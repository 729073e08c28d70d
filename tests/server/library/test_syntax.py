"""Search lines: read, never refused, and written again so that they mean the same."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub.adapters.families import names as families
from lorahub_server.library import parts, permissions
from lorahub_server.library.queries_filters import HAVING
from lorahub_server.library.search import SORTS, Measures, Query
from lorahub_server.library.syntax import MAX_LINE, TASKS, combined, line_of, parse

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("line", "query"),
    [
        ("", Query()),
        ("  glass   window ", Query(text="glass window")),
        ('"church glass" noon', Query(text="church glass noon")),
        ("#Style", Query(tags=("style",))),
        ('#"oil paint" -#anime', Query(tags=("oil paint",), without_tags=("anime",))),
        ("@Maren -@bob -@lex", Query(owner="maren", without_owners=("bob", "lex"))),
        ("base:sdxl", Query(family="sdxl")),
        ("base:SDXL", Query(family="sdxl")),
        ("base:flux", Query(family="flux1")),
        ("base:FLUX.1", Query(family="flux1")),
        ('base:"SD 1.5"', Query(family="sd1")),
        ("base:sd1.5 -base:wan-14b", Query(family="sd1", without_families=("wan-14b",))),
        ("base:stabilityai/sdxl-turbo", Query(base_model="stabilityai/sdxl-turbo")),
        ("rank:16", Query(measures=Measures(rank_from=16, rank_to=16))),
        ("rank:8..64", Query(measures=Measures(rank_from=8, rank_to=64))),
        ("rank:>=16", Query(measures=Measures(rank_from=16))),
        ("rank:>16", Query(measures=Measures(rank_from=17))),
        ("rank:<16", Query(measures=Measures(rank_to=15))),
        ("rank:..64", Query(measures=Measures(rank_to=64))),
        ("rank:>=8 rank:<=64", Query(measures=Measures(rank_from=8, rank_to=64))),
        ("size:<50MB", Query(measures=Measures(size_to=50_000_000))),
        ("size:1.5gb..", Query(measures=Measures(size_from=1_500_000_000))),
        ("size:50", Query(measures=Measures(size_from=50_000_000, size_to=50_000_000))),
        ("size:10MiB..20MiB", Query(measures=Measures(size_from=10 * 2**20, size_to=20 * 2**20))),
        ("licence:commercial", Query(permits=("commercial",))),
        ("license:MIT", Query(license="mit")),
        ("licence:sell-images license:apache-2.0",
         Query(permits=("sell-images",), license="apache-2.0")),
        ("has:Prompts has:results", Query(has=("prompts", "results"))),
        ("trigger:yes healthy:no", Query(measures=Measures(has_trigger=True, healthy=False))),
        ("layout:kohya method:DoRA task:image", Query(layout="kohya", method="dora", task="image")),
        ("hash:1A2B3C4D5E", Query(file_hash="1a2b3c4d5e")),
        ("updated:<30d", Query(updated_within=30 * DAY)),
        ("updated:2w period:month", Query(updated_within=14 * DAY, period=30 * DAY)),
        ("maturity:pg-13", Query(max_maturity=1)),
        ("maturity:Mature", Query(max_maturity=2)),
        ("SORT:stars", Query(sort="stars")),
        ('"base:sdxl" "-x" "#y"', Query(text="base:sdxl -x #y")),
        ("re:zero 16:9 http://x.example/a", Query(text="re:zero 16:9 http://x.example/a")),
    ],
)  # fmt: skip
def test_what_lines_mean(line, query):
    parsed = parse(line)
    assert parsed.query == query
    assert parsed.told == ()
    assert parse(line_of(query)).query == query


@pytest.mark.parametrize(
    ("line", "kept", "words"),
    [
        ("glass rank:many", "glass", "rank:8..64"),
        ("rank:64..8", "", "rank:8..64"),
        ("rank:>=8 rank:>=9", "rank:>=8", "only one of a kind"),
        ("rank:>=64 rank:<=8", "rank:>=64", "nothing is both"),
        ("size:huge", "", "size:<50MB"),
        ("base:sdxxl", "", "Did you mean base:sdxl?"),
        ("base:sdxl base:flux1", "base:sdxl", "only one of a kind"),
        ("-layout:kohya", "", "can be excluded"),
        ("-glass", "", "-#glass"),
        ("trigger:maybe", "", "trigger:yes or trigger:no"),
        ("task:smell", "", "image, video"),
        ("has:everything", "", "pictures, prompts, results"),
        ("hash:xyz", "", "8 to 64 digits"),
        ("updated:soon", "", "updated:<30d"),
        ("maturity:mild", "", "none, soft, mature, explicit"),
        ("sort:luck", "", "an order is one of"),
        ("layout:../x", "", "no layout"),
        ("base:", "", "as in base:sdxl"),
        ("#", "", "as in #style"),
        ("licens:mit", "licens:mit", "Did you mean license: ?"),
        (" ".join(f"#t{n}" for n in range(11)), " ".join(f"#t{n}" for n in range(10)), "first 10"),
        ("x" * 600, "x" * MAX_LINE, "cut after"),
    ],
)
def test_what_is_not_understood_is_told(line, kept, words):
    parsed = parse(line)
    assert line_of(parsed.query) == kept
    assert len(parsed.told) == 1
    assert words in parsed.told[0]


def test_an_address_and_a_line_are_one_query():
    other = Query(family="sdxl", tags=("style",), measures=Measures(rank_to=64))
    both = combined("glass base:flux1 #light", other)
    assert line_of(both.query) == "glass #light #style base:flux1 rank:<=64"
    assert both.told == ()
    assert combined("", other).query == other
    assert combined("rank:>=8", other).query.measures == Measures(rank_from=8, rank_to=64)
    assert combined("base:flux rank:x", Query()).told == parse("rank:x").told


SIMPLE = st.text("abcxyz0189._-", min_size=1, max_size=12)
TAG = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=10)
SPAN = st.integers(1, 9000).map(lambda hours: timedelta(hours=hours))
PLAIN = st.from_regex(r"[a-z0-9][a-z0-9._+-]{0,20}", fullmatch=True)


def tags_of(lists):
    from lorahub_server.library.card import normalised_tags

    return tuple(normalised_tags(lists))


def pair(strategy):
    return st.tuples(st.none() | strategy, st.none() | strategy).map(
        lambda two: two if None in two else tuple(sorted(two))
    )


@st.composite
def queries(draw):
    several = st.lists(TAG, max_size=4).map(tags_of)
    rank, size = draw(pair(st.integers(0, 10**9 - 1))), draw(pair(st.integers(0, 10**11)))
    names = st.lists(st.sampled_from(families.known()), unique=True, max_size=3).map(tuple)
    owners = st.lists(SIMPLE, unique=True, max_size=3).map(tuple)
    some = st.sampled_from
    return Query(
        text=" ".join(draw(st.text(max_size=40)).replace("\0", "").split()),
        tags=draw(several),
        without_tags=draw(several),
        owner=draw(st.none() | SIMPLE),
        without_owners=draw(owners),
        family=draw(st.none() | some(families.known())),
        without_families=draw(names),
        base_model=draw(st.none() | st.builds("{}/{}".format, SIMPLE, SIMPLE)),
        has=draw(st.lists(some(sorted(HAVING)), unique=True, max_size=3).map(tuple)),
        permits=draw(st.lists(some(permissions.PERMISSIONS), unique=True, max_size=3).map(tuple)),
        license=draw(st.none() | some(["mit", "apache-2.0", "openrail++", "own words"])),
        layout=draw(st.none() | PLAIN),
        method=draw(st.none() | PLAIN),
        task=draw(st.none() | some(TASKS)),
        file_hash=draw(st.none() | st.text("0123456789abcdef", min_size=8, max_size=64)),
        updated_within=draw(st.none() | SPAN),
        period=draw(st.none() | SPAN),
        max_maturity=draw(st.none() | st.integers(0, 3)),
        measures=Measures(
            rank_from=rank[0],
            rank_to=rank[1],
            size_from=size[0],
            size_to=size[1],
            has_trigger=draw(st.none() | st.booleans()),
            healthy=draw(st.none() | st.booleans()),
        ),
        sort=draw(some(SORTS)),
    )


@given(queries())
def test_every_query_has_a_line(query):
    line = line_of(query)
    parsed = parse(line)
    if len(line) <= MAX_LINE:
        assert parsed.query == query
        assert parsed.told == ()


PIECES = st.sampled_from(
    ["#", "@", "-", '"', "\\", "base:", "rank:", "size:", "..", ">=", "<", "5", "MB", " ", "a", ":",
     "licence:", "period:", "maturity:", "sort:", "hash:", "\0", "\u2028", "é", "ẞ", "😀"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=80))
def test_any_text_is_a_line_and_is_written_so_that_it_means_the_same(line):
    query = parse(line).query
    again = parse(line_of(query))
    assert again.query == query
    # A word that looks like a filter is one all the same.
    assert [told for told in again.told if "is no filter" not in told] == []


@given(queries())
def test_filters_are_taken_away_one_by_one_until_nothing_is_left(query):
    before = parts.of(query)
    for part in before:
        assert parts.of(parts.without(query, part)) == [one for one in before if one != part]
        turned = parts.turned(query, part)
        if turned is not None:
            assert part not in parts.of(turned)
    for part in before:
        query = parts.without(query, part)
    assert parts.is_bare(query)


def test_what_is_wanted_is_no_longer_left_out():
    query = parse("-#anime -base:sdxl @bob").query
    query = parts.added(query, "tags", "anime")
    query = parts.added(query, "family", "sdxl")
    query = parts.added(query, "without_owners", "bob")
    assert line_of(query) == "#anime -@bob base:sdxl"
