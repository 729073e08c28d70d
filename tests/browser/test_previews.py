"""Previews in a browser: the slider, without scripts, live while they are made, on phones."""

import pytest
from playwright.sync_api import Locator, Page, expect

from lorahub_server.insight.previews import service as previews
from lorahub_server.jobs.tables import Job
from lorahub_server.repos import service as repos
from support import browser, programs
from support.galleries import (
    add_base,
    digest_of,
    hold_base,
    pretend,
    publish,
    render_jobs,
    shapes_adapter,
)
from support.inside import Inside
from support.picture_files import picture

SIZE = (96, 64)


@pytest.fixture(scope="module")
def inside(hub):
    """The hub of this file from inside, with a base."""
    made = Inside(
        f"sqlite:///{hub.data}/hub.db", f"file://{hub.data}/objects", hub.data, make_tables=False
    )
    add_base(made, width=SIZE[0], height=SIZE[1])
    yield made
    made.close()


@pytest.fixture
def planned(inside, name):
    """A repository whose previews are to be made, with a base of which no picture is there yet."""
    hold_base(inside, digest=digest_of(name), ago_s=-3600)
    publish(inside, name, shapes_adapter(seed=int(name[-8:], 16)))
    programs.wait(lambda: jobs_of(inside, name), "the previews to be owed")
    return name


@pytest.fixture
def made(inside, planned):
    draw(inside, planned)
    return planned


def jobs_of(hub: Inside, name: str) -> list[Job]:
    with hub.look() as tx:
        wanted = repos.get_repo(tx, "alice", name).id
    return [job for job in render_jobs(hub) if job.repo_id == wanted]


def waiting(hub: Inside, name: str) -> list[str]:
    with hub.look() as tx:
        found = previews.gallery(tx, repos.get_repo(tx, "alice", name)).all
    parts = [part for one in found for part in (one.made, one.base)]
    return list(dict.fromkeys(one.id for one in parts if one and one.state == "waiting"))


def draw(hub: Inside, name: str, count: int | None = None) -> None:
    """Make the pictures that are missing, or some of them; after the last one the job ends."""
    ids = waiting(hub, name)[:count]
    if ids:
        pretend(hub, *ids, end=False, small=picture("WEBP", SIZE), size=SIZE)
    if not waiting(hub, name):
        told(hub, name, state="done", due_at=None)


def told(hub: Inside, name: str, **values: object) -> None:
    """Let the job say this of itself."""
    (job,) = jobs_of(hub, name)
    with hub.tx() as tx:
        row = tx.session.get(Job, job.id)
        for key, value in values.items():
            setattr(row, key, value)


def split(compare: Locator) -> str:
    return compare.evaluate("one => getComputedStyle(one).getPropertyValue('--split')")


def box(one: Locator) -> dict[str, float]:
    found = one.bounding_box()
    assert found is not None
    return found


def loaded(page: Page) -> None:
    """Wait for all pictures, also for those that nobody scrolled to."""
    every = (
        "() => [...document.querySelectorAll('main img')]"
        ".every(one => { one.loading = 'eager'; return one.complete && one.naturalWidth })"
    )
    programs.wait(lambda: page.evaluate(every), "the pictures to be shown")


def test_the_slider_by_mouse(opened, made):
    with opened() as context:
        page = context.new_page()
        page.goto(f"/alice/{made}/previews")
        loaded(page)
        compare = page.locator(".compare").first
        shown = box(compare)
        # One lies over the other, at twice their size.
        assert (shown["width"], shown["height"]) == (2 * SIZE[0], 2 * SIZE[1])
        for part in (".compare-base", ".compare-with"):
            assert box(compare.locator(part)) == shown
        assert split(compare) == "50%"
        middle = shown["y"] + shown["height"] / 2
        page.mouse.move(shown["x"] + shown["width"] / 2, middle)
        page.mouse.down()
        page.mouse.move(shown["x"] + shown["width"] / 4, middle, steps=4)
        assert 20 <= float(split(compare).rstrip("%")) <= 30
        page.mouse.move(shown["x"] + shown["width"] + 50, middle, steps=4)
        page.mouse.up()
        assert split(compare) == "100%"
        clip = "one => getComputedStyle(one).clipPath"
        assert compare.locator(".compare-base").evaluate(clip).startswith("inset(0px 0")
        # The others stay as they are.
        assert split(page.locator(".compare").nth(1)) == "50%"


