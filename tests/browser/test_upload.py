"""The upload page: read at once, grouped, resumed, told in words; with and without scripts."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect
from safetensors.numpy import load, save

from support import browser
from support.picture_files import png


@pytest.fixture
def page_of(opened, signs_up, name):
    """The upload page of somebody new, and the browser's context to leave."""

    def do(context) -> Page:
        page = context.new_page()
        signs_up(page, name)
        page.goto("/upload")
        return page

    return do


@pytest.fixture
def large(tmp_path):
    """An adapter of some 20 MB, which goes up in pieces of 8 MiB."""
    head = "base_model.model.model.layers.{}.self_attn.q_proj.lora_{}.weight"
    values = np.zeros((8, 80_000), "f4")
    tensors = {}
    for layer in range(4):
        tensors[head.format(layer, "A")] = values + layer
        tensors[head.format(layer, "B")] = np.ascontiguousarray(values.T)
    path = tmp_path / "large.safetensors"
    path.write_bytes(save(tensors))
    assert path.stat().st_size > 2 * 8 * 1024 * 1024
    return path


def choose(page: Page, *paths) -> None:
    page.locator("#files").set_input_files(list(paths))


def row(page: Page, path: str):
    return page.locator(".sending").filter(has=page.get_by_text(path, exact=False)).first


