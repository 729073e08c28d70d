import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from support import browser
from support.server import PASSWORD, Hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """One hub for all tests of a file, each with accounts of its own."""
    hub = Hub(tmp_path_factory.mktemp("browser") / "hub").start()
    yield hub
    hub.close()


@pytest.fixture
def name() -> str:
    """Of an account that nobody else has."""
    return f"maren-{secrets.token_hex(4)}"


@pytest.fixture
def opened(chromium: Browser, hub: Hub) -> Callable[..., AbstractContextManager[BrowserContext]]:
    """A browser on the hub: opened(viewport=..., java_script_enabled=False, ...)."""

    @contextmanager
    def do(**options: Any) -> Iterator[BrowserContext]:
        with browser.context(chromium, base_url=hub.endpoint, **options) as made:
            yield made

    return do


def sign_up(page: Page, name: str) -> None:
    page.goto("/signup")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url("**/")


@pytest.fixture
def signs_up() -> Callable[[Page, str], None]:
    return sign_up