def test_the_slider_by_keyboard(opened, made):
    with opened() as context:
        page = context.new_page()
        page.goto(f"/alice/{made}/previews")
        slider = page.get_by_role("slider").first
        for _ in range(60):
            page.keyboard.press("Tab")
            if slider.evaluate("one => one === document.activeElement"):
                break
        expect(slider).to_be_focused()
        compare = page.locator(".compare").first
        assert compare.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
        page.keyboard.press("ArrowRight")
        assert split(compare) == "51%"
        page.keyboard.press("Home")
        assert split(compare) == "0%"
        page.keyboard.press("End")
        assert split(compare) == "100%"
        # The next one is at the next picture; strengths have none.
        count = page.locator(".preview-samples > li").count()
        assert page.get_by_role("slider").count() == count


def test_without_scripts_both_stand_side_by_side(opened, made):
    with opened(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"/alice/{made}/previews")
        compare = page.locator(".compare").first
        base, changed = (box(compare.locator(part)) for part in (".compare-base", ".compare-with"))
        assert base["x"] + base["width"] <= changed["x"]
        assert (base["y"], base["width"]) == (changed["y"], changed["width"])
        assert page.get_by_role("slider").count() == 0
        expect(compare.get_by_text("Base", exact=True)).to_be_visible()
        compare.locator("xpath=ancestor::figure").get_by_role("link").click()
        page.wait_for_url(f"**/alice/{made}/previews/*")
        expect(page.get_by_text("lorahub-worker render")).to_be_visible()


@pytest.mark.parametrize("tab", ["", "/previews"])
def test_pictures_come_while_one_looks(opened, inside, planned, tab):
    total = len(waiting(inside, planned))
    with opened() as context:
        page = context.new_page()
        page.goto(f"/alice/{planned}{tab}")
        page.evaluate("window.isTheSamePage = true")
        status = page.get_by_role("status").filter(has_text="are done")
        expect(status).to_have_text(f"Waiting for a worker: 0 of {total} are done")
        assert page.locator(".preview-samples img").count() == 0
        first, gap = page.locator(".preview-samples > li").first, page.locator(".preview-gap").first
        place, size = box(first), box(gap)
        told(inside, planned, state="running", progress={"done": 3, "total": 40, "note": ""})
        expect(status).to_have_text(f"Rendering: 0 of {total} are done")
        bar = page.get_by_role("progressbar", name="Rendering")
        expect(bar).to_have_attribute("value", "0.075")
        told(inside, planned, progress={"done": 20, "total": 40, "note": ""})
        expect(bar).to_have_attribute("value", "0.500")
        # The base alone and the first with the adapter.
        draw(inside, planned, 2)
        expect(status).to_have_text(f"Rendering: 2 of {total} are done")
        expect(page.locator(".preview-samples img").first).to_be_visible()
        # Nothing moved: the picture has the place that was kept for it.
        loaded(page)
        assert box(first) == place
        assert box(first.locator("img").first) == size
        draw(inside, planned)
        expect(page.get_by_text("are done")).to_have_count(0)
        expect(page.locator(".preview-sweep img")).to_have_count(5)
        expect(page.get_by_text("Not rendered yet")).to_have_count(0)
        assert box(first) == place
        assert page.evaluate("window.isTheSamePage")
        # It still is what one came for, and the slider works on what came later.
        expect(page.get_by_role("link", name="All previews")).to_have_count(0 if tab else 1)
        page.get_by_role("slider").first.fill("20")
        assert split(page.locator(".compare").first) == "20%"


def test_a_phone_shows_strengths_in_one_row(opened, made):
    with opened(viewport=browser.PHONE, color_scheme="dark") as context:
        page = context.new_page()
        for tab in ("", "/previews"):
            page.goto(f"/alice/{made}{tab}")
            loaded(page)
            assert page.evaluate("document.documentElement.scrollWidth") == 390
            tops = {box(one)["y"] for one in page.locator(".preview-sweep > li").all()}
            assert len(tops) == 1
            cells = page.locator(".preview-samples > li")
            assert box(cells.nth(0))["y"] == box(cells.nth(1))["y"]
