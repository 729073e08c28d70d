"""Pages of bases and tags, and what pages tell machines."""

import json
import re
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from support.counting import counted
from support.inside import adapter, sha256
from support.person import Person

BAD = '</script><script>alert("1")</script>'
CARD = "---\nlicense: mit\nbase_model: Some-Org/Base-1.0\ntags: [style, {name}]\n---\n# {name}\n\nIt is.\n"


def head(page) -> dict[str, str]:
    """What the head of a page says, by property or name."""
    found = re.findall(r'<meta\s+(?:property|name)="([^"]+)"\s+content="([^"]*)"', page.html)
    return dict(found)


def graph(page) -> list[dict]:
    (script,) = re.findall(
        r'<script type="application/ld\+json">(.*?)</script>', page.html, re.DOTALL
    )
    return json.loads(script)["@graph"]


def shown(page) -> list[str]:
    return list(dict.fromkeys(a for a in page.links if re.fullmatch("/maren/[^/]+", a)))


@pytest.fixture
def wall(maren, publish):
    for name in ("glass", "rain"):
        publish(f"maren/{name}", CARD.format(name=name))
    publish("maren/secret", CARD.format(name="secret"), private=True)


def test_a_base_that_cards_name(wall, person, maren):
    page = person.visit("/bases/some-org/base-1.0")
    assert page.status == 200
    assert set(shown(page)) == {"/maren/glass", "/maren/rain"}
    assert "2 adapters" in page.text
    assert "/tags/style" in page.links
    assert "secret" not in page.html
    assert "/maren/secret" in shown(maren.visit("/bases/some-org/base-1.0"))
    assert person.visit("/bases/some-org/other").status == 404
    assert person.visit("/bases/some-org/base-1.0?sort=newest").status == 200


def test_a_family(wall, person):
    index = person.visit("/bases")
    family = next(a for a in index.links if a.startswith("/bases/") and a.count("/") == 2)
    assert "/bases/some-org/base-1.0" in index.links
    page = person.visit(family)
    assert set(shown(page)) == {"/maren/glass", "/maren/rain"}
    assert person.visit("/bases/sdxl").status == 200
    assert "none that you may see" in person.visit("/bases/sdxl").text


def test_a_tag(wall, person):
    page = person.visit("/tags/style")
    assert set(shown(page)) == {"/maren/glass", "/maren/rain"}
    assert "/tags/glass" in page.links  # what else these are tagged with
    feed = next(a for a in page.links if a.startswith("/feed.atom"))
    assert person.ask("GET", feed).status == 200
    assert "/tags/style" in person.visit("/tags").links


def test_what_chats_and_search_engines_are_told(wall, person, site):
    for address, kind, types in (
        ("/maren/glass", "article", {"SoftwareSourceCode", "BreadcrumbList"}),
        ("/maren", "profile", {"ProfilePage"}),
        ("/bases", "website", {"CollectionPage", "BreadcrumbList"}),
        ("/bases/some-org/base-1.0", "website", {"CollectionPage", "BreadcrumbList"}),
        ("/tags/style", "website", {"CollectionPage", "BreadcrumbList"}),
        ("/", "website", {"WebSite"}),
    ):
        page = person.visit(address)
        told = head(page)
        assert told["og:type"] == kind, address
        assert told["og:url"] == f"http://hub.test{address}"
        assert f'<link rel="canonical" href="{told["og:url"]}">' in page.html
        assert {one["@type"] for one in graph(page)} == types
        picture = person.ask("GET", told["og:image"].removeprefix("http://hub.test"))
        assert picture.headers["content-type"] in ("image/png", "image/jpeg", "image/webp")
    assert "og:title" not in person.visit("/maren/secret").html


def test_a_cover_is_the_picture_where_there_is_one(maren, publish, person):
    publish("maren/glass", cover_dot_png=b"\x89PNG\r\n\x1a\n" + b"0" * 50)
    assert head(person.visit("/maren/glass"))["og:image"].endswith("/cover.png")


def test_nothing_gets_out_of_the_script(maren, publish, person):
    publish("maren/glass", f"---\ntags: ['{BAD}']\n---\n# {BAD}\n\n{BAD}\n")
    page = person.visit("/maren/glass")
    assert BAD not in page.html
    assert graph(page)[0]["name"] == BAD
    picture = person.ask("GET", "/images/share/adapter/maren/glass.png")
    assert picture.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "home",
        "adapter/maren/glass",
        "account/maren",
        "tag/style",
        "base/sdxl",
        "base/a/b",
        "tag/日本",
    ],
)
def test_drawn_cards(wall, person, tmp_path, path):
    from urllib.parse import quote

    answer = person.ask("GET", f"/images/share/{quote(path)}.png")
    assert answer.status == 200
    file = tmp_path / "card.png"
    file.write_bytes(answer.body)
    with Image.open(file) as picture:
        assert (picture.format, picture.size) == ("PNG", (1200, 630))


def test_cards_of_what_is_hidden(wall, person, maren):
    assert person.ask("GET", "/images/share/adapter/maren/secret.png").status == 404
    answer = maren.ask("GET", "/images/share/adapter/maren/secret.png")
    assert answer.headers["cache-control"] == "private, no-store"


def test_the_map_has_public_things_alone(wall, person, maren):
    for who in (person, maren):
        index = ET.fromstring(who.ask("GET", "/sitemap.xml").body)
        parts = [loc.text.removeprefix("http://hub.test") for loc in index.iter() if loc.text]
        found = {}
        for part in parts:
            tree = ET.fromstring(who.ask("GET", part).body)
            found[part] = [one.text for one in tree.iter() if (one.text or "").startswith("http")]
            assert ("lastmod" in who.ask("GET", part).text) == ("places" not in part)
        addresses = [one.removeprefix("http://hub.test") for all_ in found.values() for one in all_]
        assert len(addresses) == len(set(addresses))
        wanted = {"/", "/maren", "/maren/glass", "/tags/style", "/bases/some-org/base-1.0"}
        assert wanted <= set(addresses)
        assert not [one for one in addresses if "secret" in one]
    assert "Sitemap: http://hub.test/sitemap.xml" in person.ask("GET", "/robots.txt").text
    for wrong in ("adapters-0", "adapters-x", "adapters-", "people-99999999999", "x"):
        assert person.ask("GET", f"/sitemaps/{wrong}.xml").status == 404
    assert person.ask("GET", "/sitemaps/adapters-7.xml").text.count("<url>") == 0


def test_few_statements(wall, site, person: Person):
    budgets = {
        "/maren": 5,
        "/maren?tab=activity": 4,
        "/bases": 5,
        "/bases/some-org/base-1.0": 5,
        "/bases/sdxl": 5,
        "/tags": 2,
        "/tags/style": 5,
        f"/hash/{sha256(adapter(1))}": 5,
        "/sitemap.xml": 1,
        "/sitemaps/adapters-1.xml": 1,
    }
    for address, most in budgets.items():
        with counted(site.hub.db.engine) as statements:
            assert person.visit(address).status == 200
        assert len(statements) <= most, (address, statements)
