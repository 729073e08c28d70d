"""Files, commits and members of packs in a browser: without scripts, by keyboard, read by axe."""

import pytest
from playwright.sync_api import expect

from support import axe, browser

CARD = b"---\nlicense: mit\n---\n# Pack\n\nTwo adapters in one place.\n"
ADDRESSES = (
    "/maren/pack",
    "/maren/pack?member=nothing",
    "/maren/pack/tree/main",
    "/maren/pack/blob/main/red.safetensors",
    "/maren/pack/commits/main/README.md",
    "/maren/pack/commit/main",
)


@pytest.fixture(scope="module")
def filled(hub, adapters):
    files = {"red.safetensors": adapters.kohya.read_bytes(), "README.md": CARD}
    folder = adapters.peft("gpt2")
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        files[f"blue/{name}"] = (folder / name).read_bytes()
    caller = hub.add_account("maren")
    caller.publish("maren/pack", files)
    caller.commit("maren/pack", "Say more", {"README.md": CARD + b"\nAnd more.\n"})
    return hub


def test_the_way_from_a_member_to_its_tensors_and_history(filled, opened):
    with opened(viewport=browser.PHONE, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/maren/pack")
        page.get_by_label("Name or trigger word").fill("blue")
        page.keyboard.press("Enter")
        members = page.locator(".member")
        expect(members).to_have_count(1)
        members.get_by_role("link", name="Blue", exact=True).click()
        page.wait_for_url("**file=blue%2Fadapter_model.safetensors**")
        page.get_by_role("navigation", name="Pages of").get_by_role(
            "link", name="Files", exact=True
        ).click()
        page.get_by_role("link", name="red.safetensors", exact=True).click()
        page.get_by_label("Name holds").fill("alpha")
        page.keyboard.press("Enter")
        page.wait_for_url("**tensors=alpha**")
        expect(page.locator(".tensors tbody th").first).to_contain_text("alpha")
        page.goto("/maren/pack/blob/main/README.md")
        page.get_by_role("main").get_by_role("link", name="History", exact=True).last.click()
        page.get_by_role("link", name="Say more").click()
        expect(page.get_by_text("And more.")).to_be_visible()


@pytest.mark.parametrize(
    ("size", "theme"),
    [(browser.DESKTOP, "light"), (browser.PHONE, "dark")],
    ids=["desk", "phone"],
)
def test_axe_finds_nothing_and_nothing_is_cut_off(opened, filled, size, theme):
    with opened(viewport=size, color_scheme=theme) as context:
        page = context.new_page()
        for address in ADDRESSES:
            page.goto(address)
            assert axe.violations(page) == [], address
            wide, view = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide <= view, address
