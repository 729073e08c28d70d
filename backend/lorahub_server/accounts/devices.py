"""Signing in a program whose terminal has no browser (RFC 8628).

The program asks for two codes and shows the short one; a person who is signed in enters it on the
page and approves; the program, which asks with the long one all the while, gets a token of theirs.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from lorahub_server.accounts import queries_devices as queries
from lorahub_server.accounts import tokens
from lorahub_server.accounts.errors import DeviceCodeNotFound, DeviceRefused, TooManyTokens
from lorahub_server.accounts.queries import count_tokens
from lorahub_server.accounts.tables import Account, DeviceCode
from lorahub_server.config import Settings
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Database
from lorahub_server.kit.ratelimit import Limit, hit, network
from lorahub_server.kit.tokens import keyed_hash, new_secret

LIFETIME = timedelta(minutes=15)
INTERVAL_S = 2
BEGIN = Limit("device", count=60, seconds=900, does="programs to sign in from one network")
# Of 20^8 codes; it is the person who enters them who counts, not the program.
GUESS = Limit("device-code", count=60, seconds=900, does="codes from one network")

WAITING, APPROVED, DENIED = "waiting", "approved", "denied"
# No vowels, so that no words come out, and nothing that looks like something else.
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_HALF = 4
_CODE_MAX, _CLIENT_MAX, _PROGRAM_MAX = 100, 80, 200
# Programs that ask late are still told that their time is over.
_KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Begun:
    device_code: str
    user_code: str
    expires_in: int  # s


@dataclass(frozen=True, slots=True)
class Granted:
    token: str
    can_write: bool
    expires_in: int | None  # s


def begin(
    db: Database, settings: Settings, client_id: str, *, address: str | None, program: str = ""
) -> Begun:
    """Return two fresh codes. Has a transaction of its own, like all that programs call here."""
    _check_client(client_id)
    hit(db, BEGIN, network(address))
    moment, device_code = now(), new_secret()
    letters = "".join(secrets.choice(_LETTERS) for _ in range(2 * _HALF))
    with db.write() as session:
        queries.delete_expired(session, moment - _KEPT)
        session.add(
            DeviceCode(
                device_hash=_hash(settings, "device", device_code),
                user_hash=_hash(settings, "device-user", letters),
                client_id=client_id,
                program="".join(c for c in program if c.isprintable())[:_PROGRAM_MAX],
                network=network(address),
                created_at=moment,
                expires_at=moment + LIFETIME,
            )
        )
    code = f"{letters[:_HALF]}-{letters[_HALF:]}"
    return Begun(device_code, code, int(LIFETIME.total_seconds()))


def poll(db: Database, settings: Settings, client_id: str, device_code: str) -> Granted:
    """Return the token if there is one now, which ends the matter; else raise DeviceRefused."""
    key = _hash(settings, "device", device_code) if len(device_code) <= _CODE_MAX else ""
    with db.read() as session:
        # Nonsense must not wait for the right to write.
        found = queries.by_device_hash(session, key)
        is_known = found is not None and secrets.compare_digest(
            found.client_id.encode(), client_id.encode("utf-8", "replace")
        )
    if not is_known:
        raise DeviceRefused("invalid_grant", "There is no such device code, or it was used.")
    with db.write() as session:
        row = queries.by_device_hash(session, key, lock=True)
        outcome = _outcome(session, settings, row)
    # Outside, or what was written down about it would be taken back.
    if isinstance(outcome, DeviceRefused):
        raise outcome
    return outcome


def waiting(
    session: Session, settings: Settings, user_code: str, *, lock: bool = False
) -> DeviceCode:
    """Return what waits for a decision under the code, as people type it, or raise."""
    letters = "".join(c for c in user_code[:_CODE_MAX].upper() if c.isalnum())
    row = queries.by_user_hash(session, _hash(settings, "device-user", letters), lock=lock)
    if row is None or row.state != WAITING or row.expires_at <= now():
        minutes = int(LIFETIME.total_seconds() // 60)
        message = (
            "No program waits with this code. Check its letters, or start the sign-in in the "
            f"program again: a code works once, and for {minutes} minutes."
        )
        raise DeviceCodeNotFound(message, place="code")
    return row


def approve(
    session: Session,
    settings: Settings,
    account: Account,
    user_code: str,
    *,
    name: str,
    scopes: Collection[str],
    days: int | None,
) -> None:
    """Let the program that waits with the code have a token of the account, of these scopes."""
    row = waiting(session, settings, user_code, lock=True)
    row.token_name = tokens.checked_name(name)
    row.can_write = "write" in tokens.checked_scopes(scopes)
    if count_tokens(session, account.id) >= tokens.MAX_TOKENS:
        message = f"You have {tokens.MAX_TOKENS} tokens, which is the most. Revoke one first."
        raise TooManyTokens(message)
    row.account_id, row.days, row.state = account.id, days, APPROVED
    session.flush()


def deny(session: Session, settings: Settings, user_code: str) -> None:
    waiting(session, settings, user_code, lock=True).state = DENIED
    session.flush()


def _outcome(
    session: Session, settings: Settings, row: DeviceCode | None
) -> Granted | DeviceRefused:
    moment = now()
    if row is None:
        return DeviceRefused("invalid_grant", "The device code was used just now.")
    if row.expires_at <= moment:
        return DeviceRefused("expired_token", "The code is too old. Start the sign-in again.")
    if row.state == WAITING:
        last, row.polled_at = row.polled_at, moment
        if last is not None and moment - last < timedelta(seconds=INTERVAL_S / 2):
            return DeviceRefused("slow_down", f"Ask every {INTERVAL_S} seconds at most.")
        return DeviceRefused("authorization_pending", "Nobody has entered the code yet.")
    account = row.account
    if row.state != APPROVED or account is None or not account.is_usable:
        return DeviceRefused("access_denied", "The sign-in was refused on the page of the hub.")
    return _grant(session, settings, row, account, moment)


def _grant(
    session: Session, settings: Settings, row: DeviceCode, account: Account, moment: datetime
) -> Granted | DeviceRefused:
    expires_at = None if row.days is None else moment + timedelta(days=row.days)
    scopes = ["read", "write"] if row.can_write else ["read"]
    try:
        _, plain = tokens.create_token(
            session, settings, account, row.token_name, scopes, expires_at=expires_at
        )
    except TooManyTokens as error:
        return DeviceRefused("access_denied", error.message)
    granted = Granted(plain, row.can_write, None if row.days is None else row.days * 24 * 3600)
    session.delete(row)
    return granted


def _check_client(client_id: str) -> None:
    if not 1 <= len(client_id) <= _CLIENT_MAX or not client_id.isprintable():
        message = f"client_id names the program, with 1 to {_CLIENT_MAX} characters. Send one."
        raise DeviceRefused("invalid_request", message)


def _hash(settings: Settings, purpose: str, code: str) -> str:
    return keyed_hash(settings.secret_key(), purpose, code)
