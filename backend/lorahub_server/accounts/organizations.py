"""Organisations: accounts that people own repositories in together, and nobody signs in as."""

from sqlalchemy.orm import Session

from lorahub_server.accounts import members, queries, queries_members, service
from lorahub_server.accounts.errors import TooManyOrganizations
from lorahub_server.accounts.tables import Account
from lorahub_server.kit import names
from lorahub_server.kit.clock import now

KIND = "organization"
# Made by one user, deleted ones too: names are never free again.
MADE_MAX = 20


def create(session: Session, creator: Account, name: str, *, display_name: str = "") -> Account:
    """Make an organisation whose one member, an administrator, is whoever makes it."""
    names.check_account_name(name)
    queries.locked(session, creator.id)
    if queries_members.count_made(session, creator.id) >= MADE_MAX:
        message = f"One account makes at most {MADE_MAX} organisations, deleted ones included."
        raise TooManyOrganizations(message)
    org = service.insert_account(session, name, None, kind=KIND, creator_id=creator.id)
    service.update_profile(session, org, display_name=display_name)
    members.set_role(session, org, creator, "admin")
    return org


def end(session: Session, org: Account) -> None:
    """Delete an organisation that owns nothing; its name stays taken."""
    members.remove_all(session, org)
    org.display_name = org.bio = org.website = ""
    org.deleted_at = org.updated_at = now()
    session.flush()
