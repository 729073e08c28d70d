"""What the page of an account shows first: numbers, and what it pinned."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from lorahub_server.access import Caller, Tx, require_org_admin, require_scope
from lorahub_server.access.errors import NotAllowed
from lorahub_server.accounts.tables import Account
from lorahub_server.community import queries_profiles
from lorahub_server.community.queries_profiles import Numbers
from lorahub_server.kit import names
from lorahub_server.kit.errors import BadRequest
from lorahub_server.library import search
from lorahub_server.library.model import RepoCard
from lorahub_server.repos.tables import Repository

__all__ = ["PINS_MAX", "Numbers", "numbers", "pin", "pinned", "pinned_names", "to_choose_from"]

PINS_MAX = 6
_OFFERED = 200


class BadPin(BadRequest):
    code = "bad_pin"


def numbers(tx: Tx, account: Account) -> Numbers:
    """Return how many adapters the caller sees, followers, accounts followed, and members."""
    return queries_profiles.numbers(tx.session, tx.caller, account.id)


def pinned(tx: Tx, account: Account) -> list[RepoCard]:
    """Return the pinned repositories that the caller may see, in their order."""
    found = queries_profiles.pins(tx.session, tx.caller, account.id)
    return search.cards_of(tx, [repo.id for repo in found]) if found else []


def pinned_names(session: Session, caller: Caller, account: Account) -> list[str]:
    return [repo.name for repo in queries_profiles.pins(session, caller, account.id)]


def to_choose_from(session: Session, caller: Caller, account: Account) -> Sequence[Repository]:
    """Return the account's repositories that the caller may see, the latest change first."""
    return queries_profiles.owned(session, caller, account.id, _OFFERED)


def pin(tx: Tx, account: Account, wanted: Sequence[str]) -> None:
    """Show these repositories of the account first, by their names; raises BadPin.

    Of a person only they may choose, of an organisation its administrators.
    """
    if account.is_organization:
        require_org_admin(tx.caller, account)
    elif require_scope(tx.caller, "write").id != account.id:
        raise NotAllowed(f"Only {account.name} may choose what is pinned there.")
    asked = list(dict.fromkeys(_name_of(account, one) for one in wanted if one.strip()))
    if len(asked) > PINS_MAX:
        raise BadPin(f"At most {PINS_MAX} can be pinned. Leave some out.", place="pinned")
    found = {
        repo.name_lower: repo.id
        for repo in queries_profiles.named(tx.session, tx.caller, account.id, asked)
    }
    missing = next((number for number, one in enumerate(asked, 1) if one not in found), None)
    if missing is not None:
        message = f"{account.name} has no repository of name {missing}. Check the spelling."
        raise BadPin(message, place="pinned")
    queries_profiles.replace_pins(tx.session, account.id, [found[one] for one in asked])


def _name_of(account: Account, given: str) -> str:
    """Return the name as it is looked up; the account's own may stand before it."""
    text = names.lower(given.strip())
    return text.removeprefix(f"{account.name_lower}/")
