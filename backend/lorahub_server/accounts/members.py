"""Who belongs to which organisation. Rows and `Account.org_roles` change together, here alone.

Whoever changes members holds the organisation's row first and then the member's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from lorahub_server.accounts import queries, queries_members
from lorahub_server.accounts.errors import (
    InvalidRole,
    LastAdmin,
    MemberNotFound,
    NotAnOrganization,
    TooManyMembers,
)
from lorahub_server.accounts.roles import ROLES, Role, is_role, known
from lorahub_server.accounts.service import find_account
from lorahub_server.accounts.tables import Account, Membership
from lorahub_server.kit.clock import now

# Every request of a member carries the list of their organisations.
ORGS_MAX = 50  # of one user
MEMBERS_MAX = 1000  # of one organisation


@dataclass(frozen=True, slots=True)
class Member:
    account: Account
    role: Role
    since: datetime


@dataclass(frozen=True, slots=True)
class InOrganization:
    """An organisation and the role that somebody has in it."""

    organization: Account
    role: Role


def get_organization(session: Session, name: str) -> Account:
    account = find_account(session, name)
    if account is None or not account.is_organization:
        raise NotAnOrganization("There is no organisation of that name. Check the spelling.")
    return account


def set_role(session: Session, org: Account, account: Account, role: str) -> Member:
    """Make somebody a member, or give a member another role. Again is no error."""
    if not is_role(role):
        message = f"A member's role is one of {', '.join(ROLES)}. Choose one of them."
        raise InvalidRole(message, place="role")
    if account.is_organization or account.deleted_at is not None:
        message = "Only people can be members, and no organisations. Name a user."
        raise MemberNotFound(message, place="name")
    _lock(session, org)
    row = queries_members.membership(session, org.id, account.id)
    if row is None:
        row = _join(session, org, account, role)
    elif row.role != role:
        _check_not_last(session, org, row)
        row.role = role
    session.flush()
    _keep_in_step(session, account.id)
    return Member(account, known(role), row.created_at)


def remove(session: Session, org: Account, account: Account) -> None:
    """End a membership, or raise MemberNotFound, or LastAdmin for whoever is needed."""
    _lock(session, org)
    row = queries_members.membership(session, org.id, account.id)
    if row is None:
        message = f"{account.name} is no member of {org.name}. Load the list again."
        raise MemberNotFound(message)
    _check_not_last(session, org, row)
    session.delete(row)
    session.flush()
    _keep_in_step(session, account.id)


def remove_all(session: Session, org: Account) -> None:
    """End every membership: the organisation is no more."""
    _lock(session, org)
    for account_id in queries_members.member_ids(session, org.id):
        row = queries_members.membership(session, org.id, account_id)
        if row is not None:
            session.delete(row)
            session.flush()
            _keep_in_step(session, account_id)


def forget(session: Session, account: Account) -> None:
    """End all memberships of somebody whose account ends, even as the last administrator."""
    for row in queries_members.rows_of(session, account.id):
        session.delete(row)
    session.flush()
    _keep_in_step(session, account.id)


def members_of(session: Session, org: Account, after: str | None, limit: int) -> Sequence[Member]:
    """Return members by name, from behind the name `after` (in lower case) on."""
    return [
        Member(account, known(row.role), row.created_at)
        for row, account in queries_members.members(session, org.id, after, limit)
    ]


def count_members(session: Session, org: Account) -> int:
    return queries_members.count_members(session, org.id)


def organizations_of(session: Session, account: Account) -> Sequence[InOrganization]:
    """Return the organisations that somebody is a member of, by name; one statement."""
    roles = account.org_roles or {}
    if not roles:
        return []
    found = queries_members.organizations(session, [int(org_id) for org_id in roles])
    return [InOrganization(org, known(roles[str(org.id)])) for org in found]


def roles_of(session: Session, account_id: int) -> dict[str, str]:
    """Return what `Account.org_roles` has in the database by now."""
    return queries_members.org_roles(session, account_id)


def _lock(session: Session, org: Account) -> None:
    found = queries.locked(session, org.id)
    if found is None or found.deleted_at is not None:
        raise NotAnOrganization("The organisation was deleted. Load the list again.")


def _join(session: Session, org: Account, account: Account, role: str) -> Membership:
    if queries_members.count_members(session, org.id) >= MEMBERS_MAX:
        message = f"An organisation has at most {MEMBERS_MAX} members. Remove one first."
        raise TooManyMembers(message)
    queries.locked(session, account.id)
    if len(queries_members.rows_of(session, account.id)) >= ORGS_MAX:
        message = f"{account.name} is in {ORGS_MAX} organisations, which is the most. Leave one."
        raise TooManyMembers(message)
    row = Membership(org_id=org.id, account_id=account.id, role=role, created_at=now())
    session.add(row)
    return row


def _check_not_last(session: Session, org: Account, row: Membership) -> None:
    if row.role == "admin" and queries_members.count_members(session, org.id, "admin") == 1:
        message = (
            f"{org.name} needs an administrator, and there is no other. Make somebody else one "
            "first."
        )
        raise LastAdmin(message)


def _keep_in_step(session: Session, account_id: int) -> None:
    """Write the rows of one user once more, in the form that requests read."""
    account = queries.locked(session, account_id)
    assert account is not None
    rows = queries_members.rows_of(session, account_id)
    account.org_roles = {str(row.org_id): row.role for row in rows}
    session.flush()
