"""The rules: who sees and who changes which repository. Lists and single look-ups share them.

This floor lies below repositories, so it takes their columns, or anything shaped like one.
"""

from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from lorahub_server.access.caller import Caller
from lorahub_server.access.errors import (
    LoginRequired,
    NotAllowed,
    RepoGone,
    RepoNotFound,
    ScopeMissing,
    SessionRequired,
)
from lorahub_server.accounts.tables import Account


class Guarded(Protocol):
    """What the rules look at; `repos.tables.Repository` has it."""

    @property
    def owner_id(self) -> int: ...
    @property
    def private(self) -> bool: ...
    @property
    def deleted_at(self) -> datetime | None: ...


def visible(
    caller: Caller,
    *,
    owner_id: InstrumentedAttribute[int],
    private: InstrumentedAttribute[bool],
    deleted_at: InstrumentedAttribute[datetime | None],
) -> ColumnElement[bool]:
    """Return the SQL condition that holds for exactly the rows for which `can_read` does."""
    own = _reading_id(caller)
    seen = private.is_(False) if own is None else or_(private.is_(False), owner_id == own)
    return and_(deleted_at.is_(None), seen)


def can_read(caller: Caller, repo: Guarded) -> bool:
    return repo.deleted_at is None and _may_know(caller, repo)


def can_write(caller: Caller, repo: Guarded) -> bool:
    return can_read(caller, repo) and _owns(caller, repo) and "write" in caller.scopes


def require_read(caller: Caller, repo: Guarded | None) -> None:
    """Raise RepoNotFound for a private repository as for a missing one (None), or RepoGone."""
    if repo is None or not _may_know(caller, repo):
        raise RepoNotFound
    if repo.deleted_at is not None:
        raise RepoGone


def require_write(caller: Caller, repo: Guarded | None) -> None:
    """Raise what `require_read` does; then LoginRequired, NotAllowed or ScopeMissing."""
    require_read(caller, repo)
    require_login(caller)
    if repo is None or not _owns(caller, repo):
        raise NotAllowed
    require_scope(caller, "write")


def require_login(caller: Caller) -> Account:
    if caller.account is None:
        raise LoginRequired
    return caller.account


def require_scope(caller: Caller, scope: str) -> Account:
    """Return the account of a caller who is somebody and whose token has the scope."""
    account = require_login(caller)
    if scope not in caller.scopes:
        raise ScopeMissing(scope)
    return account


def require_session(caller: Caller) -> Account:
    """Return the account of one who signed in on the site: for acts that a token must not do."""
    account = require_login(caller)
    if caller.via != "session":
        raise SessionRequired
    return account


def require_admin(caller: Caller) -> Account:
    account = require_login(caller)
    if not account.is_admin:
        raise NotAllowed("Only the hub's administrators may do this. Ask one of them.")
    return account


def _reading_id(caller: Caller) -> int | None:
    return caller.account_id if "read" in caller.scopes else None


def _owns(caller: Caller, repo: Guarded) -> bool:
    return caller.account_id is not None and caller.account_id == repo.owner_id


def _may_know(caller: Caller, repo: Guarded) -> bool:
    own = _reading_id(caller)
    return not repo.private or (own is not None and own == repo.owner_id)
