"""Saved searches of an account: kept, changed, forgotten."""

from collections.abc import Sequence

from lorahub_server.access import Tx, require_login, require_scope
from lorahub_server.community.searches import queries
from lorahub_server.community.searches.errors import (
    InvalidSearch,
    SearchNotFound,
    TooManySearches,
)
from lorahub_server.community.searches.limits import NAME_MAX, SEARCHES_MAX
from lorahub_server.community.searches.tables import SavedSearch
from lorahub_server.library import parts, syntax


def find(tx: Tx) -> Sequence[SavedSearch]:
    """Return the caller's searches, by name; there are few enough for one list."""
    return queries.of_account(tx.session, require_login(tx.caller).id)


def get(tx: Tx, search_id: int) -> SavedSearch:
    """Return one of the caller's searches; anybody else's is as one that there is none of."""
    found = queries.one_of(tx.session, require_login(tx.caller).id, search_id)
    if found is None:
        raise SearchNotFound
    return found


def create(tx: Tx, line: str, *, name: str = "", notify: bool = False) -> SavedSearch:
    """Keep a search line, as it is understood. Raises InvalidSearch and TooManySearches."""
    account = require_scope(tx.caller, "write")
    parsed = syntax.parse(line)
    if parts.is_bare(parsed.query):
        told = parsed.told or ("Say what to look for, as in: glass base:sdxl -#anime",)
        raise InvalidSearch(" ".join(told), place="line")
    queries.lock_account(tx.session, account.id)
    if queries.count(tx.session, account.id) >= SEARCHES_MAX:
        message = f"An account keeps at most {SEARCHES_MAX} searches. Delete one first."
        raise TooManySearches(message)
    whole = syntax.line_of(parsed.query)
    made = SavedSearch(
        account_id=account.id,
        name=_checked_name(name) or whole[:NAME_MAX],
        line=whole,
        notify=notify,
        created_at=tx.now,
        since=tx.now,
    )
    tx.session.add(made)
    tx.session.flush()
    return made


def update(
    tx: Tx, search: SavedSearch, *, name: str | None = None, notify: bool | None = None
) -> SavedSearch:
    """Change what is not None. Being told begins with what is published from now on."""
    require_scope(tx.caller, "write")
    if name is not None:
        search.name = _checked_name(name) or search.line[:NAME_MAX]
    if notify is not None and notify != search.notify:
        search.notify = notify
        search.since = tx.now
    tx.session.flush()
    return search


def delete(tx: Tx, search: SavedSearch) -> None:
    require_scope(tx.caller, "write")
    tx.session.delete(search)
    tx.session.flush()


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if len(name) > NAME_MAX or not name.isprintable():
        message = f"A name has at most {NAME_MAX} characters, on one line."
        raise InvalidSearch(message, place="name")
    return name
