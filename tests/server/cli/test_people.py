"""What whoever runs the hub does with accounts and organisations, in this process."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from lorahub_server.access.authenticate import authenticate
from lorahub_server.accounts import service, sessions, tokens
from lorahub_server.accounts.errors import AccountDisabled, BadCredentials, TokenInvalid
from lorahub_server.cli import accounts, orgs
from lorahub_server.config import Settings
from lorahub_server.kit.db import Database
from support import tables

GOOD = "correct-horse-battery-9"


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data=tmp_path, secret="x" * 32)


@pytest.fixture
def db(settings):
    tables.fill(settings.database_url)
    database = Database(settings.database_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def run(db, settings) -> Callable[..., Result]:
    commands = {"accounts": accounts.command, "orgs": orgs.command}

    def invoke(group: str, *arguments: str, given: str = "", code: int = 0) -> Result:
        env = {"LORAHUB_DATA": str(settings.data), "LORAHUB_SECRET": "x" * 32}
        done = CliRunner().invoke(commands[group], arguments, input=given, env=env)
        assert done.exit_code == code, done.output
        return done

    for name in ("alice", "bob"):
        invoke("accounts", "add", name, "--password-stdin", given=f"{GOOD}\n")
    return invoke


def test_listing(run):
    run("orgs", "add", "studio", "--admin", "alice")
    run("accounts", "disable", "bob")
    lines = run("accounts", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["alice", "bob", "studio"]
    assert lines[1].endswith("disabled")
    assert lines[2].endswith("organisation")
    rows = [json.loads(x) for x in run("accounts", "list", "--json").stdout.splitlines()]
    assert [row["kind"] for row in rows] == ["user", "user", "organization"]
    assert [row["disabled"] for row in rows] == [False, True, False]
    (only,) = run("accounts", "list", "--after", "Alice", "--limit", "1").stdout.splitlines()
    assert only.startswith("bob")


def test_a_new_password(run, db, settings):
    with db.write() as session:
        alice = service.get_account(session, "alice")
        cookie = sessions.open_session(session, settings, alice)
        _, token = tokens.create_token(session, settings, alice, "t", ["read"])
    change = ("reset-password", "alice", "--password-stdin")
    run("accounts", *change, given="x\n", code=1)
    run("accounts", *change, given=f"{GOOD}-new\n")
    with db.read() as session:
        assert service.check_password(session, "alice", f"{GOOD}-new").name == "alice"
        with pytest.raises(BadCredentials):
            service.check_password(session, "alice", GOOD)
        assert sessions.find_session(session, settings, cookie) is None
        assert tokens.find_token(session, settings, token)
    run("accounts", *change, "--revoke-tokens", given=f"{GOOD}-newer\n")
    with db.read() as session, pytest.raises(TokenInvalid):
        tokens.find_token(session, settings, token)
    assert "no account" in run("accounts", "disable", "nobody", code=1).output


def test_locking_somebody_out(run, db, settings):
    with db.write() as session:
        bob = service.get_account(session, "bob")
        cookie = sessions.open_session(session, settings, bob)
        _, token = tokens.create_token(session, settings, bob, "t", ["read"])

    def ask(cookie: str | None = None, token: str | None = None):
        header = None if token is None else f"Bearer {token}"
        with db.read() as session:
            return authenticate(session, settings, authorization=header, cookie=cookie)

    assert ask(cookie=cookie).name == "bob"
    run("accounts", "disable", "bob")
    assert ask(cookie=cookie).is_anonymous
    with pytest.raises(TokenInvalid):
        ask(token=token)
    with db.read() as session:
        with pytest.raises(AccountDisabled):
            service.check_password(session, "bob", GOOD)
        # Only who knows the password is told.
        with pytest.raises(BadCredentials):
            service.check_password(session, "bob", f"{GOOD}-wrong")
    # A session that is opened meanwhile doesn't count either.
    with db.write() as session:
        late = sessions.open_session(session, settings, service.get_account(session, "bob"))
    assert ask(cookie=late).is_anonymous
    run("accounts", "enable", "bob")
    assert ask(token=token).name == "bob"
    with db.read() as session:
        assert service.check_password(session, "bob", GOOD)


def test_organisations(run):
    run("orgs", "add", "studio", "--admin", "alice")
    run("orgs", "set-role", "studio", "bob", "write")
    told = [line.split() for line in run("orgs", "members", "studio").stdout.splitlines()]
    assert told == [["alice", "admin"], ["bob", "write"]]
    assert "needs an administrator" in run("orgs", "remove", "studio", "alice", code=1).output
    run("orgs", "set-role", "studio", "bob", "admin")
    run("orgs", "remove", "studio", "alice")
    assert run("orgs", "members", "studio").stdout.split() == ["bob", "admin"]
    run("orgs", "set-role", "studio", "bob", "owner", code=2)
    for arguments in (
        ("orgs", "members", "alice"),
        ("orgs", "add", "studio", "--admin", "alice"),
        ("orgs", "add", "other", "--admin", "studio"),
        ("orgs", "set-role", "studio", "studio", "read"),
        ("accounts", "disable", "studio"),
        ("accounts", "reset-password", "studio", "--password-stdin"),
    ):
        run(*arguments, given=f"{GOOD}\n", code=1)
