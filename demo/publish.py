"""Publishes the demo's adapters on a hub, through the API that everybody uses.

Doing it again changes nothing: what is there stays, byte for byte.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from catalogue import ITEMS, STARS, Item
from export import HERE, export

import lorahub

Tell = Callable[[str], object]


def publish(
    endpoint: str,
    tokens: Mapping[str, str],
    *,
    items: Sequence[Item] = ITEMS,
    adapters: Path = HERE / "adapters",
    tell: Tell = print,
) -> None:
    """Publish everything; `tokens` are those of the owners, by name."""
    hubs = {owner: lorahub.Hub(endpoint, token) for owner, token in tokens.items()}
    for item in items:
        with tempfile.TemporaryDirectory() as folder:
            made = export(item, Path(folder, item.name), adapters)
            pushed = hubs[item.owner].push(made, item.repo, message="Publish the demo's adapter")
        tell(f"  {item.repo:<18} {'published' if pushed.changed else 'is there already'}")
    published = {item.repo for item in items}
    for owner, repos in STARS.items():
        for repo in published.intersection(repos):
            hubs[owner].star(repo)
    for hub in hubs.values():
        hub.close()


def watch(
    endpoint: str, items: Sequence[Item] = ITEMS, *, every_s: float = 1.0
) -> Iterator[tuple[int, int]]:
    """Yield how many previews are rendered, and of how many, until all are."""
    with lorahub.Hub(endpoint, "") as hub:
        while True:
            counts = [_counts(hub, item.repo) for item in items]
            done, total = (sum(column) for column in zip(*counts, strict=True))
            yield done, total
            # A repository without any is still being inspected.
            if done == total and all(of for _, of in counts):
                return
            time.sleep(every_s)


def _counts(hub: lorahub.Hub, repo: str) -> tuple[int, int]:
    """(previews that are rendered or failed, all) of a repository."""
    found: dict[str, Any] = hub.session.json("GET", f"api/hub/v1/repos/{repo}/previews")
    made = [one["made"] for one in found["items"] if one["group"] in ("samples", "sweep")]
    return sum(one["state"] != "waiting" for one in made), len(made)
