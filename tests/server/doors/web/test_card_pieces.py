"""Cards that are rendered once: the same for the same facts, another one for any other fact."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest
from markupsafe import Markup

from lorahub_server.doors.web.card_pieces import card_piece
from lorahub_server.kit.clock import now
from lorahub_server.library.model import RepoCard

OLD = now() - timedelta(days=400)
CARD = RepoCard(
    id=1, owner="maren", name="glass", private=False, default_branch="main", revision="a" * 40,
    title="Glass", summary="", license="mit", base_model=None, family="sdxl", family_declared=None,
    layout="kohya", method="lora", rank=8, size=10, adapters=1, trigger_words=["glass"], tags=["a"],
    health="ok", cover=None, cover_size=None, cover_picture=None, stars=1, downloads=2,
    starred=False, created_at=OLD, updated_at=OLD, published_at=OLD,
)  # fmt: skip


@pytest.fixture
def made():
    """A macro, and the cards that it was asked for."""
    asked = []

    def macro(item, *how):
        asked.append((item, *how))
        return Markup(f"{len(asked)}")

    macro.asked = asked
    return macro


def other(value):
    if isinstance(value, list | tuple):
        return type(value)(["another"])
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 7
    return f"{value}x" if isinstance(value, str) else OLD - timedelta(days=1)


def test_the_same_facts_are_rendered_once(made):
    name = "once"
    first = card_piece(made, replace(CARD, name=name), 3, True)
    assert card_piece(made, replace(CARD, name=name), 3, True) == first
    assert len(made.asked) == 1
    assert card_piece(made, replace(CARD, name=name), 4, True) != first


@pytest.mark.parametrize("field", [one.name for one in fields(RepoCard)])
def test_each_fact_counts(made, field):
    card = replace(CARD, name="each")
    changed = replace(card, **{field: other(getattr(card, field))})
    assert card_piece(made, card, field) != card_piece(made, changed, field)


def test_what_is_new_grows_old(made, monkeypatch):
    card = replace(CARD, name="young", published_at=now(), updated_at=now())
    first = card_piece(made, card)
    moment = now() + timedelta(days=3)
    monkeypatch.setattr("lorahub_server.doors.web.card_words.now", lambda: moment)
    assert card_piece(made, card) != first
