"""The library in a browser: by keyboard, without scripts, on a phone, and read by axe."""

import re

import pytest
from playwright.sync_api import Page, expect
from safetensors.numpy import save

from support import axe, browser
from support.loras import kohya_tensors

CARD = """---
license: {license}
tags: [{tags}]
trigger_words: [{name}word, "a second one"]
---
# {title}

Made for the wall.
"""
THINGS = [
    ("glass", "Glass windows", "sdxl", "style, light", "apache-2.0"),
    ("rain", "Rain over Edo", "sd1", "style, water", "cc-by-nc-4.0"),
    ("wool", "Woollen things", "sdxl", "texture", "mit"),
]
ADDRESSES = [
    "/", "/?q=%23style&sort=stars", "/?q=-base:sd1+rank:x", "/?q=nothing+%23style", "/search-help",
    "/searches?q=glass", "/notifications", "/stars", "/maren", "/maren?tab=activity", "/settings",
    "/bases", "/bases/sdxl", "/tags/style", "/hash",
]  # fmt: skip


@pytest.fixture(scope="module")
def filled(hub):
    maren = hub.add_account("maren")
    for seed, (name, title, family, tags, licence) in enumerate(THINGS):
        card = CARD.format(license=licence, tags=tags, name=name, title=title)
        weights = save(kohya_tensors(family, seed=seed, rank=4 * (seed + 1)))
        maren.publish(f"maren/{name}", {f"{name}.safetensors": weights, "README.md": card.encode()})
    maren.put("repos/maren/glass/star").expect(200)
    return maren


def titles(page: Page) -> list[str]:
    return page.locator(".wall .card-title").all_inner_texts()


def test_walk_copy_and_download_with_the_keyboard(opened, filled):
    with opened(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        page.goto("/?sort=name")
        page.keyboard.press("j")
        first = page.locator(".card").first
        expect(first.locator(".card-title a")).to_be_focused()
        copy = first.get_by_role("button", name="Copy <lora:glass:1>")
        expect(copy).to_have_css("opacity", "1")
        page.keyboard.press("j")
        expect(page.get_by_role("link", name="Rain over Edo", exact=True)).to_be_focused()
        page.keyboard.press("k")
        page.keyboard.press("c")
        expect(page.locator("#said")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == "<lora:glass:1>"
        with page.expect_download() as download:
            page.keyboard.press("d")
        assert download.value.suggested_filename == "glass.safetensors"
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/maren/rain")


def test_the_sheet_of_keys_and_words(opened, filled):
    with opened() as context:
        page = context.new_page()
        page.goto("/")
        page.keyboard.press("?")
        sheet = page.get_by_role("dialog", name="How to search")
        expect(sheet).to_be_visible()
        assert axe.violations(page) == []
        page.keyboard.press("j")
        expect(page.locator(".card-title a").first).not_to_be_focused()
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        page.keyboard.press("/")
        page.keyboard.type("?")
        expect(page.get_by_label("Search adapters")).to_have_value("?")
        expect(sheet).to_be_hidden()


@pytest.mark.parametrize("scripts", [True, False])
def test_narrow_leave_out_turn_round_and_widen(opened, filled, scripts):
    with opened(java_script_enabled=scripts) as context:
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Search adapters").fill("#style base:sdxxl")
        page.get_by_label("Search adapters").press("Enter")
        page.wait_for_url("**/?q=%23style+base%3Asdxxl")
        expect(page.get_by_text("Did you mean base:sdxl?")).to_be_visible()
        assert sorted(titles(page)) == ["Glass windows", "Rain over Edo"]
        panel = page.get_by_role("complementary", name="Filters")
        panel.locator(".facet-option", has_text="water").hover()
        panel.get_by_role("link", name="Leave out water").click()
        page.wait_for_url("**/?q=%23style+-%23water")
        assert titles(page) == ["Glass windows"]
        chips = page.get_by_role("list", name="Filters in use")
        chips.get_by_role("link", name="not water (show only these)").click()
        assert titles(page) == ["Rain over Edo"]
        expect(page.get_by_label("Search adapters")).to_have_value("#style #water")
        chips.get_by_role("link", name="Remove the filter water").click()
        page.get_by_role("navigation", name="Order").get_by_role("link", name="Smallest").click()
        page.wait_for_url("**/?q=%23style&sort=smallest")
        page.locator("summary", has_text="All time").click()
        page.get_by_role("link", name="Past week").click()
        page.wait_for_url("**/?q=%23style&sort=smallest&period=7d")
        assert len(titles(page)) == 2
        page.locator("summary", has_text="Rank, size and health").click()
        panel.get_by_label("Rank from").fill("8")
        panel.get_by_role("button", name="Apply").click()
        assert titles(page) == ["Rain over Edo"]
        expect(chips).to_contain_text("rank 8 or more")
        page.get_by_role("link", name="Remove all").click()
        assert len(titles(page)) == 3


def test_nothing_fits_and_what_to_drop(opened, filled):
    with opened(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/?q=%23texture+licence:mit+base:sd1")
        expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()
        page.get_by_role("link", name="Without SD 1.5 1").click()
        assert titles(page) == ["Woollen things"]


def test_a_search_is_kept_and_told_of(opened, filled, signs_up, name):
    with opened() as context:
        page = context.new_page()
        signs_up(page, name)
        page.goto("/?q=%23style")
        page.locator("summary", has_text="Follow").click()
        page.get_by_role("link", name="Save this search").click()
        page.get_by_label("Its name").fill("All styles")
        page.get_by_role("button", name="Save the search").click()
        expect(page.get_by_role("status").first).to_contain_text("saved")
        page.get_by_role("button", name="You are told of All styles").click()
        expect(page.get_by_role("button", name="Tell me of All styles")).to_be_visible()
        page.get_by_role("link", name="All styles", exact=True).click()
        page.wait_for_url("**/?q=%23style")


@pytest.mark.parametrize(
    ("size", "theme"),
    [(browser.DESKTOP, "light"), (browser.PHONE, "dark")],
    ids=["desk", "phone"],
)
def test_axe_finds_nothing_and_nothing_is_cut_off(opened, filled, signs_up, name, size, theme):
    with opened(viewport=size, color_scheme=theme) as context:
        page = context.new_page()
        signs_up(page, name)
        for address in ADDRESSES:
            page.goto(address)
            page.evaluate(
                "document.querySelectorAll('details:not(.menu)').forEach((d) => d.open = true)"
            )
            assert axe.violations(page) == [], address
            wide, view = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide <= view, address


def test_filters_on_a_phone_are_a_tap_away(opened, filled):
    with opened(viewport=browser.PHONE, has_touch=True) as context:
        page = context.new_page()
        page.goto("/")
        family = page.get_by_role("link", name=re.compile("^SDXL"))
        expect(family).to_be_hidden()
        page.locator("summary", has_text="Filters").tap()
        family.tap()
        page.wait_for_url("**/?q=base%3Asdxl")
        assert sorted(titles(page)) == ["Glass windows", "Woollen things"]
