import base64
import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from lorahub_server.access.authenticate import authenticate, is_touch_due, token_of_header, touch
from lorahub_server.accounts import service, sessions, tokens
from lorahub_server.accounts.errors import TokenExpired, TokenInvalid
from lorahub_server.accounts.tables import Account, ApiToken, LoginSession
from lorahub_server.kit.clock import now

# Made once by new_token(); fixed, so that all processes of a run see the same tests.
TOKEN = "lh_dYtwpZlde7Ztdj0QUQ0keOyma41udrVPsefF2Jk57H"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.fixture
def alice(db, settings) -> dict[str, str]:
    with db.write() as session:
        account = service.insert_account(session, "alice", None)
        _, reader = tokens.create_token(session, settings, account, "r", ["read"])
        _, writer = tokens.create_token(session, settings, account, "w", ["write"])
        cookie = sessions.open_session(session, settings, account)
    return {"reader": reader, "writer": writer, "cookie": cookie}


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer {TOKEN}",
        f"bearer   {TOKEN} ",
        basic(f"alice:{TOKEN}"),
        basic(f":{TOKEN}"),
        basic(f"{TOKEN}:"),
        basic(f"{TOKEN}:x-oauth-basic"),
        basic(TOKEN),
    ],
)
def test_token_of_header(header):
    assert token_of_header(header) == TOKEN


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Token {TOKEN}",
        "Basic",
        "Basic !!!",
        "Basic /w==",
        "Digest x=y",
        "Basic \ud800",
        "Basic é",
    ],
)
def test_headers_that_are_not_understood(header):
    with pytest.raises(TokenInvalid) as caught:
        token_of_header(header)
    assert caught.value.status == 401


@given(st.text(max_size=80) | st.text(max_size=60).map(lambda t: f"Basic {t}"))
def test_any_header_is_a_token_or_refused(header):
    with contextlib.suppress(TokenInvalid):
        assert isinstance(token_of_header(header), str)


def test_callers(db, settings, alice):
    with db.read() as session:
        by_token = authenticate(
            session, settings, authorization=f"Bearer {alice['reader']}", cookie=None
        )
        assert (by_token.name, by_token.via, by_token.scopes) == ("alice", "token", {"read"})
        assert by_token.token.name == "r"
        by_basic = authenticate(
            session, settings, authorization=basic(f"any:{alice['writer']}"), cookie=None
        )
        assert by_basic.scopes == {"read", "write"}
        by_cookie = authenticate(session, settings, authorization=None, cookie=alice["cookie"])
        assert (by_cookie.name, by_cookie.via) == ("alice", "session")
        assert by_cookie.scopes == {"read", "write"}
        assert by_cookie.login is not None
        for cookie in (None, "", "stale"):
            caller = authenticate(session, settings, authorization=None, cookie=cookie)
            assert (caller.via, caller.is_anonymous) == ("anonymous", True)


def test_a_bad_token_never_falls_back_to_the_cookie(db, settings, alice):
    with db.write() as session:
        session.execute(
            update(ApiToken)
            .where(ApiToken.name == "r")
            .values(expires_at=now() - timedelta(days=1))
        )
    for header, error in [
        (f"Bearer {TOKEN}", TokenInvalid),
        ("Bearer hf_abc", TokenInvalid),
        ("", TokenInvalid),
        (f"Bearer {alice['reader']}", TokenExpired),
    ]:
        with db.read() as session, pytest.raises(error):
            authenticate(session, settings, authorization=header, cookie=alice["cookie"])


def test_deleted_accounts_have_no_callers(db, settings, alice):
    with db.write() as session:
        session.execute(update(Account).values(deleted_at=now()))
    with db.read() as session:
        with pytest.raises(TokenInvalid):
            authenticate(session, settings, authorization=f"Bearer {alice['reader']}", cookie=None)
        caller = authenticate(session, settings, authorization=None, cookie=alice["cookie"])
        assert caller.is_anonymous


def ask(db, settings, *, token=None, cookie=None):
    with db.read() as session:
        header = None if token is None else f"Bearer {token}"
        return authenticate(session, settings, authorization=header, cookie=cookie)


def touch_it(db, caller) -> None:
    with db.write() as session:
        touch(session, caller)


def test_the_use_of_a_token_is_recorded_once_an_hour(db, settings, alice):
    caller = ask(db, settings, token=alice["reader"])
    assert is_touch_due(caller)
    touch_it(db, caller)
    with db.read() as session:
        used = dict(session.execute(select(ApiToken.name, ApiToken.last_used_at)).all())
        assert used["w"] is None
        assert now() - used["r"] < timedelta(minutes=1)
    fresh = ask(db, settings, token=alice["reader"])
    assert not is_touch_due(fresh)
    touch_it(db, caller)  # one who looked before the first touch
    with db.read() as session:
        assert dict(session.execute(select(ApiToken.name, ApiToken.last_used_at)).all()) == used


def test_sessions_in_use_live_on(db, settings, alice):
    assert not is_touch_due(ask(db, settings, cookie=alice["cookie"]))
    old = now() - timedelta(days=20)
    with db.write() as session:
        session.execute(
            update(LoginSession).values(last_used_at=old, expires_at=old + sessions.LIFETIME)
        )
    caller = ask(db, settings, cookie=alice["cookie"])
    assert is_touch_due(caller)
    touch_it(db, caller)
    with db.read() as session:
        row = session.scalars(select(LoginSession)).one()
        assert row.expires_at - now() > timedelta(days=29)
        assert now() - row.last_used_at < timedelta(minutes=1)


def test_nobody_has_nothing_to_touch(db, settings):
    caller = ask(db, settings)
    assert not is_touch_due(caller)
    touch_it(db, caller)
