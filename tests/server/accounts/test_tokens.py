from datetime import timedelta

import pytest
from sqlalchemy import event, update

from lorahub_server.accounts import tokens
from lorahub_server.accounts.errors import (
    InvalidTokenRequest,
    TokenExpired,
    TokenInvalid,
    TokenNotFound,
    TooManyTokens,
)
from lorahub_server.accounts.tables import ApiToken
from lorahub_server.kit.clock import now
from lorahub_server.kit.tokens import new_token


@pytest.fixture
def alice(db, add, load):
    account_id = add("alice")
    with db.read() as session:
        return load(session, account_id)


def make(db, settings, load, account_id, scopes=("read",), **options) -> tuple[int, str]:
    with db.write() as session:
        row, plain = tokens.create_token(
            session, settings, load(session, account_id), "my laptop", scopes, **options
        )
        return row.id, plain


def test_create_find_revoke(db, settings, add, load):
    alice, bob = add("alice"), add("bob")
    token_id, plain = make(db, settings, load, alice, ["write"])
    with db.read() as session:
        row = tokens.find_token(session, settings, plain)
        assert (row.account.name, row.name, row.hint) == ("alice", "my laptop", plain[-4:])
        assert row.scopes == {"read", "write"}
        assert plain not in row.secret_hash
        assert tokens.list_tokens(session, load(session, alice)) == [row]
        assert tokens.list_tokens(session, load(session, bob)) == []
    with db.write() as session, pytest.raises(TokenNotFound):
        tokens.revoke_token(session, load(session, bob), token_id)
    with db.write() as session:
        tokens.revoke_token(session, load(session, alice), token_id)
    with db.read() as session, pytest.raises(TokenInvalid) as caught:
        tokens.find_token(session, settings, plain)
    assert (caught.value.status, caught.value.code) == (401, "token_invalid")


def test_read_only_token(db, settings, add, load):
    _, plain = make(db, settings, load, add("alice"))
    with db.read() as session:
        assert tokens.find_token(session, settings, plain).scopes == {"read"}


def test_expiry(db, settings, add, load):
    soon = now() + timedelta(days=1)
    _, plain = make(db, settings, load, add("alice"), expires_at=soon)
    with db.read() as session:
        assert tokens.find_token(session, settings, plain).expires_at == soon
    with db.write() as session:
        session.execute(update(ApiToken).values(expires_at=now()))
    with db.read() as session, pytest.raises(TokenExpired) as caught:
        tokens.find_token(session, settings, plain)
    assert (caught.value.status, caught.value.code) == (401, "token_expired")


def test_a_mistyped_token_never_reaches_the_database(db, settings, add, load):
    _, plain = make(db, settings, load, add("alice"))
    statements = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    with db.read() as session:
        for wrong in (
            plain[:-1] + ("0" if plain[-1] != "0" else "1"),
            "hf_abc",
            "",
            "\ud800",
            "é" * 45,
        ):
            with pytest.raises(TokenInvalid):
                tokens.find_token(session, settings, wrong)
        assert not [s for s in statements if "api_tokens" in s]
        with pytest.raises(TokenInvalid):
            tokens.find_token(session, settings, new_token())
        assert [s for s in statements if "api_tokens" in s]


@pytest.mark.parametrize(
    ("wish", "place"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes"),
        ({"scopes": ["read", "Write"]}, "scopes"),
        ({"expires_at": now() - timedelta(days=1)}, "expires_at"),
        ({"expires_at": (now() + timedelta(days=1)).replace(tzinfo=None)}, "expires_at"),
    ],
)
@pytest.mark.parametrize("accounts_db", ["sqlite"], indirect=True)
def test_bad_wishes(db, settings, alice, wish, place):
    wish = {"name": "t", "scopes": ["read"], **wish}
    with db.write() as session, pytest.raises(InvalidTokenRequest) as caught:
        tokens.create_token(session, settings, session.merge(alice), **wish)
    assert (caught.value.status, caught.value.place) == (422, place)


def test_at_most_a_hundred(db, settings, add, load):
    alice = add("alice")
    with db.write() as session:
        account = load(session, alice)
        for number in range(tokens.MAX_TOKENS):
            tokens.create_token(session, settings, account, f"t{number}", ["read"])
        with pytest.raises(TooManyTokens):
            tokens.create_token(session, settings, account, "one more", ["read"])
        newest = tokens.list_tokens(session, account)
        assert (newest[0].name, newest[-1].name) == ("t99", "t0")
