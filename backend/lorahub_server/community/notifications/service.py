"""Notifications of an account: told, listed, read."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy.orm import Session

from lorahub_server.access import Tx, require_login, require_scope
from lorahub_server.community.notifications import queries
from lorahub_server.community.notifications.tables import Notification
from lorahub_server.kit import pagination
from lorahub_server.kit.pagination import Page
from lorahub_server.library import search
from lorahub_server.library.model import RepoCard

# What was read is kept so long.
KEPT = timedelta(days=90)
_ORDER = "notifications"


@dataclass(frozen=True, slots=True)
class Told:
    """A notification with the repositories that it is about, as far as they can be seen still."""

    row: Notification
    cards: list[RepoCard]


def tell(
    session: Session, account_id: int, kind: str, facts: dict[str, Any], moment: datetime
) -> None:
    """Write a notification; the account's count of unread ones goes up with it."""
    queries.delete_before(session, account_id, moment - KEPT)
    row = Notification(account_id=account_id, kind=kind, facts=facts, created_at=moment)
    queries.add(session, row)


def find(tx: Tx, cursor: str | None, limit: int) -> Page[Told]:
    """Return the caller's notifications, the latest first."""
    account = require_login(tx.caller)
    before: int | None = None
    if cursor:
        (found,) = pagination.decode(cursor, _ORDER, int)
        before = cast("int | None", found)
    rows = queries.of_account(tx.session, account.id, before, limit + 1)
    shown, following = pagination.cut(rows, limit, lambda row: pagination.encode(_ORDER, row.id))
    wanted = {repo_id: None for row in shown for repo_id in row.facts.get("repos", [])}
    cards = {card.id: card for card in search.cards_of(tx, list(wanted))} if wanted else {}
    items = [
        Told(row, [cards[one] for one in row.facts.get("repos", []) if one in cards])
        for row in shown
    ]
    return Page(items, following)


def mark_read(tx: Tx) -> None:
    """Mark all of the caller's notifications as read."""
    account = require_scope(tx.caller, "write")
    queries.mark_read(tx.session, account.id, tx.now)
