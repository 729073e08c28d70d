"""What people do with organisations: make, describe, fill, leave and end them."""

from collections.abc import Sequence
from typing import cast

from lorahub_server.access import (
    Tx,
    is_member,
    require_login,
    require_org_admin,
    require_scope,
)
from lorahub_server.accounts import members, organizations, service
from lorahub_server.accounts.errors import MemberNotFound, NotEmpty
from lorahub_server.accounts.members import InOrganization, Member
from lorahub_server.accounts.roles import Role, known
from lorahub_server.accounts.tables import Account
from lorahub_server.kit import names, pagination
from lorahub_server.kit.pagination import Page
from lorahub_server.repos import service as repos

_ORDER = "members"


def create(tx: Tx, name: str, *, display_name: str = "") -> Account:
    creator = require_scope(tx.caller, "write")
    return organizations.create(tx.session, creator, name, display_name=display_name)


def get(tx: Tx, name: str) -> Account:
    return members.get_organization(tx.session, name)


def edit(
    tx: Tx,
    org: Account,
    *,
    display_name: str | None = None,
    bio: str | None = None,
    website: str | None = None,
    about: str | None = None,
    links: str | None = None,
) -> None:
    """Change what an organisation tells of itself, as `accounts.service.update_profile` does."""
    require_org_admin(tx.caller, org)
    service.update_profile(
        tx.session,
        org,
        display_name=display_name,
        bio=bio,
        website=website,
        about=about,
        links=links,
    )


def delete(tx: Tx, org: Account) -> None:
    """End an organisation without repositories and collections; its name stays taken."""
    from lorahub_server.community.collections import service as collections

    repos.lock_owner(tx, org)
    require_org_admin(tx.caller, org)
    if repos.has_repos(tx, org):
        message = f"{org.name} has repositories. Delete them or move them away first."
        raise NotEmpty(message)
    collections.delete_all_of(tx, org)
    organizations.end(tx.session, org)


def set_member(tx: Tx, org: Account, name: str, role: str) -> Member:
    """Add somebody, or change a member's role. It grants rights only, so nobody has to accept."""
    _lock_as_admin(tx, org)
    return members.set_role(tx.session, org, _somebody(tx, name), role)


def remove_member(tx: Tx, org: Account, name: str) -> None:
    """End a membership: an administrator anybody's, everybody their own."""
    account = _somebody(tx, name)
    if account.id == require_login(tx.caller).id:
        require_scope(tx.caller, "write")
    else:
        _lock_as_admin(tx, org)
    members.remove(tx.session, org, account)


def members_of(tx: Tx, org: Account, cursor: str | None, limit: int) -> Page[Member]:
    after = None
    if cursor:
        (found,) = pagination.decode(cursor, _ORDER, str)
        if found is None:
            raise pagination.BadCursor
        after = cast("str", found)
    rows = members.members_of(tx.session, org, after, limit + 1)
    shown, following = pagination.cut(
        rows, limit, lambda member: pagination.encode(_ORDER, member.account.name_lower)
    )
    return Page(shown, following)


def count_members(tx: Tx, org: Account) -> int:
    return members.count_members(tx.session, org)


def role_in(tx: Tx, org: Account) -> Role | None:
    """Return the caller's role."""
    role = tx.caller.org_roles.get(org.id)
    return None if role is None else known(role)


def sees_roles(tx: Tx, org: Account) -> bool:
    """Tell whether the caller may know who may do what: the members may."""
    return is_member(tx.caller, org.id)


def organizations_of(tx: Tx, account: Account) -> Sequence[InOrganization]:
    """Return the organisations that somebody is a member of, with the roles, by name."""
    return members.organizations_of(tx.session, account)


def may_add_to(tx: Tx) -> Sequence[str]:
    """Return the names under which the caller may make repositories: their own comes first."""
    account = require_login(tx.caller)
    found = members.organizations_of(tx.session, account)
    return [account.name, *(one.organization.name for one in found if one.role != "read")]


def _lock_as_admin(tx: Tx, org: Account) -> None:
    """Let decisions about members wait for each other; only an administrator goes on."""
    repos.lock_owner(tx, org)
    require_org_admin(tx.caller, org)


def _somebody(tx: Tx, name: str) -> Account:
    account = service.find_account(tx.session, name)
    if account is None:
        shown = name if names.is_account_name(name) else "that name"
        message = f"There is no account {shown}. Check the spelling."
        raise MemberNotFound(message, place="name")
    return account
