import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.kit import csrf

KEY = b"k" * 32


def test_a_token_is_good_for_its_cookie_and_session_only():
    cookie = csrf.new_cookie()
    token = csrf.issue(KEY, cookie, "session")
    csrf.check(KEY, token, cookie, "session")
    for key, other, session in [
        (b"x" * 32, cookie, "session"),
        (KEY, csrf.new_cookie(), "session"),
        (KEY, cookie, ""),
        (KEY, cookie, "session2"),
        (KEY, "", "session"),
        (KEY, None, "session"),
    ]:
        with pytest.raises(csrf.CsrfFailed) as caught:
            csrf.check(key, token, other, session)
        assert (caught.value.status, caught.value.code) == (403, "csrf_failed")


def test_every_form_has_another_token():
    cookie = csrf.new_cookie()
    assert csrf.issue(KEY, cookie) != csrf.issue(KEY, cookie)


def test_cookie_and_session_do_not_run_into_each_other():
    token = csrf.issue(KEY, "ab", "c")
    assert not csrf.is_valid(KEY, token, "a", "bc")


@given(st.text(max_size=100))
def test_any_text_is_no_token(text):
    assert not csrf.is_valid(KEY, text, "cookie")


@pytest.mark.parametrize("position", [0, 31, 32, -1])
def test_a_changed_token_is_refused(position):
    token = csrf.issue(KEY, "cookie")
    changed = list(token)
    changed[position] = "0" if token[position] != "0" else "1"
    assert not csrf.is_valid(KEY, "".join(changed), "cookie")


@pytest.mark.parametrize(
    ("origin", "site", "ok"),
    [
        (None, None, True),
        (None, "same-origin", True),
        (None, "none", True),
        ("https://hub.example", None, True),
        ("https://hub.example:443", None, True),
        ("https://HUB.example", None, True),
        ("https://hub.example", "same-origin", True),
        # A proxy we know nothing of: the browser knows the address it used.
        ("http://other.name:8080", "same-origin", True),
        (None, "cross-site", False),
        (None, "same-site", False),
        (None, "", False),
        ("https://hub.example", "cross-site", False),
        ("http://hub.example", None, False),
        ("https://hub.example:8443", None, False),
        ("https://hub.example.evil.example", None, False),
        ("https://evil.example", None, False),
        ("null", None, False),
        ("null", "same-origin", False),
        ("", None, False),
        ("https://[bad", None, False),
        ("https://hub.example:x", None, False),
    ],
)
def test_origin(origin, site, ok):
    allowed = ["https://hub.example/"]
    assert csrf.is_same_origin(allowed, origin=origin, sec_fetch_site=site) is ok
    if not ok:
        with pytest.raises(csrf.CsrfFailed):
            csrf.check_origin(allowed, origin=origin, sec_fetch_site=site)


def test_a_broken_public_url_allows_nothing():
    assert not csrf.is_same_origin(["not a url"], origin="also none", sec_fetch_site=None)
