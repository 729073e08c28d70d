"""From what a request carries to a Caller. Knows header and cookie texts, no web framework."""

import base64
import binascii
from datetime import timedelta

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from lorahub_server.access.caller import Caller, anonymous, of_session, of_token
from lorahub_server.accounts.errors import TokenInvalid
from lorahub_server.accounts.sessions import LIFETIME, find_session
from lorahub_server.accounts.tables import ApiToken, LoginSession
from lorahub_server.accounts.tokens import find_token
from lorahub_server.config import Settings
from lorahub_server.kit.clock import now
from lorahub_server.kit.tokens import is_token

# How stale "last used" may be: reading requests must not all become writing ones.
TOUCH_AFTER = timedelta(hours=1)
_HEADER_MAX = 4096


def authenticate(
    session: Session, settings: Settings, *, authorization: str | None, cookie: str | None
) -> Caller:
    """Return who sends the `Authorization` header, else whose the cookie is, else anonymous.

    A bad token raises TokenInvalid or TokenExpired instead of falling back: who believes to be
    signed in must not silently get the public view. A stale cookie is no error.
    """
    if authorization is not None:
        return authenticate_bearer(session, settings, token_of_header(authorization))
    return authenticate_session(session, settings, cookie)


def authenticate_bearer(session: Session, settings: Settings, plain: str) -> Caller:
    return of_token(find_token(session, settings, plain))


def authenticate_session(session: Session, settings: Settings, cookie: str | None) -> Caller:
    login = find_session(session, settings, cookie) if cookie else None
    return anonymous() if login is None else of_session(login)


def token_of_header(authorization: str) -> str:
    """Return the token in `Bearer TOKEN` or `Basic base64(anything:TOKEN)`; raises TokenInvalid.

    Of Basic the user name doesn't count, as git and curl send whatever they were told; a token in
    its place is taken when the password is none (`https://TOKEN@host/`).
    """
    scheme, _, rest = authorization[:_HEADER_MAX].strip().partition(" ")
    value = rest.strip()
    if scheme.lower() == "bearer" and value:
        return value
    if scheme.lower() == "basic" and value:
        user, password = _basic(value)
        return user if is_token(user) and not is_token(password) else password
    raise TokenInvalid("The Authorization header is not understood. Send `Bearer` and a token.")


def _basic(value: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise TokenInvalid(
            "The Basic credentials are not base64 of UTF-8. Send them again."
        ) from error
    user, _, password = text.partition(":")
    return user, password


def is_touch_due(caller: Caller) -> bool:
    """Tell whether `touch` has something to write: at most hourly for one token or session."""
    row = caller.token or caller.login
    if row is None:
        return False
    return row.last_used_at is None or row.last_used_at <= now() - TOUCH_AFTER


def touch(session: Session, caller: Caller) -> None:
    """Record the use, and let a session live on for its full time.

    `session` is a writing one: the request's own where it writes anyway, else a short one later.
    """
    if not is_touch_due(caller):
        return
    moment = now()
    before = moment - TOUCH_AFTER
    if caller.token is not None:
        unused = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= before)
        session.execute(
            update(ApiToken)
            .where(ApiToken.id == caller.token.id, unused)
            .values(last_used_at=moment)
            .execution_options(synchronize_session=False)
        )
    elif caller.login is not None:
        session.execute(
            update(LoginSession)
            .where(LoginSession.id == caller.login.id, LoginSession.last_used_at <= before)
            .values(last_used_at=moment, expires_at=moment + LIFETIME)
            .execution_options(synchronize_session=False)
        )
