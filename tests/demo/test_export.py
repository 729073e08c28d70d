"""What the demo publishes: made of the trained adapters, the same each time."""

import hashlib

import numpy as np
import pytest
from catalogue import ITEMS
from export import HERE, export
from safetensors.numpy import load_file

from lorahub.adapters import read_header, summarise
from lorahub_server.library import card

FORMS = {
    "demo/star": ("diffusers", 8),
    "demo/heart": ("kohya", 16),
    "demo/neon": ("peft", 8),
    "demo/sunset": ("diffusers", 4),
    "remix/star-small": ("kohya", 2),
    "remix/neon-stars": ("kohya", 16),
}


def summary(folder, item):
    file = folder / item.file
    with file.open("rb") as opened:
        return summarise(read_header(opened, file.stat().st_size))


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.name)
def test_each_in_its_layout_and_rank(item, trained, tmp_path):
    one, two = (export(item, tmp_path / name, trained) for name in ("one", "two"))
    found = summary(one, item)
    assert (found.layout, found.rank) == FORMS[item.repo]
    assert found.family == "shapes"
    assert (one / item.file).stat().st_size < 700_000
    digests = [
        {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
        for folder in (one, two)
    ]
    assert digests[0] == digests[1]
    assert all(np.isfinite(value).all() for value in load_file(one / item.file).values())


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.name)
def test_each_card_tells_what_one_needs(item):
    data = (HERE / "cards" / f"{item.name}.md").read_bytes()
    card.check(data)
    found = card.parse(data)
    assert not found.problems
    assert found.license == "apache-2.0"
    assert found.title
    assert found.summary
    assert len(found.widget) >= 2
    for widget in found.widget:
        assert all(word in widget.text.split() for word in found.trigger_words), widget.text
    for part in ("How to use it", "trained", "falls short"):
        assert part in found.body or "lorahub " in found.body


def test_the_cards_base_is_the_family_of_the_weights():
    from lorahub_server.library.derive import declared_family

    for item in ITEMS:
        data = (HERE / "cards" / f"{item.name}.md").read_bytes()
        assert declared_family(card.parse(data)) == "shapes"
