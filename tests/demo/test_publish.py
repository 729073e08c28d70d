"""The demo's adapters on a hub that really renders, and somebody who plays with them."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from catalogue import ITEMS
from playwright.sync_api import expect
from publish import publish, watch

from lorahub_server.insight.bases.tables import BaseHolder, BaseModel
from lorahub_server.jobs.runner import Outcome, Runtime, run
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Database
from lorahub_server.storage import open_store
from support import browser, tiny_base
from support.server import PASSWORD, Hub

SHOWN = tuple(item for item in ITEMS if item.name in ("star", "heart"))


@pytest.fixture(scope="module")
def hub(base, tmp_path_factory) -> Iterator[Hub]:
    """A hub that holds the tiny base; this process renders for it."""
    from lorahub_worker import tasks

    hub = Hub(tmp_path_factory.mktemp("demo") / "hub").start()
    hub.tokens = {name: hub.add_account(name).token for name in ("demo", "remix")}
    db = Database(f"sqlite:///{hub.data}/hub.db")
    values: dict[str, Any] = {
        "id": "shapes", "title": "Shapes", "family": "shapes", "task": "image", "kind": "folder",
        "source": str(base), "created_at": now(), "updated_at": now(), **tiny_base.QUICK,
    }  # fmt: skip
    with db.write() as session:
        session.add(BaseModel(**values))
        session.flush()
        session.add(
            BaseHolder(
                base_id="shapes", worker="test", digest=tiny_base.digest(base), device="cpu",
                dtype="fp32", seen_at=now(),
            )
        )  # fmt: skip
    over = threading.Event()
    tasks.load(frozenset({"gpu"}))
    runtime = Runtime(db, open_store(f"file://{hub.data}/objects", {}), stopping=over)

    def work() -> None:
        while not over.wait(0.1):
            while not over.is_set() and run(runtime, ["gpu"]) is not Outcome.NOTHING:
                pass

    thread = threading.Thread(target=work)
    thread.start()
    yield hub
    over.set()
    thread.join()
    db.engine.dispose()
    hub.close()


@pytest.fixture(scope="module")
def filled(hub, trained) -> list[str]:
    """What `publish` said the first time, when the star is rendered."""
    said: list[str] = []
    publish(hub.endpoint, hub.tokens, items=SHOWN, adapters=trained, tell=said.append)
    for _ in watch(hub.endpoint, SHOWN[:1], every_s=0.2):
        pass
    return said


def test_a_library_of_rendered_adapters(hub, filled):
    assert all(line.endswith("published") for line in filled)
    for item in SHOWN:
        repo = hub.anonymous.get(f"repos/{item.repo}").json()
        assert (repo["family"], repo["layout"], repo["health"]) == ("shapes", item.layout, "ok")
        assert "Verified" in hub.anonymous.get(f"/{item.repo}").expect(200).text
    found = hub.anonymous.get("repos/demo/star/previews").json()["items"]
    samples = [one for one in found if one["group"] == "samples"]
    assert len(samples) >= 4
    assert {one["made"]["state"] for one in samples} == {"done"}
    assert samples[0]["picture"]["sha256"] != samples[0]["base"]["picture"]["sha256"]
    star = hub.anonymous.get("repos/demo/star").json()
    assert (star["stars"], star["trigger_words"]) == (1, ["star"])


def test_again_it_changes_nothing(hub, filled, trained):
    before = [hub.anonymous.get(f"repos/{item.repo}").json() for item in SHOWN]
    said: list[str] = []
    publish(hub.endpoint, hub.tokens, items=SHOWN, adapters=trained, tell=said.append)
    assert all(line.endswith("is there already") for line in said)
    assert [hub.anonymous.get(f"repos/{item.repo}").json() for item in SHOWN] == before


@pytest.mark.slow
def test_somebody_plays(hub, filled, chromium):
    """A stack of two is drawn while the page looks on, and kept in the gallery by the keyboard."""
    with browser.context(chromium, base_url=hub.endpoint, viewport=browser.PHONE) as context:
        page = context.new_page()
        page.goto("/demo/star/playground")
        page.get_by_role("button", name="Sign in to draw").click()
        page.get_by_label("Name").fill("demo")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/demo/star/playground")
        page.get_by_role("link", name="teal striped star").click()
        expect(page.get_by_label("Prompt", exact=True)).to_have_value(
            "a teal striped star on a black background"
        )
        slider = page.get_by_label("Strength of Five-pointed star, as a slider")
        slider.focus()
        for _ in range(4):
            page.keyboard.press("ArrowLeft")
        expect(page.get_by_label("Strength of Five-pointed star", exact=True)).to_have_value("0.8")
        page.get_by_label("Second adapter").press_sequentially("hea")
        expect(page.locator("#adapters option[value='demo/heart']")).to_have_count(1)
        page.get_by_label("Second adapter").fill("demo/heart")
        page.get_by_label("Draw the base alone beside it").check()
        page.get_by_label("Seed").fill("5")
        page.keyboard.press("Enter")
        made = page.locator("#made")
        expect(made.get_by_role("img")).to_have_count(2, timeout=60_000)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= browser.PHONE["width"]
        assert page.evaluate(_DIFFERENCE) > 2
        made.get_by_role("button", name="Keep in the gallery").focus()
        page.keyboard.press("Enter")
        expect(made.get_by_text("In the gallery")).to_be_visible()
    kept = hub.anonymous.get("repos/demo/star/previews").json()["items"]
    assert [one["strength"] for one in kept if one["group"] == "kept"] == [0.8]


# How much the two pictures that are shown differ, of 255.
_DIFFERENCE = """async () => {
  const [one, two] = await Promise.all([...document.querySelectorAll("#made img")].map(async (img) => {
    await img.decode();
    const canvas = document.createElement("canvas");
    canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
    const pen = canvas.getContext("2d"); pen.drawImage(img, 0, 0);
    return pen.getImageData(0, 0, canvas.width, canvas.height).data;
  }));
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += Math.abs(one[at] - two[at]);
  return sum / one.length;
}"""
