import threading

import pytest
from sqlalchemy import func, select

from lorahub_server.accounts import service, sessions, tokens
from lorahub_server.accounts.errors import (
    AccountNotFound,
    BadCredentials,
    InvalidProfile,
    NameTaken,
)
from lorahub_server.accounts.tables import Account, ApiToken, LoginSession, NameClaim
from lorahub_server.kit.names import InvalidName
from lorahub_server.kit.passwords import InvalidPassword

GOOD = "correct horse battery"


def test_create_and_check_password(db):
    with db.write() as session:
        made = service.create_account(session, "Alice-1", GOOD, is_admin=True)
        assert made.id
    with db.read() as session:
        account = service.check_password(session, "alice-1", GOOD)
        assert (account.name, account.kind, account.is_admin) == ("Alice-1", "user", True)
        assert account.created_at.tzinfo is not None
        assert GOOD not in account.password_hash
        assert service.get_account(session, "ALICE-1").id == account.id


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong password"),
        ("nobody-here", GOOD),
        ("alice\x00", GOOD),
        ("", ""),
        ("é" * 99, "x"),
    ],
)
def test_unknown_and_wrong_answer_alike(db, name, password):
    with db.write() as session:
        service.create_account(session, "alice", GOOD)
    with db.read() as session, pytest.raises(BadCredentials) as caught:
        service.check_password(session, name, password)
    assert (caught.value.status, caught.value.code) == (401, "bad_credentials")
    assert str(caught.value) == "The name or the password is wrong. Check both and try again."


def test_bad_names_and_passwords_are_refused(db):
    with db.write() as session:
        with pytest.raises(InvalidName):
            service.create_account(session, "api", GOOD)
        with pytest.raises(InvalidPassword):
            service.create_account(session, "alice", "password")
        assert session.scalar(select(func.count()).select_from(Account)) == 0


@pytest.mark.parametrize(
    ("name", "words"), [("alice", "is taken"), ("ALICE", "is taken"), ("a1ice", "looks too much")]
)
def test_taken_names_and_look_alikes(db, add, name, words):
    add("alice")
    with db.write() as session, pytest.raises(NameTaken, match=words) as caught:
        service.create_account(session, name, GOOD)
    assert (caught.value.status, caught.value.code) == (409, "name_taken")
    assert caught.value.place == "name"


def test_the_unique_index_catches_what_the_look_came_too_early_for(db, add, monkeypatch):
    add("alice")
    add("carol")
    monkeypatch.setattr(service.queries, "claimant", lambda *_: None)
    with db.write() as session:
        with pytest.raises(NameTaken):
            service.insert_account(session, "a1ice", None)
        bob = service.insert_account(session, "bob", None)  # the transaction is still good
        with pytest.raises(NameTaken):
            service.rename_account(session, bob, "Carol")
        session.flush()
    with db.read() as session:
        assert set(session.scalars(select(Account.name))) == {"alice", "carol", "bob"}


