import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.kit import pagination
from lorahub_server.kit.pagination import BadCursor, clamp_limit, cut, decode, encode

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_what_goes_in_comes_out():
    cursor = encode("newest", MOMENT, "ä/b", 7, 1.5, None)
    assert decode(cursor, "newest", datetime, str, int, float, int) == [MOMENT, "ä/b", 7, 1.5, None]
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63 - 1))
def test_numbers_are_exact(number, integer):
    assert decode(encode("x", number, integer), "x", float, int) == [number, integer]


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5))])))
def test_moments_are_exact(moment):
    assert decode(encode("x", moment), "x", datetime) == [moment]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "ä",
        "a" * 3000,
        packed("x"),
        packed({}),
        packed([]),
        packed(["other", 1]),
        packed(["x"]),
        packed(["x", 1, 2]),
        packed(["x", "1"]),
        packed(["x", True]),
        packed(["x", 1.5]),
        packed(["x", 2**63]),
        packed(["x", [1]]),
        packed(["x", {"a": 1}]),
        base64.urlsafe_b64encode(b"[" * 1500).decode(),
        base64.urlsafe_b64encode(b'["x",1').decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        encode("x", 1)[:-2],
    ],
)
def test_a_bad_cursor_is_told_so(cursor):
    with pytest.raises(BadCursor) as caught:
        decode(cursor, "x", int)
    assert (caught.value.status, caught.value.code, caught.value.place) == (
        400,
        "bad_cursor",
        "cursor",
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a\0b", str),
        ("a" * 2000, str),
        (1, str),
        ("1", float),
        (float("inf"), float),
        (10**400, float),
        (10**18, datetime),
        (-(10**18), datetime),
        ("2026", datetime),
    ],
)
def test_values_that_no_query_may_see(value, kind):
    with pytest.raises(BadCursor):
        decode(packed(["x", value]), "x", kind)


def test_half_characters_are_refused():
    with pytest.raises(BadCursor):
        decode(base64.urlsafe_b64encode(b'["x","\\ud800"]').decode(), "x", str)


@given(st.text(max_size=60))
def test_nothing_else_is_ever_raised(text):
    try:
        decode(text, "x", str, int)
    except BadCursor:
        return


def test_limits_are_within_bounds():
    assert [clamp_limit(n) for n in (None, 0, -5, 7, 1000)] == [30, 1, 1, 7, 100]


def test_a_page_knows_whether_there_is_more():
    assert cut([1, 2, 3], 2, str) == ([1, 2], "2")
    assert cut([1, 2], 2, str) == ([1, 2], None)
    assert cut([], 2, str) == ([], None)
    assert pagination.Page().items == []
