"""Accounts as whoever runs the hub looks at them."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from lorahub_server.accounts import queries, service
from lorahub_server.accounts.errors import AccountNotFound
from lorahub_server.accounts.tables import Account
from lorahub_server.kit import names


def accounts(session: Session, *, after: str = "", limit: int) -> Sequence[Account]:
    """Return users and organisations by name, from behind the name `after` on."""
    return queries.accounts(session, names.lower(after), limit)


def user(session: Session, name: str) -> Account:
    """Return the user of this name, or raise AccountNotFound for an organisation too."""
    account = service.get_account(session, name)
    if account.is_organization:
        raise AccountNotFound(f"{account.name} is an organisation. Name one of its members.")
    return account
