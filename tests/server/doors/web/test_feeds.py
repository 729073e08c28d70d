"""Feeds of a search: well-formed, complete, and blind to what is private."""

import json
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

import pytest

ATOM = "{http://www.w3.org/2005/Atom}"
BAD = "<script>alert(1)</script> & \u0007 ]]>"


@pytest.fixture
def filled(maren, publish):
    publish("maren/glass")
    publish("maren/rain", f"---\ntags: [water, '{BAD[:20]}']\n---\n# Rain\n\n{BAD}\n", seed=2)
    publish("maren/secret", private=True, seed=3)
    return maren


def entries(person, kind, query=""):
    answer = person.ask("GET", f"/feed.{kind}{query}")
    assert answer.status == 200
    if kind == "json":
        return [item["url"] for item in json.loads(answer.body)["items"]]
    root = ET.fromstring(answer.body)
    if kind == "atom":
        return [one.find(f"{ATOM}id").text for one in root.iter(f"{ATOM}entry")]
    return [one.find("link").text for one in root.iter("item")]


@pytest.mark.parametrize("kind", ["atom", "rss", "json"])
def test_a_feed_is_the_search_as_anybody_sees_it(filled, person, kind):
    both = ["http://hub.test/maren/rain", "http://hub.test/maren/glass"]
    for somebody in (person, filled):
        assert entries(somebody, kind) == both
    assert entries(person, kind, "?q=%23water") == both[:1]
    assert entries(person, kind, "?q=-%23water&sort=name") == both[1:]
    assert entries(person, kind, "?q=nothing+like+this") == []
    assert entries(person, kind, "?q=rank:x") == both


@pytest.mark.parametrize("kind", ["atom", "rss", "json"])
def test_feeds_may_be_kept_and_asked_about(filled, person, kind):
    answer = filled.ask("GET", f"/feed.{kind}")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"].startswith("application/")
    again = person.ask("GET", f"/feed.{kind}", If_None_Match=answer.headers["etag"])
    assert again.status == 304


def test_atom_tells_everything(filled, person):
    root = ET.fromstring(person.ask("GET", "/feed.atom?q=%23water").body)
    named = {one.get("rel"): one.get("href") for one in root.findall(f"{ATOM}link")}
    assert named == {
        "self": "http://hub.test/feed.atom?q=%23water&sort=newest",
        "alternate": "http://hub.test/?q=%23water&sort=newest",
    }
    (entry,) = root.iter(f"{ATOM}entry")
    assert entry.find(f"{ATOM}title").text == "Rain"
    assert entry.find(f"{ATOM}author/{ATOM}name").text == "maren"
    assert "water" in {one.get("term") for one in entry.findall(f"{ATOM}category")}
    html = entry.find(f"{ATOM}content").text
    assert '<img src="http://hub.test/' in html
    assert "<script" not in html
    assert entry.find(f"{ATOM}published").text.endswith("Z")


def test_rss_and_json_tell_the_same(filled, person):
    (item,) = ET.fromstring(person.ask("GET", "/feed.rss?q=%23water").body).iter("item")
    (other,) = json.loads(person.ask("GET", "/feed.json?q=%23water").body)["items"]
    assert item.find("title").text == other["title"] == "Rain"
    assert item.find("guid").text == other["id"]
    assert item.find("description").text == other["content_html"]
    published = parsedate_to_datetime(item.find("pubDate").text)
    assert published.isoformat()[:19] == other["date_published"][:19]
    assert other["authors"] == [{"name": "maren", "url": "http://hub.test/maren"}]


def test_lists_name_their_feeds(filled, person):
    html = person.visit("/?q=%23water").html
    for kind in ("atom", "rss", "json"):
        assert f'href="/feed.{kind}?q=%23water"' in html
    assert person.ask("GET", "/feed.pdf").status == 404
