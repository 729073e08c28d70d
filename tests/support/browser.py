"""Headless Chromium, the one that the system has."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from support import programs

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@contextmanager
def launch() -> Iterator[Browser]:
    program = programs.need(*NAMES, package="chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(program), headless=True, args=FLAGS
        )
        yield browser
        browser.close()


@contextmanager
def context(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """A person's browser: own cookies. Scripts that fail or break the page's policy fail the test.

    `options` are those of new_context, such as viewport=PHONE, color_scheme="dark",
    java_script_enabled=False, base_url=hub.endpoint.
    """
    options.setdefault("viewport", DESKTOP)
    wrongs: list[str] = []
    made = browser.new_context(**options)
    made.set_default_timeout(15_000)
    made.on("page", lambda page: _watch(page, wrongs))
    yield made
    made.close()
    assert not wrongs, wrongs


def _watch(page: Page, wrongs: list[str]) -> None:
    def heard(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            wrongs.append(message.text)

    page.on("pageerror", lambda error: wrongs.append(str(error)))
    page.on("console", heard)
