"""A card in fields: what nobody changes stays, and two people's changes come together."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.library import card as cards
from lorahub_server.library import card_form
from lorahub_server.library.card_form import Fields, apply, faults, fields_of, merged, tidied

CARD = b"""---
license: mit  # ours
base_model: [a/one, b/two]
tags:
- style
instance_prompt: glass
trigger_words: [lead]
weight: 0.7
model-index: [{name: x}]
---
# Stained *glass*

Text.
"""


def test_the_fields_of_a_card():
    assert fields_of(CARD) == Fields(
        title="Stained *glass*", license="mit", base_model="a/one\nb/two", tags="style",
        trigger_words="glass, lead", strength="0.7", body="Text.",
    )  # fmt: skip
    assert fields_of(b"") == Fields()


def test_what_is_not_changed_stays_to_the_byte():
    assert apply(CARD, fields_of(CARD)) == CARD
    made = apply(CARD, replace(fields_of(CARD), tags="style, new"))
    assert made == CARD.replace(b"- style\n", b"- style\n- new\n")


def test_changes():
    given = replace(
        fields_of(CARD), title="Other", license="cc-by-4.0", base_model="c/three",
        trigger_words="glass, stone", strength="0.5-0.8", body="New\n\ntext",
    )  # fmt: skip
    made = apply(CARD, given)
    assert fields_of(made) == given
    front = cards.parse(made).front
    assert (front["base_model"], front["instance_prompt"], front["trigger_words"]) == (
        "c/three", "glass", ["stone"],
    )  # fmt: skip
    assert front["model-index"] == [{"name": "x"}]
    assert "weight" not in front
    assert "instance_prompt" not in cards.parse(apply(CARD, replace(given, trigger_words=""))).front


def test_a_first_card():
    made = apply(b"", Fields(title="Glass", license="mit", body="Text"))
    assert made == b"---\nlicense: mit\n---\n\n# Glass\n\nText\n"


def test_faults_stand_at_their_fields():
    before = fields_of(CARD)
    wrong = Fields(
        title="x" * 300, license="nothing", base_model="not a name", tags="t" * 80,
        trigger_words="w" * 200, strength="much", body="",
    )  # fmt: skip
    assert set(faults(wrong, before)) == {
        "title", "license", "base_model", "tags", "trigger_words", "strength",
    }  # fmt: skip
    assert faults(before, before) == {}
    odd = fields_of(b"---\nlicense: my-own\nbase_model: a local folder\n---\n")
    assert faults(odd, odd) == {}


def test_two_people_s_changes():
    base = fields_of(CARD)
    mine = replace(base, title="Mine", tags="mine")
    theirs = replace(base, title="Theirs", license="cc0-1.0")
    both, clashes = merged(base, mine, theirs)
    assert both == replace(base, title="Mine", tags="mine", license="cc0-1.0")
    assert clashes == {"title": "Theirs"}
    assert merged(base, mine, mine) == (mine, {})


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@given(st.builds(Fields, **dict.fromkeys(card_form.NAMES, WORDS)))
def test_whatever_is_filled_in_is_kept_or_refused(given):
    wish = tidied(given)
    if faults(wish, Fields()):
        return
    made = apply(b"", wish)
    cards.check(made)
    seen = fields_of(made)
    assert seen.license == wish.license
    assert apply(made, seen) == made


@pytest.mark.parametrize("text", [b"---\nlicense: [mit\n---\nx", b"\xff\xfe"])
def test_what_can_not_be_read_is_told(text):
    with pytest.raises(cards.InvalidCard):
        apply(text, Fields(title="x"))
