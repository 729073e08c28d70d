"""Which bytes are there: compared with plain sets of numbers."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from lorahub.transfer.ranges import Ranges, split

SIZE = 60
PAIRS = st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)), max_size=12)


def as_set(pairs):
    return {number for start, end in pairs for number in range(start, end)}


@given(PAIRS)
def test_adding(pairs):
    ranges = Ranges(pairs)
    assert as_set(ranges) == as_set(pairs)
    assert ranges.total == len(as_set(pairs))
    listed = list(ranges)
    assert listed == sorted(listed)
    # They neither touch nor overlap.
    assert all(one[1] < other[0] for one, other in itertools.pairwise(listed))


@given(PAIRS, st.integers(0, SIZE), st.integers(0, SIZE))
def test_gaps(pairs, start, end):
    gaps = Ranges(pairs).gaps(start, end)
    assert as_set(gaps) == set(range(start, end)) - as_set(pairs)
    assert all(a < b for a, b in gaps)


@given(PAIRS)
def test_frontier(pairs):
    there = as_set(pairs)
    expected = next(number for number in range(SIZE + 1) if number not in there)
    assert Ranges(pairs).frontier == expected


@given(PAIRS, st.integers(1, 20))
def test_splitting_loses_nothing(pairs, piece):
    missing = Ranges(pairs).gaps(0, SIZE)
    pieces = split(missing, piece)
    assert as_set(pieces) == as_set(missing)
    assert sum(end - start for start, end in pieces) == len(as_set(missing))
    assert all(0 < end - start <= piece for start, end in pieces)
    assert pieces == sorted(pieces)
