"""What a page of thirty cards costs when its cards were rendered before, beside rendering them.

CPU time of the thread; the least of some rounds, as other things run on the machine.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from lorahub_server.doors.web.view import templates
from lorahub_server.library.model import RepoCard

pytestmark = pytest.mark.bench
THEN = datetime(2026, 1, 1, tzinfo=UTC)


def cards() -> list[RepoCard]:
    return [
        RepoCard(
            id=number, owner=f"user{number}", name=f"adapter-{number}", private=False,
            default_branch="main", revision="a" * 40, title=f"Adapter {number}", summary="",
            license="apache-2.0", base_model=None, family="sdxl", family_declared="sdxl",
            layout="kohya", method="lora", rank=16, size=150_000_000, adapters=1,
            trigger_words=["glass", "paint"], tags=["style", "glass"], health="ok", cover=None,
            cover_size=None, cover_picture=None, stars=number, downloads=100 * number,
            starred=False, created_at=THEN, updated_at=THEN, published_at=THEN,
        )
        for number in range(30)
    ]  # fmt: skip


def least(work: Callable[[], object], rounds: int = 30) -> float:
    found = []
    for _ in range(rounds):
        began = time.thread_time()
        work()
        found.append(time.thread_time() - began)
    return min(found)


def test_cards_that_were_rendered_before() -> None:
    parts = templates.get_template("parts/card.html").module
    shown = cards()
    kept = least(lambda: parts.wall(shown))
    made = least(lambda: [parts.card(one) for one in shown])
    print(f"\nkept {1000 * kept:.2f} ms, rendered {1000 * made:.2f} ms: {kept / made:.3f}")
    assert kept <= 0.1 * made
