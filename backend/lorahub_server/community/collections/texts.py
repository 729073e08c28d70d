"""What a collection may be called, and the address that its title gives it."""

import re
import unicodedata

from lorahub_server.community.collections.errors import InvalidCollection
from lorahub_server.community.collections.limits import (
    DESCRIPTION_MAX,
    NOTE_MAX,
    THEMES,
    TITLE_MAX,
)
from lorahub_server.kit.hidden import is_deceptive

_NO_WORD = re.compile(r"[^a-z0-9]+")
_ID = re.compile(r"[0-9a-f]{24}")
_ID_DIGITS = 24
_INT64 = 2**63


def checked_title(text: str) -> str:
    title = " ".join(text.split())
    if not title:
        raise InvalidCollection("A collection has a title; write one.", place="title")
    return _checked(title, "title", TITLE_MAX)


def checked_description(text: str) -> str:
    return _checked(" ".join(text.split()), "description", DESCRIPTION_MAX)


def checked_note(text: str) -> str:
    return _checked(text.replace("\r\n", "\n").strip(), "note", NOTE_MAX, allowed="\n")


def checked_theme(text: str) -> str:
    if text not in THEMES:
        message = f"A collection's theme is one of {', '.join(THEMES)}. Choose one of them."
        raise InvalidCollection(message, place="theme")
    return text


def title_key(title: str) -> str:
    """Return what the titles of one owner's collections differ in."""
    return unicodedata.normalize("NFKC", title).casefold()[: 3 * TITLE_MAX]


def slug(owner: str, title: str, collection_id: int) -> str:
    """Return the address: it tells the title, and goes by the id at its end."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = _NO_WORD.sub("-", plain).strip("-") or "collection"
    return f"{owner}/{words}-{public_id(collection_id)}"


def public_id(row_id: int) -> str:
    """Return a row's id in the form that others give theirs."""
    return f"{row_id:024x}"


def row_id(text: str) -> int | None:
    """Return the id that an address ends with; None when it ends otherwise."""
    ending = text[-_ID_DIGITS:]
    if not _ID.fullmatch(ending):
        return None
    found = int(ending, 16)
    return found if found < _INT64 else None


def _checked(text: str, place: str, limit: int, *, allowed: str = "") -> str:
    if len(text) > limit:
        message = f"The {place} has {len(text)} characters; shorten it to {limit}."
        raise InvalidCollection(message, place=place)
    if is_deceptive(text, allowed):
        message = f"The {place} contains hidden characters; remove them."
        raise InvalidCollection(message, place=place)
    return text
