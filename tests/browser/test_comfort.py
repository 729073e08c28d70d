"""Keys, copying, themes, phones: what makes the pages pleasant."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from safetensors.numpy import load, save

from support import browser, programs
from support.http import Api
from support.server import PASSWORD

CARD = b"""---
license: cc-by-4.0
tags: [style, xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]
trigger_words: [glasspaint, "a rather long phrase that people have to write word for word"]
---
# Glasspaint, church windows at noon

Leaded glass with strong light behind it.

| Strength | Look | And a wide column | And another one | Which makes it very wide |
|---|---|---|---|---|
| 0.5 | a hint of lead | x | y | z |

```
a_line_of_code_that_is_much_longer_than_a_phone_is_wide = "and goes on and on and on and on"
```

Averyveryveryveryveryveryveryveryveryveryveryveryveryverylongwordwithoutabreak
"""


@pytest.fixture(scope="module")
def filled(hub, adapters):
    maren = hub.add_account("maren")
    kohya = adapters.kohya.read_bytes()
    weaker = {key: np.asarray(each * 0.5, each.dtype) for key, each in load(kohya).items()}
    maren.publish("maren/glasspaint", {"glasspaint.safetensors": save(weaker)})
    maren.publish("maren/glasspaint", {"glasspaint.safetensors": kohya, "README.md": CARD})
    maren.publish(
        "maren/hidden", {"a.safetensors": kohya, "notes/long.txt": b"x" * 500}, private=True
    )
    lex = hub.add_account("lex")
    lex.publish("lex/legal", {p.name: p.read_bytes() for p in adapters.peft("llama").iterdir()})
    lex.post("repos", json={"name": "empty"}).expect(201)
    maren.put("repos/lex/legal/star").expect(200)
    return maren


def sign_in(page: Page, name: str = "maren") -> None:
    page.goto("/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def test_find_and_copy_with_the_keyboard_alone(opened, filled):
    with opened(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        page.goto("/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_label("Search adapters")).to_be_focused()
        page.keyboard.type("glasspaint")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?q=glasspaint")
        card = page.get_by_role("link", name="Glasspaint, church windows at noon", exact=True)
        press_tab_until(page, card)
        page.keyboard.press("Enter")
        page.wait_for_url("**/maren/glasspaint")
        press_tab_until(page, page.get_by_role("button", name="glasspaint", exact=True))
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == "glasspaint"
        # Arrows choose the tool, its text is copied.
        press_tab_until(page, page.locator("input[name=tool]").first)
        page.keyboard.press("ArrowRight")
        shown = page.get_by_role("region", name="ComfyUI")
        expect(shown).to_be_visible()
        press_tab_until(page, shown.get_by_role("button"))
        page.keyboard.press("Space")
        expect(shown.locator(".copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.endswith("/maren/glasspaint --to comfyui")


def press_tab_until(page: Page, target) -> None:
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not get there")


def test_menus_close_with_escape_and_a_click_beside_them(opened, filled):
    with opened() as context:
        page = context.new_page()
        sign_in(page)
        menu = page.get_by_role("link", name="Your adapters")
        page.get_by_alt_text("Menu of maren").click()
        expect(menu).to_be_visible()
        page.keyboard.press("Escape")
        expect(menu).to_be_hidden()
        page.get_by_alt_text("Menu of maren").click()
        page.locator("h1").click()
        expect(menu).to_be_hidden()


def test_stars_without_a_reload(opened, filled):
    with opened() as context:
        page = context.new_page()
        sign_in(page)
        page.goto("/maren/glasspaint")
        page.evaluate("window.kept = true")
        page.get_by_role("button", name=re.compile("^Star")).click()
        expect(page.get_by_role("button", name=re.compile("^Starred"))).to_contain_text("1")
        page.get_by_role("button", name=re.compile("^Starred")).click()
        expect(page.get_by_role("button", name=re.compile("^Star"))).to_contain_text("0")
        assert page.evaluate("window.kept") is True


def test_an_adapter_s_page_by_its_keys(opened, filled):
    with opened(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        page.goto("/maren/glasspaint")
        page.keyboard.press("c")
        expect(page.locator("#said")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == "<lora:glasspaint:1>"
        with page.expect_download():
            page.keyboard.press("d")
        page.keyboard.press("f")
        page.wait_for_url("**/login?**")
        sign_in(page)
        page.goto("/maren/glasspaint")
        page.keyboard.press("f")
        expect(page.get_by_role("button", name="Starred")).to_be_visible()
        page.keyboard.press("f")
        expect(page.get_by_role("button", name=re.compile("^Star "))).to_be_visible()
        page.keyboard.press("e")
        page.wait_for_url("**/maren/glasspaint/card")
        page.get_by_label("Title").focus()
        page.keyboard.type("f?[")
        assert page.url.endswith("/card")
        page.goto("/maren/glasspaint/versions")
        page.keyboard.press("[")
        page.wait_for_url("**/versions?new=*")
        older = page.url
        page.keyboard.press("]")
        page.wait_for_url(lambda url: url != older and "new=" in url)
        page.keyboard.press("?")
        page.wait_for_url("**/search-help")


def test_a_token_is_made_copied_and_revoked(opened, hub, filled):
    with opened(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        sign_in(page)
        page.goto("/settings/tokens")
        page.get_by_label("Where will you use it?").fill("laptop")
        page.get_by_label("Read and write").check()
        page.get_by_label("How long?").select_option("365")
        page.get_by_role("button", name="Make the token").click()
        page.get_by_role("button", name="Copy the token").click()
        expect(page.locator("#said")).to_have_text("Copied")
        token = page.evaluate("navigator.clipboard.readText()")
        assert hub.as_token(token).get("whoami").json()["token"]["scopes"] == ["read", "write"]
        page.get_by_role("button", name="Revoke laptop").click()
        expect(page.get_by_text("The token is revoked")).to_be_visible()
        assert hub.as_token(token).get("whoami").status == 401


def test_the_theme_follows_the_system_and_the_button(opened, filled):
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    with opened(color_scheme="dark") as context:
        page = context.new_page()
        page.goto("/")
        dark = page.evaluate(ground)
        page.get_by_role("button", name="Switch between light and dark").click()
        light = page.evaluate(ground)
        assert dark != light
        page.goto("/tags")
        assert page.evaluate(ground) == light


PAGES = [
    "/", "/?q=glasspaint", "/?q=nothing&tag=style", "/tags", "/tags/style", "/stars", "/maren",
    "/search-help", "/searches", "/notifications",
    "/lex", "/maren/glasspaint", "/maren/hidden", "/lex/legal", "/lex/empty",
    "/maren/glasspaint/tree/main", "/maren/hidden/tree/main/notes",
    "/maren/glasspaint/blob/main/README.md", "/maren/hidden/blob/main/notes/long.txt",
    "/maren/glasspaint/blob/main/glasspaint.safetensors", "/maren/glasspaint/commits/main",
    "/maren/glasspaint/versions", "/maren/glasspaint/health", "/lex/legal/health",
    "/maren/glasspaint/settings", "/settings", "/settings/tokens", "/upload", "/nobody",
    "/maren/nothing",
]  # fmt: skip


def test_long_words_break_on_a_desk_too(opened, filled):
    with opened(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        for address in ["/", "/tags", f"/?tag={'x' * 64}", "/maren", "/maren/glasspaint"]:
            page.goto(address)
            assert_fits(page, address)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_scrolls_sideways_on_a_phone(opened, filled, theme):
    with opened(viewport=browser.PHONE, color_scheme=theme) as context:
        page = context.new_page()
        for address in ["/login", "/signup"]:
            page.goto(address)
            assert_fits(page, address)
        sign_in(page)
        for address in PAGES:
            page.goto(address)
            assert_fits(page, address)
        page.goto("/maren/glasspaint")
        for summary in page.locator("details.more summary").all():
            summary.click()
        assert_fits(page, "opened details")


def test_tables_of_measures_fit_on_a_phone(opened, filled):
    programs.wait(lambda: is_measured(filled), "the weights to be measured", 120)
    (first,) = filled.get("repos/maren/glasspaint/commits/main").json()["items"][-1:]
    with opened(viewport=browser.PHONE) as context:
        page = context.new_page()
        for address in ("health", f"versions?old={first['revision']}"):
            page.goto(f"/maren/glasspaint/{address}")
            page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
            assert_fits(page, address)
            tables = page.locator(".table-scroll, .talk-scroll")
            assert tables.count() > 0, address
            for box in tables.all():
                assert box.evaluate("(one) => one.scrollWidth <= one.clientWidth"), address
        page.goto("/maren/glasspaint/health")
        for link in page.locator("td a").all():
            box = link.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= browser.PHONE["width"]


def is_measured(caller: Api) -> bool:
    found = caller.get("repos/maren/glasspaint/inspections/main").json()["items"]
    before = caller.get("repos/maren/glasspaint/jobs").json()["items"]
    waiting = [job for job in before if job["kind"] == "inspect" and job["state"] != "done"]
    return not waiting and [one["state"] for one in found] == ["done"]


def test_every_page_has_its_landmarks_and_names(opened, filled):
    with opened() as context:
        page = context.new_page()
        sign_in(page)
        for address in PAGES:
            page.goto(address)
            wrong = page.evaluate(
                """() => {
                    const wrong = [];
                    for (const tag of ["main", "header", "footer", "h1"]) {
                        const found = document.querySelectorAll(tag).length;
                        if (tag === "h1" ? found < 1 : found !== 1) wrong.push(`${found} ${tag}`);
                    }
                    for (const field of document.querySelectorAll("input, select, textarea")) {
                        if (field.type === "hidden" || field.hidden) continue;
                        if (!field.labels.length) wrong.push(`no label: ${field.name}`);
                    }
                    for (const button of document.querySelectorAll("a[href], button, summary")) {
                        const named = button.innerText.trim() || button.textContent.trim()
                            || button.querySelector("img[alt]:not([alt=''])");
                        if (!named && !button.ariaHidden) wrong.push(`no name: ${button.outerHTML}`);
                    }
                    const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
                    for (const id of ids.filter((id, at) => ids.indexOf(id) !== at)) {
                        wrong.push(`twice: #${id}`);
                    }
                    for (const image of document.querySelectorAll("img:not([alt])")) {
                        wrong.push(`no alt: ${image.src}`);
                    }
                    return wrong;
                }"""
            )
            assert wrong == [], address
            assert page.title().endswith("· LoRAHub"), address


def assert_fits(page: Page, address: str) -> None:
    wide, view = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= view, f"{address} is {wide} wide"
