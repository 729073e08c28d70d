"""The page of an adapter in a browser without scripts: what a person does there still works."""

import pytest
from playwright.sync_api import Page, expect

from support.server import PASSWORD

CARD = b"""---
license: mit
base_model: black-forest-labs/FLUX.1-dev
trigger_words: [glasspaint]
strength: 0.6-0.9
model-index:
- results:
  - dataset: {type: a/b, name: Bench}
    metrics: [{type: accuracy, value: 0.8, n: 200}]
---
# Glasspaint

After arXiv:2106.09685.
"""


@pytest.fixture(scope="module")
def filled(hub, adapters):
    files = {"glasspaint.safetensors": adapters.kohya.read_bytes(), "README.md": CARD}
    hub.add_account("maren").publish("maren/glasspaint", files)
    return hub


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Name").fill("maren")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


@pytest.mark.parametrize("width", [390, 1280])
def test_another_form_is_chosen_and_the_card_is_changed(filled, opened, width):
    size = {"width": width, "height": 800}
    with opened(viewport=size, java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page)
        page.goto("/maren/glasspaint")
        page.locator("details.download > summary").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Original")).to_be_visible()
        expect(page.get_by_text("MIT lets people offer it as a paid service")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("link", name="Edit card").click()
        page.get_by_label("Text").fill(f"Words for *{width}*")
        page.get_by_label("Strength").fill("a lot")
        page.get_by_role("button", name="Preview").click()
        expect(page.locator(".prose em")).to_have_text(str(width))
        expect(page.get_by_text("Write a number such as 0.8")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_label("Strength").fill("0.5")
        page.get_by_role("button", name="Save the card").click()
        expect(page.get_by_text(f"Words for {width}").first).to_be_visible()
        page.goto("/maren/glasspaint")
        expect(page.get_by_text("0.5", exact=True)).to_be_visible()
