"""Strengths as cards write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.library import strength


@pytest.mark.parametrize(
    ("written", "text", "best"),
    [
        (0.8, "0.8", 0.8),
        (1, "1", 1.0),
        ("0.6-0.9", "0.6 to 0.9", 0.75),
        ("0.6 to 0,9", "0.6 to 0.9", 0.75),
        ("-1 - 1", "-1 to 1", 0.0),
        ([0.9, 0.6], "0.6 to 0.9", 0.75),
        ({"min": 0.5, "max": 1}, "0.5 to 1", 0.75),
    ],
)
def test_what_is_understood(written, text, best):
    found = strength.parse(written)
    assert (found.text, found.best) == (text, best)


@pytest.mark.parametrize("written", [None, True, "", "strong", "80", 80, "1-2-3", [1, 2, 3], {}])
def test_what_is_left(written):
    assert strength.parse(written) is None


def test_the_plainest_key_counts():
    assert strength.of({"weight": 0.5, "strength": 0.7}).best == 0.7
    assert strength.of({"strength": "much", "lora_scale": "0.4"}).best == 0.4
    assert strength.of({}) is None


@given(st.text(max_size=60) | st.floats() | st.lists(st.integers() | st.text(max_size=5)))
def test_anything_may_be_written(thing):
    found = strength.parse(thing)
    assert found is None or -10 <= found.low <= found.best <= found.high <= 10
