"""Under whose name a repository may be made: one's own, or an organisation's."""

from sqlalchemy.orm.attributes import set_committed_value

from lorahub_server.access import Tx, can_create, require_scope
from lorahub_server.access.errors import NotAllowed
from lorahub_server.accounts import members
from lorahub_server.accounts.service import find_account
from lorahub_server.accounts.tables import Account
from lorahub_server.repos import queries


def lock_new_owner(tx: Tx, name: str, *, beside: Account | None = None) -> Account:
    """Return the account of this name, or raise NotAllowed unless the caller may add to it.

    It stays locked, and so does the account `beside` it, so that decisions about its names, its
    end and its members wait for each other.
    """
    caller = require_scope(tx.caller, "write")
    owner = find_account(tx.session, name)
    if owner is None or (owner.id != caller.id and not can_create(tx.caller, owner.id)):
        raise _not_yours(caller, owner)
    for account_id in sorted({owner.id} if beside is None else {owner.id, beside.id}):
        queries.lock_account(tx.session, account_id)
    if owner.id != caller.id:
        reread_roles(tx)
        tx.session.refresh(owner, ["deleted_at"])
        if owner.deleted_at is not None or not can_create(tx.caller, owner.id):
            raise _not_yours(caller, owner)
    return owner


def reread_roles(tx: Tx) -> None:
    """Let what the transaction decides from here on know of memberships that ended meanwhile."""
    account = tx.caller.account
    if account is not None and account.org_roles:
        set_committed_value(account, "org_roles", members.roles_of(tx.session, account.id))


def _not_yours(caller: Account, owner: Account | None) -> NotAllowed:
    if owner is not None and owner.is_organization:
        return NotAllowed(
            f"You can't make anything in the name of {owner.name}. Ask one of its administrators "
            "for a role that may."
        )
    return NotAllowed(
        f"You can make things only under your own name, {caller.name}, and in "
        "organisations that gave you a role for it."
    )
