"""Rules of accounts: names, passwords, profiles. Sessions and tokens have their own modules."""

from urllib.parse import urlsplit

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lorahub_server.accounts import queries
from lorahub_server.accounts.errors import (
    AccountDisabled,
    AccountNotFound,
    BadCredentials,
    InvalidProfile,
    NameTaken,
)
from lorahub_server.accounts.tables import Account, FormerName, NameClaim
from lorahub_server.kit import names, passwords
from lorahub_server.kit.clock import now
from lorahub_server.kit.hidden import is_deceptive

DISPLAY_NAME_MAX = 80
BIO_MAX = 1000
WEBSITE_MAX = 300
ABOUT_MAX = 10_000
LINKS_MAX = 6


def create_account(
    session: Session, name: str, password: str, *, is_admin: bool = False
) -> Account:
    """Make a user account, or raise InvalidName, InvalidPassword or NameTaken.

    Hashes the password while the transaction is open; the sign-up page uses `signin.sign_up`.
    """
    check_new(session, name, password)
    return insert_account(session, name, passwords.hash_password(password), is_admin=is_admin)


def check_new(session: Session, name: str, password: str) -> None:
    """Raise what is wrong with a wished name and password, before any expensive work."""
    names.check_account_name(name)
    passwords.check_new_password(password, name)
    _check_free(session, name, account_id=None)


def insert_account(
    session: Session,
    name: str,
    password_hash: str | None,
    *,
    is_admin: bool = False,
    kind: str = "user",
    creator_id: int | None = None,
) -> Account:
    """Insert a checked name. Of two at once that look alike one gets NameTaken."""
    _check_free(session, name, account_id=None)
    moment = now()
    account = Account(
        name=name,
        name_lower=names.lower(name),
        name_key=names.fold(name),
        kind=kind,
        creator_id=creator_id,
        password_hash=password_hash,
        is_admin=is_admin,
        created_at=moment,
        updated_at=moment,
    )
    try:
        with session.begin_nested():
            session.add(account)
            session.flush()
            session.add(
                NameClaim(name_key=account.name_key, account_id=account.id, created_at=moment)
            )
    except IntegrityError as error:
        raise _taken(session, name) from error
    return account


def rename_account(session: Session, account: Account, name: str) -> None:
    """Give the account another name. The old one stays its own and leads to the new one."""
    names.check_account_name(name)
    _check_free(session, name, account_id=account.id)
    old, key, moment = account.name_lower, names.fold(name), now()
    try:
        with session.begin_nested():
            if queries.claimant(session, key) is None:
                session.add(NameClaim(name_key=key, account_id=account.id, created_at=moment))
            if session.get(FormerName, old) is None:
                session.add(FormerName(name_lower=old, account_id=account.id, created_at=moment))
            account.name, account.name_lower, account.name_key = name, names.lower(name), key
            account.updated_at = moment
    except IntegrityError as error:
        raise _taken(session, name) from error


def get_account(session: Session, name: str) -> Account:
    """Return the account of this name, whatever its case, or raise AccountNotFound."""
    account = find_account(session, name)
    if account is None:
        raise AccountNotFound("There is no account of that name. Check the spelling.")
    return account


def find_account(session: Session, name: str) -> Account | None:
    if not names.is_account_name(name):
        return None
    account = queries.account_by_name(session, names.lower(name))
    return None if account is None or account.deleted_at is not None else account


def is_taken(session: Session, name: str) -> bool:
    """Tell whether somebody has this name, or had it: an account that was renamed or deleted."""
    if not names.is_account_name(name):
        return False
    key = names.lower(name)
    return (
        queries.account_by_name(session, key) is not None
        or queries.account_by_former_name(session, key) is not None
    )


def account_of_id(session: Session, account_id: int) -> Account | None:
    """Return the account, unless it was deleted."""
    account = session.get(Account, account_id)
    return None if account is None or account.deleted_at is not None else account


def find_renamed(session: Session, name: str) -> Account | None:
    """Return the account that had this name before and has another one now: where to redirect."""
    if not names.is_account_name(name):
        return None
    key = names.lower(name)
    account = queries.account_by_former_name(session, key)
    if account is None or account.deleted_at is not None or account.name_lower == key:
        return None
    return account


