from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from lorahub_server.accounts import sessions
from lorahub_server.accounts.tables import LoginSession
from lorahub_server.kit.clock import now


def open_one(db, settings, load, account_id, **options) -> str:
    with db.write() as session:
        return sessions.open_session(session, settings, load(session, account_id), **options)


def count(db) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(LoginSession))


def test_open_find_close(db, settings, add, load):
    cookie = open_one(db, settings, load, add("alice"), user_agent="Fire\x00fox" + "x" * 500)
    with db.read() as session:
        found = sessions.find_session(session, settings, cookie)
        assert found.account.name == "alice"
        assert found.user_agent.startswith("Firefox")
        assert cookie not in found.secret_hash
        assert timedelta(days=29) < found.expires_at - now() <= sessions.LIFETIME
        for wrong in ("", cookie + "x", "x" * 10_000, "\ud800", found.secret_hash):
            assert sessions.find_session(session, settings, wrong) is None
    with db.write() as session:
        sessions.close_session(session, settings, "unknown")
        sessions.close_session(session, settings, cookie)
    with db.read() as session:
        assert sessions.find_session(session, settings, cookie) is None


def test_expired_sessions_end_and_go(db, settings, add, load):
    alice = add("alice")
    cookie = open_one(db, settings, load, alice)
    with db.write() as session:
        session.execute(update(LoginSession).values(expires_at=now() - timedelta(seconds=1)))
    with db.read() as session:
        assert sessions.find_session(session, settings, cookie) is None
    open_one(db, settings, load, alice)
    assert count(db) == 1
    with db.write() as session:
        session.execute(update(LoginSession).values(expires_at=now() - timedelta(seconds=1)))
    with db.write() as session:
        sessions.purge_expired(session)
    assert count(db) == 0


def test_sign_out_everywhere_or_elsewhere(db, settings, add, load):
    alice, bob = add("alice"), add("bob")
    cookies = [open_one(db, settings, load, alice) for _ in range(3)]
    theirs = open_one(db, settings, load, bob)
    with db.write() as session:
        mine = sessions.find_session(session, settings, cookies[0])
        sessions.close_all_sessions(session, mine.account, keep=mine.id)
    with db.read() as session:
        assert [bool(sessions.find_session(session, settings, c)) for c in cookies] == [1, 0, 0]
        assert len(sessions.list_sessions(session, load(session, alice))) == 1
    with db.write() as session:
        sessions.close_all_sessions(session, load(session, alice))
    with db.read() as session:
        assert sessions.list_sessions(session, load(session, alice)) == []
        assert sessions.find_session(session, settings, theirs)


@pytest.mark.parametrize(
    ("url", "secure"), [("https://hub.example", True), ("http://127.0.0.1:8000", False)]
)
def test_cookie_options(settings, url, secure):
    options = sessions.cookie_options(settings.model_copy(update={"public_url": url}))
    assert options["secure"] is secure
    assert (options["httponly"], options["samesite"], options["path"]) == (True, "lax", "/")
    assert options["max_age"] == 30 * 24 * 3600
