import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from lorahub_server.accounts import service, sessions, signin
from lorahub_server.accounts.errors import BadCredentials, NameTaken
from lorahub_server.accounts.tables import Account
from lorahub_server.kit import passwords
from lorahub_server.kit.names import InvalidName
from lorahub_server.kit.passwords import InvalidPassword
from lorahub_server.kit.ratelimit import Limit, RateLimited

GOOD = "correct horse battery"
HERE = "192.0.2.1"


def test_sign_up_signs_in(db, settings):
    made = signin.sign_up(db, settings, "Alice", GOOD, address=HERE, user_agent="Firefox")
    with db.read() as session:
        found = sessions.find_session(session, settings, made.cookie)
        assert (found.account.id, found.account.name) == (made.account_id, "Alice")
    again = signin.sign_in(db, settings, "alice", GOOD, address=HERE)
    assert (again.account_id, again.name) == (made.account_id, "Alice")
    assert again.cookie != made.cookie


def test_refused_signups_cost_no_try(db, settings, monkeypatch):
    monkeypatch.setattr(signin, "SIGNUP", Limit("signup", 1, 3600, "new accounts"))
    for name, password, error in [
        ("api", GOOD, InvalidName),
        ("alice", "short", InvalidPassword),
    ]:
        with pytest.raises(error):
            signin.sign_up(db, settings, name, password, address=HERE)
    signin.sign_up(db, settings, "alice", GOOD, address=HERE)
    with pytest.raises(NameTaken):
        signin.sign_up(db, settings, "a1ice", GOOD, address=HERE)
    with pytest.raises(RateLimited):
        signin.sign_up(db, settings, "bob", GOOD, address=HERE)
    signin.sign_up(db, settings, "bob", GOOD, address="192.0.2.2")


def test_guessing_is_stopped_for_the_account_and_network_only(db, settings, monkeypatch):
    monkeypatch.setattr(signin, "LOGIN", Limit("login", 3, 900, "failed sign-ins"))
    with db.write() as session:
        service.create_account(session, "alice", GOOD)
        service.create_account(session, "bob", GOOD)
    for name in ("alice", "Alice", "ALICE"):
        with pytest.raises(BadCredentials):
            signin.sign_in(db, settings, name, "wrong", address=HERE)
    with pytest.raises(RateLimited):
        signin.sign_in(db, settings, "alice", GOOD, address=HERE)
    signin.sign_in(db, settings, "bob", GOOD, address=HERE)
    signin.sign_in(db, settings, "alice", GOOD, address="192.0.2.2")


def test_good_signins_are_never_too_many(db, settings, monkeypatch):
    monkeypatch.setattr(signin, "LOGIN", Limit("login", 2, 900, "failed sign-ins"))
    monkeypatch.setattr(signin, "LOGIN_NETWORK", Limit("login-network", 2, 900, "failed sign-ins"))
    with db.write() as session:
        service.create_account(session, "alice", GOOD)
    with pytest.raises(BadCredentials):
        signin.sign_in(db, settings, "alice", "wrong", address=HERE)
    for _ in range(4):
        signin.sign_in(db, settings, "alice", GOOD, address=HERE)
    with pytest.raises(BadCredentials):
        signin.sign_in(db, settings, "bob", "wrong", address=HERE)
    with pytest.raises(RateLimited):
        signin.sign_in(db, settings, "carol", "wrong", address=HERE)


def test_old_hashes_are_renewed(db, settings):
    old = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(GOOD)
    with db.write() as session:
        service.insert_account(session, "alice", old)
    signin.sign_in(db, settings, "alice", GOOD, address=HERE)
    with db.read() as session:
        stored = session.scalars(select(Account.password_hash)).one()
    assert stored != old
    assert not passwords.needs_rehash(stored)
    signin.sign_in(db, settings, "alice", GOOD, address=HERE)
    with db.read() as session:
        assert session.scalars(select(Account.password_hash)).one() == stored


def test_change_password_ends_the_other_sessions(db, settings):
    here = signin.sign_up(db, settings, "alice", GOOD, address=HERE)
    other = signin.sign_in(db, settings, "alice", GOOD, address=HERE)
    with db.read() as session:
        keep = sessions.find_session(session, settings, here.cookie).id

    def change(current: str, new: str) -> None:
        signin.change_password(db, "alice", current, new, address=HERE, keep_session=keep)

    with pytest.raises(BadCredentials):
        change("wrong", "another good one")
    with pytest.raises(InvalidPassword):
        change(GOOD, "alice")
    change(GOOD, "another good one")
    with db.read() as session:
        assert sessions.find_session(session, settings, here.cookie)
        assert sessions.find_session(session, settings, other.cookie) is None
    signin.sign_in(db, settings, "alice", "another good one", address=HERE)
    with pytest.raises(BadCredentials):
        signin.sign_in(db, settings, "alice", GOOD, address=HERE)


@pytest.mark.parametrize("act", ["sign_in", "change_password"])
def test_a_password_changed_meanwhile_counts(db, settings, monkeypatch, act):
    signin.sign_up(db, settings, "alice", GOOD, address=HERE)
    real = service.check_password

    def check_then_change(session, name, password):
        account = real(session, name, password)
        session.expunge(account)
        session.rollback()
        with db.write() as other:
            other.execute(update(Account).values(password_hash="changed"))
        return account

    monkeypatch.setattr(service, "check_password", check_then_change)
    acts = {
        "sign_in": lambda: signin.sign_in(db, settings, "alice", GOOD, address=HERE),
        "change_password": lambda: signin.change_password(
            db, "alice", GOOD, "another good one", address=HERE
        ),
    }
    with pytest.raises(BadCredentials, match="just now"):
        acts[act]()
