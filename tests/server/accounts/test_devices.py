"""Codes that programs show and people approve: used once, not for long, stored as hashes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from lorahub_server.accounts import devices, tokens
from lorahub_server.accounts.errors import (
    DeviceCodeNotFound,
    DeviceRefused,
    InvalidTokenRequest,
    TooManyTokens,
)
from lorahub_server.accounts.service import delete_account
from lorahub_server.accounts.tables import DeviceCode
from lorahub_server.kit.clock import now
from lorahub_server.kit.ratelimit import RateLimited

CLIENT = "26be6b09-91c5-47da-9861-d2d2bb7a7e36"


@pytest.fixture
def begin(db, settings):
    def do(address: str = "10.0.0.1") -> devices.Begun:
        return devices.begin(db, settings, CLIENT, address=address, program="hf_hub/2.4.0")

    return do


@pytest.fixture
def poll(db, settings):
    def do(begun: devices.Begun, client: str = CLIENT) -> devices.Granted:
        return devices.poll(db, settings, client, begun.device_code)

    return do


@pytest.fixture
def approve(db, settings, load):
    def do(begun, account_id, scopes=("read", "write"), days: int | None = 90) -> None:
        with db.write() as session:
            devices.approve(
                session, settings, load(session, account_id), begun.user_code.lower(),
                name="laptop", scopes=scopes, days=days,
            )  # fmt: skip

    return do


def refused(call, *arguments) -> str:
    with pytest.raises(DeviceRefused) as caught:
        call(*arguments)
    return caught.value.reason


def later(db, **changes) -> None:
    with db.write() as session:
        session.execute(update(DeviceCode).values(**changes))


def test_a_code_is_good_for_one_token(db, settings, add, begin, poll, approve):
    alice, begun = add("alice"), begin()
    assert refused(poll, begun) == "authorization_pending"
    approve(begun, alice)
    granted = poll(begun)
    assert (granted.can_write, granted.expires_in) == (True, 90 * 24 * 3600)
    with db.read() as session:
        row = tokens.find_token(session, settings, granted.token)
        assert (row.account_id, row.name, row.scopes) == (alice, "laptop", {"read", "write"})
        assert timedelta(days=89) < row.expires_at - now() <= timedelta(days=90)
    assert refused(poll, begun) == "invalid_grant"


def test_what_was_chosen_is_what_the_program_gets(db, settings, add, begin, poll, approve):
    begun = begin()
    approve(begun, add("alice"), scopes=["read"], days=None)
    granted = poll(begun)
    assert (granted.can_write, granted.expires_in) == (False, None)
    with db.read() as session:
        row = tokens.find_token(session, settings, granted.token)
        assert (row.scopes, row.expires_at) == ({"read"}, None)


def test_a_person_may_turn_it_away(db, settings, add, begin, poll, approve):
    begun = begin()
    with db.write() as session:
        devices.deny(session, settings, begun.user_code)
    assert refused(poll, begun) == "access_denied"
    with pytest.raises(DeviceCodeNotFound, match="No program waits"):
        approve(begun, add("alice"))


def test_codes_of_another_are_worth_nothing(db, settings, add, begin, poll, approve):
    first, second = begin(), begin()
    approve(first, add("alice"))
    assert refused(poll, second) == "authorization_pending"
    assert refused(poll, first, "another-client") == "invalid_grant"
    assert refused(poll, first, "\ud800") == "invalid_grant"
    assert refused(devices.poll, db, settings, CLIENT, first.user_code) == "invalid_grant"
    assert refused(devices.poll, db, settings, CLIENT, "x" * 5000) == "invalid_grant"
    with pytest.raises(DeviceCodeNotFound):
        approve(first, add("bob"))
    for code in ("", "BCDF-BCDF", "x" * 5000, "\ud800"):
        with db.read() as session, pytest.raises(DeviceCodeNotFound):
            devices.waiting(session, settings, code)


def test_codes_grow_old(db, add, begin, poll, approve):
    begun = begin()
    later(db, expires_at=now() - timedelta(seconds=1))
    assert refused(poll, begun) == "expired_token"
    with pytest.raises(DeviceCodeNotFound):
        approve(begun, add("alice"))
    approved = begin()
    approve(approved, add("bob"))
    later(db, expires_at=now() - timedelta(hours=2))
    begin()
    assert refused(poll, approved) == "invalid_grant", "it is not kept for ever"


def test_asking_too_often(db, begin, poll):
    begun = begin()
    assert refused(poll, begun) == "authorization_pending"
    assert refused(poll, begun) == "slow_down"
    later(db, polled_at=now() - timedelta(seconds=devices.INTERVAL_S))
    assert refused(poll, begun) == "authorization_pending"


def test_of_two_that_ask_at_once_one_gets_it(add, begin, poll, approve):
    begun = begin()
    approve(begun, add("alice"))
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(poll, begun) for _ in range(4)]
        errors = [one.exception() for one in asked]
    assert sum(error is None for error in errors) == 1
    assert all(isinstance(error, DeviceRefused) for error in errors if error is not None)


def test_limits(db, settings, add, load, begin, poll, approve, monkeypatch):
    monkeypatch.setattr(tokens, "MAX_TOKENS", 1)
    alice = add("alice")
    first, second, third = begin(), begin(), begin()
    approve(first, alice)
    approve(second, alice)
    poll(first)
    assert refused(poll, second) == "access_denied", "it was the last one when approved"
    with pytest.raises(TooManyTokens, match="Revoke one"):
        approve(third, alice)
    with pytest.raises(InvalidTokenRequest):
        approve(third, add("bob"), scopes=[])
    for _ in range(devices.BEGIN.count):
        begin("10.0.0.2")
    with pytest.raises(RateLimited):
        begin("10.0.0.2")
    assert begin("10.0.0.3").user_code
    for client in ("", "x" * 81, "a\nb"):
        with pytest.raises(DeviceRefused, match="client_id"):
            devices.begin(db, settings, client, address="10.0.0.3")


def test_an_account_that_went(db, add, load, begin, poll, approve):
    alice, begun = add("alice"), begin()
    approve(begun, alice)
    with db.write() as session:
        delete_account(session, load(session, alice))
    assert refused(poll, begun) == "access_denied"


def test_neither_code_is_stored(db, begin):
    begun = begin()
    with db.read() as session:
        row = session.query(DeviceCode).one()
        stored = " ".join(str(value) for value in vars(row).values())
    assert begun.device_code not in stored
    assert begun.user_code not in stored
    assert begun.user_code.replace("-", "") not in stored