def check_password(session: Session, name: str, password: str) -> Account:
    """Return the account that the name and password open, or raise BadCredentials.

    Unknown accounts take as long as wrong passwords. Wants a read session: hashing is slow.
    """
    account = find_account(session, name)
    stored = account.password_hash if account is not None else None
    if not passwords.verify(stored, password) or account is None:
        raise BadCredentials("The name or the password is wrong. Check both and try again.")
    if account.disabled_at is not None:
        raise AccountDisabled("This account is disabled. Ask whoever runs the hub.")
    return account


def set_password(session: Session, account: Account, password: str) -> None:
    """Set a new password and sign the account out everywhere, as an operator's reset does."""
    passwords.check_new_password(password, account.name)
    store_password(session, account, passwords.hash_password(password))


def store_password(
    session: Session, account: Account, password_hash: str, *, keep_session: int | None = None
) -> None:
    """Store a new password's hash and end the account's sessions but the one to keep."""
    account.password_hash = password_hash
    account.updated_at = now()
    queries.delete_sessions(session, account.id, keep=keep_session)


def update_profile(
    session: Session,
    account: Account,
    *,
    display_name: str | None = None,
    bio: str | None = None,
    website: str | None = None,
    about: str | None = None,
    links: str | None = None,
) -> None:
    """Change the parts that are given; an empty text removes one.

    `about` is Markdown; `links` has an address on each line. Raises InvalidProfile.
    """
    if display_name is not None:
        text = " ".join(display_name.split())
        account.display_name = _checked(text, "display_name", DISPLAY_NAME_MAX)
    if bio is not None:
        text = bio.replace("\r\n", "\n").strip()
        account.bio = _checked(text, "bio", BIO_MAX, allowed="\n")
    if website is not None:
        account.website = _checked_address(website.strip(), "website")
    if about is not None:
        text = about.replace("\r\n", "\n").strip()
        account.about = _checked(text, "about", ABOUT_MAX, allowed="\n\t")
    if links is not None:
        account.links = _checked_links(links)
    account.updated_at = now()
    session.flush()


def set_disabled(session: Session, account: Account, *, disabled: bool) -> None:
    """Lock a person out, or let them in again. Signs out everywhere; tokens stay, and rest."""
    account.disabled_at = now() if disabled else None
    account.updated_at = now()
    queries.delete_sessions(session, account.id)
    session.flush()


def delete_account(session: Session, account: Account) -> None:
    """Remove the person's data; the name stays taken for ever. Leaves repositories alone."""
    from lorahub_server.accounts import members

    members.forget(session, account)
    moment = now()
    account.display_name = account.bio = account.website = account.about = ""
    account.links = []
    account.email = account.password_hash = None
    account.is_admin = False
    account.deleted_at = account.updated_at = moment
    queries.delete_sessions(session, account.id)
    queries.delete_tokens(session, account.id)
    session.flush()


def _check_free(session: Session, name: str, *, account_id: int | None) -> None:
    claimant = queries.claimant(session, names.fold(name))
    if claimant is not None and claimant != account_id:
        raise _taken(session, name)


def _taken(session: Session, name: str) -> NameTaken:
    exact = queries.account_by_name(session, names.lower(name)) is not None
    exact = exact or queries.account_by_former_name(session, names.lower(name)) is not None
    if exact:
        return NameTaken(f"The name {name} is taken; choose another.", place="name")
    message = f"The name {name} looks too much like one that is or was in use; choose another."
    return NameTaken(message, place="name")


def _checked(text: str, place: str, limit: int, *, allowed: str = "") -> str:
    label = place.replace("_", " ")
    if len(text) > limit:
        message = f"The {label} has {len(text)} characters; shorten it to {limit}."
        raise InvalidProfile(message, place=place)
    if is_deceptive(text, allowed):
        message = f"The {label} contains hidden characters; remove them."
        raise InvalidProfile(message, place=place)
    return text


def _checked_links(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > LINKS_MAX:
        message = f"There is room for {LINKS_MAX} links. Leave some out."
        raise InvalidProfile(message, place="links")
    return list(dict.fromkeys(_checked_address(line, "links") for line in lines))


def _checked_address(text: str, place: str) -> str:
    if not text:
        return ""
    _checked(text, place, WEBSITE_MAX)
    try:
        parts = urlsplit(text)
        valid = (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
        )
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in text):
        what = "The website is an address" if place == "website" else "Each link is an address"
        message = f"{what} that begins with http:// or https://; correct it."
        raise InvalidProfile(message, place=place)
    return text
