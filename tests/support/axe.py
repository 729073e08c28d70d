"""What axe finds wrong with a page: labels, contrast, headings, landmarks and the like."""

from functools import cache
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

_RUN = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations.map((one) => ({
        rule: one.id, help: one.help, where: one.nodes.map((node) => node.html.slice(0, 200)),
    }));
}"""


@cache
def _script() -> str:
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


def violations(page: Page) -> list[dict[str, Any]]:
    """Run every rule of axe in the page; the script tool that does so is outside its policy."""
    page.evaluate(_script())
    found: list[dict[str, Any]] = page.evaluate(_RUN)
    return found
