from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from lorahub_server.accounts.tables import Account, ApiToken, FormerName, LoginSession, NameClaim


def account_by_name(session: Session, name_lower: str) -> Account | None:
    """Find by the present name; deleted accounts too."""
    return session.scalar(select(Account).where(Account.name_lower == name_lower))


def account_by_former_name(session: Session, name_lower: str) -> Account | None:
    return session.scalar(
        select(Account)
        .join(FormerName, FormerName.account_id == Account.id)
        .where(FormerName.name_lower == name_lower)
    )


def accounts_by_id(session: Session, ids: Sequence[int]) -> dict[int, Account]:
    found = session.scalars(select(Account).where(Account.id.in_(ids)))
    return {account.id: account for account in found}


def accounts(session: Session, after: str, limit: int) -> Sequence[Account]:
    """Return accounts by name, from behind `after` (in lower case) on; no deleted ones."""
    return session.scalars(
        select(Account)
        .where(Account.name_lower > after, Account.deleted_at.is_(None))
        .order_by(Account.name_lower)
        .limit(limit)
    ).all()


def claimant(session: Session, name_key: str) -> int | None:
    """Return the id of the account that has or had a name with this look-alike key."""
    return session.scalar(select(NameClaim.account_id).where(NameClaim.name_key == name_key))


def locked(session: Session, account_id: int) -> Account | None:
    """Return the account's present row, locked till the end of the transaction."""
    return session.get(Account, account_id, with_for_update=True, populate_existing=True)


def session_by_hash(session: Session, secret_hash: str) -> LoginSession | None:
    return session.scalar(select(LoginSession).where(LoginSession.secret_hash == secret_hash))


def sessions_of(session: Session, account_id: int) -> Sequence[LoginSession]:
    return session.scalars(
        select(LoginSession)
        .where(LoginSession.account_id == account_id)
        .order_by(LoginSession.last_used_at.desc(), LoginSession.id.desc())
    ).all()


def delete_sessions(session: Session, account_id: int, *, keep: int | None = None) -> None:
    statement = delete(LoginSession).where(LoginSession.account_id == account_id)
    if keep is not None:
        statement = statement.where(LoginSession.id != keep)
    session.execute(statement)


def delete_session_by_hash(session: Session, secret_hash: str) -> None:
    session.execute(delete(LoginSession).where(LoginSession.secret_hash == secret_hash))


def delete_expired_sessions(
    session: Session, before: datetime, *, account_id: int | None = None
) -> None:
    statement = delete(LoginSession).where(LoginSession.expires_at <= before)
    if account_id is not None:
        statement = statement.where(LoginSession.account_id == account_id)
    session.execute(statement)


def token_by_hash(session: Session, secret_hash: str) -> ApiToken | None:
    return session.scalar(select(ApiToken).where(ApiToken.secret_hash == secret_hash))


def token_of(session: Session, account_id: int, token_id: int) -> ApiToken | None:
    return session.scalar(
        select(ApiToken).where(ApiToken.account_id == account_id, ApiToken.id == token_id)
    )


def tokens_of(session: Session, account_id: int) -> Sequence[ApiToken]:
    return session.scalars(
        select(ApiToken)
        .where(ApiToken.account_id == account_id)
        .order_by(ApiToken.created_at.desc(), ApiToken.id.desc())
    ).all()


def count_tokens(session: Session, account_id: int) -> int:
    count = select(func.count()).select_from(ApiToken).where(ApiToken.account_id == account_id)
    return session.scalar(count) or 0


def delete_tokens(session: Session, account_id: int) -> None:
    session.execute(delete(ApiToken).where(ApiToken.account_id == account_id))
