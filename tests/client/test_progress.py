"""What a person sees while bytes move."""

import io
import os
import pty
import select

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub.progress import Terminal, bar_line, duration, listed, size


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (150_000_000, "150 MB"),
     (1_234_567_890, "1.2 GB"), (5 * 10**15, "5000 TB")],
)  # fmt: skip
def test_sizes(count, text):
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h 0 min"),
        (10**9, "999 h 0 min"),
        (float("inf"), "999 h 0 min"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_lists_of_names():
    assert listed(["a", "b"]) == "a, b"
    assert listed([*"abcdefg"], 3) == "a, b, c and 4 more"


@given(
    st.text(max_size=60),
    st.integers(-5, 10**13),
    st.integers(0, 10**13),
    st.floats(0, 10**12),
    st.integers(1, 200),
)
def test_a_line_always_fits(label, done, total, speed, columns):
    assert len(bar_line(label, done, total, speed, columns)) < max(columns, 1)


def test_nothing_is_drawn_where_nobody_looks():
    stream = io.StringIO()
    shown = Terminal(stream)
    shown.start("x", 100)
    shown.add(50)
    shown.note("a note")
    shown.add(50)
    shown.stop()
    assert stream.getvalue() == "a note\n"


def test_a_terminal_gets_a_bar_and_is_left_clean():
    near, far = pty.openpty()
    with os.fdopen(far, "w") as stream:
        shown = Terminal(stream)
        shown.start("alice/style", 100)
        shown.add(50)
        shown.note("a note")
        shown.stop()
        with os.fdopen(near, "rb", buffering=0) as reader:
            # A terminal hands over what is there so far.
            text = ""
            while select.select([reader], [], [], 0.5)[0]:
                text += reader.read(4096).decode()
    assert " 50%" in text
    # Before the note and at the end the bar is wiped.
    assert "\r\x1b[Ka note" in text
