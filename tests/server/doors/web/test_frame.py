"""What surrounds the pages: files of the site, drawn pictures, errors."""

import gzip
import re
from xml.etree import ElementTree as ET

import pytest

from lorahub_server.doors import links
from lorahub_server.doors.web import covers
from lorahub_server.doors.web.families import family_hue, family_label
from support.source import SERVER

STATIC = SERVER / "doors" / "web" / "static"


def test_the_sites_own_files_are_kept_for_ever_under_their_version(person):
    html = person.visit("/").html
    found = set(re.findall(r'"(/static/[^"#]+)', html))
    assert len(found) > 5
    for address in found:
        answer = person.ask("GET", address)
        assert answer.status == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        packed = person.ask("GET", address, Accept_Encoding="gzip, br")
        if packed.headers["content-encoding"]:
            assert gzip.decompress(packed.body) == answer.body
        again = person.ask("GET", address, If_None_Match=answer.headers["etag"])
        assert again.status == 304
    unversioned = person.ask("GET", "/static/css/base.css")
    assert "immutable" not in unversioned.headers["cache-control"]
    assert person.ask("GET", "/static/css/base.css?v=old").status == 200


@pytest.mark.parametrize(
    "address",
    ["/static/nothing.css", "/static/../view.py", "/static/%2e%2e/view.py", "/static/", "/static"],
)
def test_there_are_no_other_files(person, address):
    assert person.ask("GET", address).status in (400, 404)


def test_search_engines_are_told_where_to_look(person):
    answer = person.ask("GET", "/robots.txt")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert lines[0] == "User-agent: *"
    assert {"Disallow: /settings/", "Disallow: /login?", "Disallow: /api/", "Allow: /"} <= {*lines}
    # It would keep out everybody whose name begins so.
    assert "Disallow: /api" not in lines


def test_vendored_files_have_their_licence():
    for folder in (STATIC / "vendor").iterdir():
        assert (folder / "LICENSE").is_file()


def test_scripts_are_small():
    own = [path for path in STATIC.rglob("*.js") if "vendor" not in path.parts]
    assert sum(path.stat().st_size for path in own) < 32_000


@pytest.mark.parametrize("motif", range(6))
def test_covers_are_drawings_that_stay_the_same(motif):
    drawn = covers.cover("abc123", 5, motif)
    assert drawn == covers.cover("abc123", 5, motif)
    assert drawn != covers.cover("abc124", 5, motif)
    assert len(drawn) < 16_000
    root = ET.fromstring(drawn)
    assert root.get("viewBox") == "0 0 480 480"
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "g", "rect", "path", "circle"}
    assert "nan" not in drawn
    assert "style" not in drawn


def test_drawn_pictures_are_served(person):
    for address in ("/images/cover/1/0-3-0123456789ab.svg", "/images/avatar/1/0123456789ab.svg"):
        answer = person.ask("GET", address)
        assert answer.status == 200
        assert answer.headers["content-type"] == "image/svg+xml"
        assert "immutable" in answer.headers["cache-control"]
        ET.fromstring(answer.body)
    for wrong in ("0-99-0123456789ab", "0-3-XYZ", "0-3-0123456789ab0", "a"):
        assert person.ask("GET", f"/images/cover/1/{wrong}.svg").status == 404
    assert person.ask("GET", "/images/avatar/1/..svg").status in (400, 404)


def test_families_have_names_and_colours():
    assert family_label("sdxl") == "SDXL"
    assert family_label("never-heard-of") == "never-heard-of"
    assert family_label(None) == "Unknown base"
    assert family_hue(None) is None
    assert 0 <= family_hue("never-heard-of") < 24


def test_every_hue_and_part_of_the_style_exists():
    css = "".join(path.read_text() for path in (STATIC / "css").glob("*.css"))
    for hue in range(24):
        assert f".hue-{hue} " in css
    used = set(re.findall(r"var\((--[\w-]+)", css))
    defined = set(re.findall(r"(--[\w-]+)\s*:", css))
    assert used <= defined


def test_every_icon_that_is_used_exists():
    sprite = (STATIC / "icons.svg").read_text()
    there = set(re.findall(r'id="([\w-]+)"', sprite))
    templates = (SERVER / "doors" / "web" / "templates").rglob("*.html")
    used = {
        name
        for path in templates
        for name in re.findall(r"""icon\(["']([\w-]+)["']""", path.read_text())
    }
    assert used <= there | {"name"}


@pytest.mark.parametrize(
    ("address", "status"),
    [("/nobody", 404), ("/nobody/nothing", 404), ("/a/b/c/d", 404), ("/%ff", 400), ("/a%zz", 400)],
)
def test_errors_are_pages_with_a_way_on(person, address, status):
    page = person.visit(address)
    assert page.status == status
    assert page.answer.headers["content-type"].startswith("text/html")
    assert "/" in page.links
    assert page.answer.headers["cache-control"] in ("private, no-store", "no-store")


def test_a_method_that_is_not_there(person):
    answer = person.ask("POST", "/tags", b"x", Content_Type="application/x-www-form-urlencoded")
    assert answer.status == 405
    assert "be done here" in answer.text


def test_what_breaks_inside_is_a_page_with_a_number(site, person):
    @site.app.get("/broken/inside/page")
    def broken():
        raise RuntimeError("secret detail")

    # Routes that were added last are asked last, and this one fits a pattern before.
    site.app.router.routes.insert(0, site.app.router.routes.pop())
    page = person.visit("/broken/inside/page")
    assert page.status == 500
    assert "Something broke on our side" in page.text
    assert page.answer.headers["x-request-id"] in page.text
    assert "secret detail" not in page.html


def test_addresses_are_encoded_piece_by_piece():
    assert links.tree("a", "b", "feature/x", "c d/e?#%") == "/a/b/tree/feature%2Fx/c%20d/e%3F%23%25"
    assert links.tag("a/b") == "/tags/a%2Fb"
    assert links.query("/", q="", tag=["a", "b&c"], sort=None) == "/?tag=a&tag=b%26c"
    for local in ("/", "/a?b=c#d", "/a//b"):
        assert links.is_local(local)
    for foreign in ("", "a", "//a", "http://a", "/\\a", "\\/a", "/a\nb", "/\u00e4", "https:/a"):
        assert not links.is_local(foreign)
