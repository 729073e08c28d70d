"""Who is asking, and what they hold in hand."""

from dataclasses import dataclass
from typing import Literal

from lorahub_server.accounts.tables import Account, ApiToken, LoginSession

Via = Literal["session", "token", "anonymous"]
ALL_SCOPES = frozenset({"read", "write"})


@dataclass(frozen=True, slots=True)
class Caller:
    """The single currency of authority: made by `access.authenticate`, asked by `access.rules`.

    `token` or `login` is the row that proved it, for `whoami` and for "sign out elsewhere".
    """

    account: Account | None
    scopes: frozenset[str]
    via: Via
    token: ApiToken | None = None
    login: LoginSession | None = None

    @property
    def account_id(self) -> int | None:
        return None if self.account is None else self.account.id

    @property
    def name(self) -> str | None:
        return None if self.account is None else self.account.name

    @property
    def is_anonymous(self) -> bool:
        return self.account is None

    @property
    def org_roles(self) -> dict[int, str]:
        """The caller's role in each organisation that they are a member of, by its id."""
        stored = None if self.account is None else self.account.org_roles
        return {int(org_id): role for org_id, role in (stored or {}).items()}

    @property
    def is_admin(self) -> bool:
        return self.account is not None and self.account.is_admin


def anonymous() -> Caller:
    return Caller(account=None, scopes=frozenset({"read"}), via="anonymous")


def of_token(token: ApiToken) -> Caller:
    return Caller(account=token.account, scopes=token.scopes, via="token", token=token)


def of_session(login: LoginSession) -> Caller:
    return Caller(account=login.account, scopes=ALL_SCOPES, via="session", login=login)


def of_account(account: Account) -> Caller:
    """Return a caller with all of the account's rights: for the command line and for workers."""
    return Caller(account=account, scopes=ALL_SCOPES, via="session")
