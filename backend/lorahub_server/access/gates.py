"""The rules for gated repositories: everybody may know of one; its files wait for acceptance.

What it is called, its card, its list of files and their facts are for whoever may read it. Bytes
are for its owner and members, for those whose request was accepted, and for the administrators.
Every door that gives bytes out asks `require_files`; every list of bytes has `files_visible`.
"""

from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from lorahub_server.access import queries
from lorahub_server.access.caller import Caller
from lorahub_server.access.errors import GatedRepo, GatedRepoLogin
from lorahub_server.access.rules import Guarded, is_member, require_read, visible
from lorahub_server.access.tx import Tx

ACCEPTED, PENDING, REJECTED = "accepted", "pending", "rejected"
STATES = (PENDING, ACCEPTED, REJECTED)


class Gated(Guarded, Protocol):
    """What these rules look at; `repos.tables.Repository` has it."""

    @property
    def id(self) -> int: ...
    @property
    def gated(self) -> str | None: ...
    @property
    def full_name(self) -> str: ...


def files_visible(
    caller: Caller,
    *,
    repo_id: InstrumentedAttribute[int],
    owner_id: InstrumentedAttribute[int],
    private: InstrumentedAttribute[bool],
    deleted_at: InstrumentedAttribute[datetime | None],
    gated: InstrumentedAttribute[str | None],
) -> ColumnElement[bool]:
    """Return the SQL condition that holds for exactly the rows for which `can_read_files` does."""
    seen = visible(caller, owner_id=owner_id, private=private, deleted_at=deleted_at)
    if caller.is_admin:
        return seen
    open_to: list[ColumnElement[bool]] = [gated.is_(None)]
    if caller.account_id is not None:
        own = [caller.account_id, *caller.org_roles]
        open_to += [owner_id.in_(own), queries.is_accepted(caller.account_id, repo_id)]
    return and_(seen, or_(*open_to))


def passes_gate(caller: Caller, repo: Gated) -> bool:
    """Tell whether the caller needs no acceptance. Asks nobody: for lists of many repositories."""
    return repo.gated is None or caller.is_admin or is_member(caller, repo.owner_id)


def can_read_files(tx: Tx, repo: Gated) -> bool:
    """Tell whether the caller may have the bytes of a repository that they can read."""
    return passes_gate(tx.caller, repo) or _state(tx, repo) == ACCEPTED


def require_files(tx: Tx, repo: Gated) -> None:
    """Raise what `require_read` does, or GatedRepo. An ungated repository costs no statement."""
    require_read(tx.caller, repo)
    if passes_gate(tx.caller, repo):
        return
    if tx.caller.is_anonymous:
        raise GatedRepoLogin(repo.full_name)
    state = _state(tx, repo)
    if state != ACCEPTED:
        raise GatedRepo(repo.full_name, state)


def _state(tx: Tx, repo: Gated) -> str | None:
    if tx.caller.account_id is None:
        return None
    return queries.state_of(tx.session, repo.id, tx.caller.account_id)
