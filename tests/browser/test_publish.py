"""The main job in a browser: sign up, drop a file, confirm, see it verified, download it."""

import re

import pytest
from playwright.sync_api import Page, expect

from support import browser
from support.inside import adapter

CHOSEN = "CC BY 4.0"


def fill_in(page: Page) -> None:
    """On the last step: what the header tells is there, the rest is said."""
    page.wait_for_url(re.compile(r"/upload/\w+"))
    expect(page.get_by_label("Title")).to_have_value("kohya_style")
    expect(page.get_by_label("Address")).to_have_value("kohya_style")
    expect(page.get_by_label("Trigger words")).to_have_value(re.compile("glasspaint"))
    told = page.get_by_label("What the file tells", exact=True).first
    expect(told).to_contain_text("SD 1.5")
    expect(told).to_contain_text("kohya")
    licence = page.get_by_label("Licence", exact=True)
    expect(licence).to_have_value("")
    licence.select_option("cc-by-4.0")
    page.get_by_label("Title").fill("Glass paint")
    page.get_by_label("Address").fill("glass-paint")
    page.get_by_label("Tags").fill("style, glass")
    page.get_by_label("Description").fill("Windows with the sun **behind** them.")
    page.get_by_role("button", name="Publish").click()
    page.wait_for_url("**/glass-paint")


def check_facts(page: Page) -> None:
    for words in ("Glass paint", "SD 1.5", CHOSEN, "Windows with the sun behind them."):
        expect(page.locator("main")).to_contain_text(words)
    expect(page.locator(".head")).to_contain_text("Verified")
    facts = page.get_by_role("region", name="Facts")
    expect(facts).to_contain_text("Sound")
    expect(facts).to_contain_text("AutoV2")


def check_download(page: Page, content: bytes) -> None:
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("^Download")).first.click()
    assert download.value.path().read_bytes() == content
    assert download.value.suggested_filename == "kohya_style.safetensors"


@pytest.mark.parametrize("view", [browser.DESKTOP, browser.PHONE], ids=["desktop", "phone"])
def test_with_scripts(opened, adapters, signs_up, name, view):
    with opened(viewport=view) as context:
        page = context.new_page()
        signs_up(page, name)
        page.goto("/upload")
        page.get_by_label("Drop your adapter here").set_input_files(adapters.kohya)
        fill_in(page)
        # The facts come by themselves, without a reload by hand.
        check_facts(page)
        check_download(page, adapters.kohya.read_bytes())
        page.goto("/")
        expect(page.get_by_role("link", name="Glass paint").first).to_be_visible()


def test_without_scripts(opened, adapters, signs_up, name):
    with opened(java_script_enabled=False) as context:
        page = context.new_page()
        signs_up(page, name)
        page.goto("/upload")
        page.get_by_label("Choose your adapter").set_input_files(adapters.kohya)
        page.get_by_role("button", name="Send the files").click()
        fill_in(page)
        for _ in range(50):
            if page.locator(".head .state.ok").count():
                break
            page.wait_for_timeout(200)
            page.get_by_role("link", name="Look again").click()
        check_facts(page)
        check_download(page, adapters.kohya.read_bytes())
        # Star, and take it back.
        page.get_by_role("button", name=re.compile("^Star")).click()
        expect(page.get_by_role("button", name=re.compile("^Starred"))).to_contain_text("1")
        page.get_by_role("button", name=re.compile("^Starred")).click()
        expect(page.get_by_role("button", name=re.compile("^Star"))).to_contain_text("0")


def test_a_folder_of_peft_is_dropped_together(opened, adapters, signs_up, name):
    folder = adapters.peft("llama")
    with opened() as context:
        page = context.new_page()
        signs_up(page, name)
        page.goto("/upload")
        page.locator("#files").set_input_files(sorted(folder.iterdir()))
        page.wait_for_url(re.compile(r"/upload/\w+\?also="))
        expect(page.get_by_label("Title")).to_have_value("llama")
        expect(page.get_by_label("Licence", exact=True)).to_have_value("apache-2.0")
        page.get_by_label("Address").fill("legalese")
        page.get_by_role("button", name="Publish").click()
        page.wait_for_url("**/legalese")
        page.locator(".tools").get_by_text("PEFT", exact=True).click()
        expect(page.get_by_role("region", name="PEFT")).to_contain_text("PeftModel")
        page.get_by_role("link", name="Files", exact=True).click()
        for path in folder.iterdir():
            expect(page.get_by_role("link", name=path.name, exact=True)).to_be_visible()


def test_an_upload_goes_on_after_the_connection_broke(opened, adapters, signs_up, name):
    with opened() as context:
        page = context.new_page()
        signs_up(page, name)
        broken = []

        def break_once(route):
            if not broken:
                broken.append(route.request.url)
                route.abort("connectionreset")
            else:
                route.fallback()

        page.route(re.compile(r"/api/hub/v1/uploads/\w+$"), break_once)
        page.goto("/upload")
        page.locator("#files").set_input_files(adapters.kohya)
        expect(page.locator("#progress")).to_contain_text("Trying again")
        page.wait_for_url(re.compile(r"/upload/\w+"))
        assert broken


def test_what_is_refused_is_told_at_the_file(opened, signs_up, name, tmp_path):
    good, bad = tmp_path / "lora.ckpt", tmp_path / "broken.safetensors"
    good.write_bytes(b"PK\3\4")
    bad.write_bytes((2**40).to_bytes(8, "little") + b"{}" * 50)
    with opened() as context:
        page = context.new_page()
        signs_up(page, name)
        page.goto("/upload")
        page.locator("#files").set_input_files([good, bad])
        wrong = page.locator(".sending .wrong")
        expect(wrong).to_have_count(2)
        expect(wrong.nth(0)).to_contain_text(".safetensors")
        # The box is there again for another file.
        expect(page.locator("#drop")).to_be_visible()


def test_files_can_be_dropped(opened, signs_up, name):
    with opened() as context:
        page = context.new_page()
        signs_up(page, name)
        page.goto("/upload")
        content = list(adapter(1))
        transfer = page.evaluate_handle(
            """(bytes) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([new Uint8Array(bytes)], "style.safetensors"));
                return transfer;
            }""",
            content,
        )
        page.dispatch_event("#drop", "dragover", {"dataTransfer": transfer})
        expect(page.locator("#drop")).to_have_class(re.compile("over"))
        page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
        page.wait_for_url(re.compile(r"/upload/\w+"))
