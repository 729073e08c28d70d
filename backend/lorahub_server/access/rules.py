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
from lorahub_server.accounts.roles import MAKERS, WRITERS
from lorahub_server.accounts.tables import Account


class Guarded(Protocol):
    """What the rules look at; `repos.tables.Repository` has it."""

    @property
    def owner_id(self) -> int: ...
    @property
    def creator_id(self) -> int | None: ...
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
    return and_(deleted_at.is_(None), shown(caller, owner_id=owner_id, private=private))


def shown(
    caller: Caller,
    *,
    owner_id: InstrumentedAttribute[int],
    private: InstrumentedAttribute[bool],
) -> ColumnElement[bool]:
    """Return the SQL condition for what is public, or private to the caller or their like."""
    own = reading_ids(caller)
    return or_(private.is_(False), owner_id.in_(own)) if own else private.is_(False)


def can_read(caller: Caller, repo: Guarded) -> bool:
    return repo.deleted_at is None and _may_know(caller, repo)


def can_write(caller: Caller, repo: Guarded) -> bool:
    return can_read(caller, repo) and _may_change(caller, repo) and "write" in caller.scopes


def can_edit(caller: Caller, *, owner_id: int, creator_id: int | None) -> bool:
    """Tell whether the caller may change what this account owns and that one made."""
    return _may_edit(caller, owner_id, creator_id) and "write" in caller.scopes


def can_create(caller: Caller, owner_id: int) -> bool:
    """Tell whether the caller may make repositories under this account's name."""
    is_allowed = caller.account_id == owner_id or caller.org_roles.get(owner_id) in MAKERS
    return is_allowed and "write" in caller.scopes


def is_member(caller: Caller, owner_id: int) -> bool:
    """Tell whether the caller sees what is private to this account: theirs or an organisation."""
    return owner_id in reading_ids(caller)


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
    if repo is None or not _may_change(caller, repo):
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


def require_org_admin(caller: Caller, org: Account) -> Account:
    """Return the account of one who may change an organisation and its members."""
    require_login(caller)
    if caller.org_roles.get(org.id) != "admin":
        message = f"Only administrators of {org.name} may do this. Ask one of them."
        raise NotAllowed(message)
    return require_scope(caller, "write")


def reading_ids(caller: Caller) -> list[int]:
    """Return the accounts whose private repositories the caller sees."""
    if caller.account_id is None or "read" not in caller.scopes:
        return []
    return [caller.account_id, *caller.org_roles]


def _may_change(caller: Caller, repo: Guarded) -> bool:
    return _may_edit(caller, repo.owner_id, repo.creator_id)


def _may_edit(caller: Caller, owner_id: int, creator_id: int | None) -> bool:
    if caller.account_id is None:
        return False
    role = caller.org_roles.get(owner_id)
    return (
        caller.account_id == owner_id
        or role in WRITERS
        or (role == "contributor" and caller.account_id == creator_id)
    )


def _may_know(caller: Caller, repo: Guarded) -> bool:
    return not repo.private or repo.owner_id in reading_ids(caller)
