"""Sign-in sessions: one row a browser, found by the keyed hash of its cookie."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, TypedDict

from sqlalchemy.orm import Session

from lorahub_server.accounts import queries
from lorahub_server.accounts.tables import Account, LoginSession
from lorahub_server.config import Settings
from lorahub_server.kit.clock import now
from lorahub_server.kit.tokens import keyed_hash, new_secret

COOKIE = "lh_session"
LIFETIME = timedelta(days=30)  # since the last use
_AGENT_MAX = 200
_COOKIE_MAX = 100


class CookieOptions(TypedDict):
    """The keywords of Starlette's `set_cookie`."""

    max_age: int
    path: str
    secure: bool
    httponly: bool
    samesite: Literal["lax", "strict", "none"]


def cookie_options(settings: Settings) -> CookieOptions:
    return {
        "max_age": int(LIFETIME.total_seconds()),
        "path": "/",
        "secure": settings.public_url.startswith("https://"),
        "httponly": True,
        "samesite": "lax",
    }


def open_session(
    session: Session, settings: Settings, account: Account, *, user_agent: str = ""
) -> str:
    """Start a session and return the cookie's value; it is stored nowhere."""
    secret, moment = new_secret(), now()
    queries.delete_expired_sessions(session, moment, account_id=account.id)
    agent = "".join(c for c in user_agent if c.isprintable())[:_AGENT_MAX]
    session.add(
        LoginSession(
            account_id=account.id,
            secret_hash=_hash(settings, secret),
            user_agent=agent,
            created_at=moment,
            last_used_at=moment,
            expires_at=moment + LIFETIME,
        )
    )
    session.flush()
    return secret


def find_session(session: Session, settings: Settings, cookie: str) -> LoginSession | None:
    """Return the live session that a cookie names; None when it ended, expired or never was."""
    if not cookie or len(cookie) > _COOKIE_MAX:
        return None
    found = queries.session_by_hash(session, _hash(settings, cookie))
    if found is None or found.expires_at <= now() or not found.account.is_usable:
        return None
    return found


def close_session(session: Session, settings: Settings, cookie: str) -> None:
    """Sign this browser out; a cookie that names no session is fine."""
    queries.delete_session_by_hash(session, _hash(settings, cookie))


def close_all_sessions(session: Session, account: Account, *, keep: int | None = None) -> None:
    """Sign the account out everywhere, or everywhere but in the session with the id `keep`."""
    queries.delete_sessions(session, account.id, keep=keep)


def list_sessions(session: Session, account: Account) -> Sequence[LoginSession]:
    """Return the account's sessions, last used first."""
    return queries.sessions_of(session, account.id)


def purge_expired(session: Session) -> None:
    queries.delete_expired_sessions(session, now())


def _hash(settings: Settings, cookie: str) -> str:
    return keyed_hash(settings.secret_key(), "session", cookie)
