"""Covers on pages: small copies in several widths, for whoever may have the file."""

import io
import re

import pytest
from PIL import Image

from support.inside import sha256
from support.person import Person
from support.picture_files import png
from support.running import run_jobs

COVER = png({}, size=(1200, 800))


@pytest.fixture
def work(site):
    def do():
        run_jobs(site.hub.db, site.hub.store)

    return do


def sources(html: str) -> list[str]:
    """The addresses in all `srcset`s of a page."""
    return [
        one.strip().replace("&amp;", "&").partition(" ")[0]
        for found in re.findall(r'srcset="([^"]+)"', html)
        for one in found.split(",")
    ]


def test_cards_and_pages_offer_copies_in_several_widths(maren, publish, person, work):
    publish("maren/glass", cover_dot_png=COVER)
    before = person.visit("/")
    assert "srcset" not in before.html
    assert any("cover.png" in image for image in before.images)
    work()
    for address in ("/", "/maren/glass", "/maren"):
        page = person.visit(address)
        assert not any("cover.png" in image for image in page.images), address
        found = sources(page.html)
        widths = []
        for source in found:
            answer = person.ask("GET", source)
            assert answer.headers["content-type"] == "image/webp"
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            with Image.open(io.BytesIO(answer.body)) as opened:
                widths.append(opened.width)
        assert widths == [240, 480, 960], address


def test_every_picture_has_its_place_and_the_first_come_first(maren, publish, person):
    for number in range(8):
        publish(f"maren/glass-{number}", seed=10 + number)
    tags = re.findall(r"<img[^>]*>", person.visit("/").html)
    covers = [tag for tag in tags if 'width="480"' in tag]
    assert len(covers) == 8
    assert all('height="480"' in tag for tag in covers)
    assert ['fetchpriority="high"' in tag for tag in covers] == [True] * 2 + [False] * 6
    assert ['loading="lazy"' in tag for tag in covers] == [False] * 6 + [True] * 2


def test_a_large_picture_waits_for_its_copies(maren, publish, person, work):
    big = Image.effect_noise((700, 700), 90).convert("RGB")
    out = io.BytesIO()
    big.save(out, "PNG")
    assert len(out.getvalue()) > 400_000
    publish("maren/glass", cover_dot_png=out.getvalue())
    assert any(image.startswith("/images/cover/") for image in person.visit("/").images)
    work()
    assert any(f"/cover/{sha256(out.getvalue())}" in i for i in person.visit("/").images)


def test_a_copy_is_for_those_who_may_have_the_file(maren, publish, site, person, work):
    nils = Person(site).sign_up("nils")
    address = f"/maren/glass/cover/{sha256(COVER)}"
    publish("maren/glass", cover_dot_png=COVER, private=True)
    work()
    assert maren.ask("GET", address).headers["cache-control"] == "private, no-store"
    for other in (nils, person):
        assert other.ask("GET", address).status in (401, 404)
    # Knowing the hash grants nothing in another repository.
    publish("maren/other", seed=2)
    assert maren.ask("GET", address.replace("glass", "other")).status == 404
    token = site.token_of("maren", "read", "write")
    token.patch("repos/maren/glass", json={"private": False, "gated": "manual"}).expect(200)
    assert maren.ask("GET", address).headers["cache-control"] == "private, no-store"
    for other in (nils, person):
        assert other.ask("GET", address).status in (401, 403)
        page = other.visit("/")
        assert "The glass" in page.text
        assert sha256(COVER) not in page.html
    token.patch("repos/maren/glass", json={"gated": False}).expect(200)
    assert person.ask("GET", f"{address}?width=1").status == 200
    for wrong in ("0", "x", "99999"):
        assert person.ask("GET", f"{address}?width={wrong}").status == 422
    for wrong in ("0" * 64, "x", "A" * 64):
        assert person.ask("GET", f"/maren/glass/cover/{wrong}").status == 404
