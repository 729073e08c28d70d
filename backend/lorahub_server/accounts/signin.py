"""Sign-up, sign-in and password change from outside: rate-limited, and never hashing while a write
transaction is open.

Each opens its own short transactions; call them with none of the request's open, or SQLite's single
writer would wait for itself.
"""

from dataclasses import dataclass

from lorahub_server.accounts import queries, service, sessions
from lorahub_server.accounts.errors import BadCredentials
from lorahub_server.config import Settings
from lorahub_server.kit import names, passwords
from lorahub_server.kit.db import Database
from lorahub_server.kit.ratelimit import Limit, forgive, give_back, hit, network

# A person who mistypes gets ten tries; a list of leaked pairs tried from one network, a hundred.
LOGIN = Limit("login", count=10, seconds=900, does="failed sign-ins")
LOGIN_NETWORK = Limit("login-network", count=100, seconds=900, does="failed sign-ins")
SIGNUP = Limit("signup", count=30, seconds=3600, does="new accounts from one network")


@dataclass(frozen=True, slots=True)
class SignedIn:
    account_id: int
    name: str
    cookie: str  # the value for `sessions.COOKIE`


def sign_up(
    db: Database,
    settings: Settings,
    name: str,
    password: str,
    *,
    address: str | None,
    user_agent: str = "",
) -> SignedIn:
    """Make an account and sign in; raises InvalidName, InvalidPassword, NameTaken, RateLimited."""
    with db.read() as session:
        service.check_new(session, name, password)
    hit(db, SIGNUP, network(address))
    password_hash = passwords.hash_password(password)
    with db.write() as session:
        account = service.insert_account(session, name, password_hash)
        cookie = sessions.open_session(session, settings, account, user_agent=user_agent)
        return SignedIn(account.id, account.name, cookie)


def sign_in(
    db: Database,
    settings: Settings,
    name: str,
    password: str,
    *,
    address: str | None,
    user_agent: str = "",
) -> SignedIn:
    """Open a session; raises BadCredentials or RateLimited. Good sign-ins don't count as tries."""
    where = network(address)
    pair = (names.lower(name), where)
    # Counted before the password is looked at: requests at once get no more tries than in turn.
    hit(db, LOGIN_NETWORK, where)
    hit(db, LOGIN, *pair)
    with db.read() as session:
        account = service.check_password(session, name, password)
        account_id, stored = account.id, account.password_hash
    fresh = None
    if stored is not None and passwords.needs_rehash(stored):
        fresh = passwords.hash_password(password)
    with db.write() as session:
        locked = queries.locked(session, account_id)
        if locked is None or locked.password_hash != stored:
            raise BadCredentials("The password was changed just now. Sign in with the new one.")
        if fresh is not None:
            locked.password_hash = fresh
        cookie = sessions.open_session(session, settings, locked, user_agent=user_agent)
        forgive(session, LOGIN, *pair)
        give_back(session, LOGIN_NETWORK, where)
        return SignedIn(locked.id, locked.name, cookie)


def change_password(
    db: Database,
    name: str,
    current: str,
    new: str,
    *,
    address: str | None,
    keep_session: int | None = None,
) -> None:
    """Change the password of one who knows it; all sessions end but `keep_session` (an id)."""
    pair = (names.lower(name), network(address))
    hit(db, LOGIN, *pair)
    with db.read() as session:
        account = service.check_password(session, name, current)
        account_id, stored, own_name = account.id, account.password_hash, account.name
    passwords.check_new_password(new, own_name)
    password_hash = passwords.hash_password(new)
    with db.write() as session:
        locked = queries.locked(session, account_id)
        if locked is None or locked.password_hash != stored:
            raise BadCredentials("The password was changed just now. Sign in with the new one.")
        service.store_password(session, locked, password_hash, keep_session=keep_session)
        forgive(session, LOGIN, *pair)