def hold(page: Page, address: str) -> list[Route]:
    """Keep requests to it waiting; they gather in the list that is returned."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(re.compile(address), keep)
    return held


@pytest.mark.parametrize("view", [browser.DESKTOP, browser.PHONE], ids=["desktop", "phone"])
def test_what_the_header_says_is_there_before_the_file(opened, page_of, adapters, view):
    with opened(viewport=view) as context:
        page = page_of(context)
        held = hold(page, r"/api/hub/v1/uploads$")
        choose(page, adapters.kohya)
        line = row(page, adapters.kohya.name)
        expect(line).to_contain_text("SD 1.5")
        expect(line).to_contain_text("kohya")
        expect(line).to_contain_text("Trigger words: glasspaint")
        assert page.evaluate("document.documentElement.scrollWidth") <= view["width"]
        expect(page.get_by_role("button", name="Go on")).to_be_disabled()
        held[0].fallback()
        page.wait_for_url(re.compile(r"/upload/\w+"))


def test_a_folder_of_forms_and_others_is_a_pack(opened, page_of, adapters, tmp_path):
    folder = tmp_path / "glass"
    weights = load(adapters.kohya.read_bytes())
    (folder / "extra").mkdir(parents=True)
    for at, path in enumerate(
        ["glass-fp16.safetensors", "glass-bf16.safetensors", "extra/rain.safetensors"]
    ):
        changed = {
            key: np.asarray(each * (1 - at / 8), each.dtype) for key, each in weights.items()
        }
        (folder / path).write_bytes(save(changed))
    (folder / "cover.png").write_bytes(png({}, size=(64, 64)))
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "optimizer.pt").write_bytes(b"PK\3\4")
    with opened() as context:
        page = page_of(context)
        page.locator("#folder").set_input_files(folder)
        expect(page.locator("#sum")).to_contain_text("A pack of 2 adapters")
        expect(page.get_by_role("heading", name="glass in 2 forms")).to_be_visible()
        expect(row(page, "glass-bf16.safetensors").locator(".chip")).to_have_text("bf16")
        expect(page.locator("#rows")).not_to_contain_text(".DS_Store")
        # What can't be published says so at its line, and stops nothing else.
        expect(row(page, "optimizer.pt").get_by_role("alert")).to_contain_text("run any program")
        page.get_by_role("button", name="Go on without the others").click()
        page.wait_for_url(re.compile(r"/upload/\w+\?also="))
        files = page.get_by_role("region", name="A pack of 2 adapters")
        expect(files).to_contain_text("extra/rain.safetensors")
        expect(files).to_contain_text("in 2 forms")
        expect(page.get_by_label("Title")).to_have_value("Glass")
        page.get_by_label("Licence", exact=True).select_option("mit")
        page.get_by_role("button", name="Publish").click()
        page.wait_for_url(re.compile(r"/glass$"))
        page.get_by_role("link", name="Files", exact=True).click()
        for path in ("extra", "glass-bf16.safetensors", "cover.png"):
            expect(page.get_by_role("link", name=path, exact=True)).to_be_visible()


def test_a_broken_file_is_told_at_its_line_and_can_be_removed(opened, page_of, adapters, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(adapters.kohya.read_bytes()[:-100])
    with opened() as context:
        page = page_of(context)
        choose(page, adapters.kohya, broken)
        expect(row(page, "broken").get_by_role("alert")).to_contain_text("cut off")
        expect(page.locator("#sum")).to_contain_text("1 file can't be published")
        # With the keyboard: the next line's button gets the focus.
        page.get_by_role("button", name="Remove broken.safetensors").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".sending")).to_have_count(1)
        expect(page.get_by_role("button", name=re.compile("^Remove"))).to_be_focused()
        page.get_by_role("button", name="Go on").click()
        page.wait_for_url(re.compile(r"/upload/\w+"))


@pytest.mark.slow  # needs a machine that is quick enough to be interrupted in time
def test_an_upload_goes_on_after_a_reload(opened, page_of, large):
    with opened() as context:
        page = page_of(context)
        held: list[Route] = []

        def after_the_first(route: Route) -> None:
            if int(route.request.headers["upload-offset"]) > 0:
                held.append(route)
            else:
                route.fallback()

        pieces = re.compile(r"/api/hub/v1/uploads/\w+$")
        page.route(
            pieces,
            lambda route: (
                after_the_first(route) if route.request.method == "PATCH" else route.fallback()
            ),
        )
        choose(page, large)
        expect(page.locator(".sending progress")).to_have_attribute("value", str(8 * 1024 * 1024))
        page.wait_for_timeout(200)
        page.unroute(pieces)
        page.reload()
        expect(row(page, "large")).to_contain_text("Drop the same file again to go on")
        sent: list[int] = []

        def note(route: Route) -> None:
            if route.request.method == "PATCH":
                sent.append(int(route.request.headers["upload-offset"]))
            route.fallback()

        page.route(pieces, note)
        choose(page, large)
        page.wait_for_url(re.compile(r"/upload/\w+"))
        # The piece that was under way when the page went may have arrived.
        assert sent
        assert min(sent) >= 8 * 1024 * 1024


def test_cancelling_one_drops_its_bytes(opened, page_of, large):
    with opened() as context:
        page = page_of(context)
        page.route(
            re.compile(r"/api/hub/v1/uploads/\w+$"),
            lambda route: None if route.request.method == "PATCH" else route.fallback(),
        )
        choose(page, large)
        expect(page.locator(".sending")).to_contain_text("of 20")
        with page.expect_request(lambda asked: asked.method == "DELETE"):
            page.get_by_role("button", name="Remove large.safetensors").click()
        expect(page.locator(".sending")).to_have_count(0)
        expect(page.locator("#files")).to_be_focused()
        page.reload()
        expect(page.locator("#progress")).to_be_hidden()


def test_cancelling_before_it_has_begun_leaves_nothing(opened, page_of, large):
    with opened() as context:
        page = page_of(context)
        held = hold(page, r"/api/hub/v1/uploads$")
        with page.expect_request(re.compile(r"/api/hub/v1/uploads$")):
            choose(page, large)
        page.get_by_role("button", name="Remove large.safetensors").click()
        expect(page.locator(".sending")).to_have_count(0)
        with page.expect_response(lambda answer: answer.request.method == "DELETE") as dropped:
            held[0].fallback()
        assert dropped.value.status == 204


def test_what_was_typed_is_there_after_a_reload_and_the_list_follows(opened, page_of, adapters):
    with opened() as context:
        page = page_of(context)
        choose(page, adapters.kohya)
        page.wait_for_url(re.compile(r"/upload/\w+"))
        needs = page.get_by_role("region", name="What a good page has")
        expect(needs.get_by_role("link", name="Choose a licence")).to_be_visible()
        expect(needs.get_by_text("Trigger words", exact=True)).to_be_visible()
        page.get_by_label("Licence", exact=True).select_option("mit")
        expect(needs.get_by_role("link", name="Choose a licence")).to_be_hidden()
        page.get_by_label("Description").fill("Windows at noon.")
        page.get_by_label("Private").check()
        page.reload()
        expect(page.get_by_label("Description")).to_have_value("Windows at noon.")
        expect(page.get_by_label("Licence", exact=True)).to_have_value("mit")
        expect(page.get_by_label("Private")).to_be_checked()
        expect(page.get_by_text("What you had typed is here again.")).to_be_visible()
        expect(needs.get_by_role("link", name="Describe what it does")).to_be_hidden()
        # Going back, the file is still there and need not be sent again.
        page.goto("/upload")
        expect(row(page, adapters.kohya.name)).to_contain_text("verified")
        page.get_by_role("button", name="Go on").click()
        page.wait_for_url(re.compile(r"/upload/\w+"))
        page.get_by_role("button", name="Discard").click()
        page.wait_for_url("**/upload")
        expect(page.locator(".sending")).to_have_count(0)


def test_without_scripts_the_form_stays(opened, page_of, adapters):
    with opened(java_script_enabled=False) as context:
        page = page_of(context)
        expect(page.locator("#folder")).to_be_hidden()
        expect(page.locator("#progress")).to_be_hidden()
        page.get_by_label("Choose your adapter").set_input_files(adapters.kohya)
        page.get_by_role("button", name="Send the files").click()
        page.wait_for_url(re.compile(r"/upload/\w+"))
        expect(page.get_by_role("link", name="Choose a licence")).to_be_visible()
        expect(page.get_by_role("link", name="Trigger words, if it has any")).to_be_hidden()