def test_of_signups_at_once_one_wins(db):
    spellings = ["alice", "Alice", "a1ice", "al-ice", "ALICE", "aIice"]
    outcomes = []
    barrier = threading.Barrier(len(spellings))

    def one(name):
        barrier.wait()
        try:
            with db.write() as session:
                service.insert_account(session, name, None)
            outcomes.append("made")
        except NameTaken:
            outcomes.append("taken")

    threads = [threading.Thread(target=one, args=(name,)) for name in spellings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", *["taken"] * 5]
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 1
        assert session.scalar(select(func.count()).select_from(NameClaim)) == 1


def test_rename_keeps_the_old_name_for_its_owner(db, add, load):
    alice = add("alice")
    with db.write() as session:
        service.rename_account(session, load(session, alice), "wonder")
    with db.read() as session:
        assert service.find_account(session, "alice") is None
        assert service.find_renamed(session, "Alice").name == "wonder"
        assert service.find_renamed(session, "a1ice") is None
        assert service.find_renamed(session, "wonder") is None
    for name in ("alice", "A1ice", "wonder"):
        with db.write() as session, pytest.raises(NameTaken):
            service.insert_account(session, name, None)
    with db.write() as session:  # and back, in another spelling
        service.rename_account(session, load(session, alice), "A1ice")
    with db.write() as session:
        service.rename_account(session, load(session, alice), "alice")
    with db.read() as session:
        assert service.get_account(session, "alice").id == alice
        assert service.find_renamed(session, "alice") is None
        assert service.find_renamed(session, "a1ice").id == alice


def test_rename_to_anothers_name_past_or_present(db, add, load):
    alice, bob = add("alice"), add("bob")
    with db.write() as session:
        service.rename_account(session, load(session, alice), "wonder")
    for name in ("alice", "w0nder"):
        with db.write() as session, pytest.raises(NameTaken):
            service.rename_account(session, load(session, bob), name)
    with db.write() as session, pytest.raises(InvalidName):
        service.rename_account(session, load(session, bob), "admin")


def test_deleted_accounts_keep_only_their_name(db, settings):
    with db.write() as session:
        account = service.create_account(session, "alice", GOOD, is_admin=True)
        service.update_profile(
            session, account, display_name="A", bio="B", website="https://a.example"
        )
        cookie = sessions.open_session(session, settings, account)
        tokens.create_token(session, settings, account, "t", ["read"])
        service.delete_account(session, account)
    with db.read() as session:
        row = session.scalars(select(Account)).one()
        assert (row.name, row.display_name, row.bio, row.website) == ("alice", "", "", "")
        assert (row.password_hash, row.email, row.is_admin) == (None, None, False)
        assert row.deleted_at is not None
        assert session.scalar(select(func.count()).select_from(LoginSession)) == 0
        assert session.scalar(select(func.count()).select_from(ApiToken)) == 0
        assert sessions.find_session(session, settings, cookie) is None
        with pytest.raises(AccountNotFound) as caught:
            service.get_account(session, "alice")
        assert caught.value.status == 404
        with pytest.raises(BadCredentials):
            service.check_password(session, "alice", GOOD)
    for name in ("alice", "a1ice"):
        with db.write() as session, pytest.raises(NameTaken):
            service.insert_account(session, name, None)


def test_set_password_signs_out_everywhere(db, settings):
    with db.write() as session:
        account = service.create_account(session, "alice", GOOD)
        cookie = sessions.open_session(session, settings, account)
        with pytest.raises(InvalidPassword):
            service.set_password(session, account, "alice")
        service.set_password(session, account, "another good one")
    with db.read() as session:
        assert sessions.find_session(session, settings, cookie) is None
        service.check_password(session, "alice", "another good one")
        with pytest.raises(BadCredentials):
            service.check_password(session, "alice", GOOD)


def test_profile(db, add, load):
    alice = add("alice")
    with db.write() as session:
        account = load(session, alice)
        service.update_profile(session, account, display_name="  Al  ice ", bio="one\r\ntwo\n")
        service.update_profile(session, account, website=" https://alice.example/x?y=1 ")
    with db.read() as session:
        account = load(session, alice)
        assert (account.display_name, account.bio) == ("Al ice", "one\ntwo")
        assert account.website == "https://alice.example/x?y=1"
    with db.write() as session:
        service.update_profile(session, load(session, alice), website="")
    with db.read() as session:
        account = load(session, alice)
        assert (account.website, account.display_name) == ("", "Al ice")


@pytest.mark.parametrize(
    "change",
    [
        {"display_name": "x" * 81},
        {"display_name": "a\x00b"},
        {"bio": "x" * 1001},
        {"bio": "a\x1bb"},
        {"bio": "\ud800"},
        {"website": "javascript:alert(1)"},
        {"website": "alice.example"},
        {"website": "https://"},
        {"website": "https://[bad"},
        {"website": "https://a b.example"},
        {"website": "https://hub.example@evil.example"},
        {"website": "https://a.example/" + "x" * 300},
    ],
)
@pytest.mark.parametrize("accounts_db", ["sqlite"], indirect=True)
def test_bad_profiles(db, add, load, change):
    alice = add("alice")
    with db.write() as session, pytest.raises(InvalidProfile) as caught:
        service.update_profile(session, load(session, alice), **change)
    assert (caught.value.status, caught.value.code) == (422, "invalid_profile")
    assert caught.value.place == next(iter(change))
