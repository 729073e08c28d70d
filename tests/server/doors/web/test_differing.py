"""What two texts do not have in common."""

import random

import pytest

from lorahub_server.doors.web.differing import differing


def marks(before, after):
    """Both texts with brackets around what differs."""
    found = differing(before, after)
    return tuple(
        "".join(f"[{one.text}]" if one.differs else one.text for one in pieces) for pieces in found
    )


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("a red star", "a red star", ("a red star", "a red star")),
        ("a red star", "a blue star", ("a [red] star", "a [blue] star")),
        ("a star", "a star\n\nthat shines", ("a star", "a star\n\n[that shines]")),
        ("one two", "three", ("[one two]", "[three]")),
        # Only the space between words is other: nothing that people see.
        ("a  b\n", "a b", ("a  b\n", "a b")),
        ("", "a", ("", "a")),
        (None, "a", ("", "a")),
        ("a", None, ("a", "")),
    ],
)
def test_words_are_marked(before, after, told):
    assert marks(before, after) == told


def test_nothing_is_lost():
    chance = random.Random(5)
    for _ in range(300):
        before, after = (
            "".join(
                chance.choice(["a", "b", " ", "\n", "é"]) for _ in range(chance.randrange(1, 30))
            )
            for _ in range(2)
        )
        found = differing(before, after)
        assert "".join(one.text for one in found.before) == before
        assert "".join(one.text for one in found.after) == after


def test_long_texts_are_shown_without_marks():
    before, after = "a b " * 5000, "b a " * 5000
    assert marks(before, after) == (before, after)
