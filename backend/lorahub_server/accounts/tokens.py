"""Personal API tokens: shown once, stored as a keyed hash."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from lorahub_server.accounts import queries
from lorahub_server.accounts.errors import (
    InvalidTokenRequest,
    TokenExpired,
    TokenInvalid,
    TokenNotFound,
    TooManyTokens,
)
from lorahub_server.accounts.tables import Account, ApiToken
from lorahub_server.config import Settings
from lorahub_server.kit import tokens as text
from lorahub_server.kit.clock import now
from lorahub_server.kit.hidden import is_deceptive

SCOPES = frozenset({"read", "write"})
MAX_TOKENS = 100
NAME_MAX = 80
_HINT_LENGTH = 4


def create_token(
    session: Session,
    settings: Settings,
    account: Account,
    name: str,
    scopes: Collection[str],
    *,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Return the new token's row and its text, which can't be had again. Write includes read."""
    label = checked_name(name)
    can_write = "write" in checked_scopes(scopes)
    moment = now()
    if expires_at is not None and (expires_at.tzinfo is None or expires_at <= moment):
        message = "A token expires in the future, at a time with its zone; choose a later day."
        raise InvalidTokenRequest(message, place="expires_at")
    queries.locked(session, account.id)
    if queries.count_tokens(session, account.id) >= MAX_TOKENS:
        message = f"An account has at most {MAX_TOKENS} tokens. Revoke one that you don't use."
        raise TooManyTokens(message)
    plain = text.new_token()
    row = ApiToken(
        account=account,
        name=label,
        secret_hash=_hash(settings, plain),
        hint=plain[-_HINT_LENGTH:],
        can_write=can_write,
        created_at=moment,
        last_used_at=None,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return row, plain


def find_token(session: Session, settings: Settings, plain: str) -> ApiToken:
    """Return the row of a token's text, or raise TokenInvalid or TokenExpired.

    A mistyped token fails on its checksum, without a question to the database.
    """
    row = None
    if text.is_token(plain):
        row = queries.token_by_hash(session, _hash(settings, plain))
    if row is None or not row.account.is_usable:
        message = "The token is not valid: mistyped, revoked, or of another hub. Make a new one."
        raise TokenInvalid(message)
    if row.expires_at is not None and row.expires_at <= now():
        raise TokenExpired("The token has expired. Make a new one in the settings.")
    return row


def list_tokens(session: Session, account: Account) -> Sequence[ApiToken]:
    """Return the account's tokens, newest first; expired ones too."""
    return queries.tokens_of(session, account.id)


def revoke_token(session: Session, account: Account, token_id: int) -> None:
    """Delete one of the account's tokens, or raise TokenNotFound."""
    row = queries.token_of(session, account.id, token_id)
    if row is None:
        raise TokenNotFound(
            "There is no such token. It may be revoked already; load the list again."
        )
    session.delete(row)
    session.flush()


def revoke_all(session: Session, account: Account) -> None:
    """Delete all of the account's tokens, as an operator does after a theft."""
    queries.delete_tokens(session, account.id)


def checked_name(name: str) -> str:
    """Return a token's name on one line, or raise InvalidTokenRequest."""
    label = " ".join(name.split())
    if not 1 <= len(label) <= NAME_MAX:
        message = f"A token's name has 1 to {NAME_MAX} characters; say where you will use it."
        raise InvalidTokenRequest(message, place="name")
    if is_deceptive(label):
        message = "A token's name can't contain hidden characters; remove them."
        raise InvalidTokenRequest(message, place="name")
    return label


def checked_scopes(scopes: Collection[str]) -> Collection[str]:
    """Return the scopes, or raise InvalidTokenRequest when there are none or unknown ones."""
    if not scopes or not SCOPES.issuperset(scopes):
        raise InvalidTokenRequest("A token's scopes are read and write.", place="scopes")
    return scopes


def _hash(settings: Settings, plain: str) -> str:
    return text.keyed_hash(settings.secret_key(), "token", plain)
