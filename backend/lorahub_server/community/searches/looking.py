"""Looking for what is new: after something was published, a job goes through saved searches."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server import jobs
from lorahub_server.access import Tx
from lorahub_server.accounts.tables import Account
from lorahub_server.community.notifications import service as notifications
from lorahub_server.community.searches import queries
from lorahub_server.community.searches.limits import (
    BATCH,
    FOUND_MAX,
    LATER,
    SHOWN_MAX,
    SOON,
    WINDOW,
)
from lorahub_server.community.searches.tables import SavedSearch
from lorahub_server.kit.clock import now
from lorahub_server.library import search as library
from lorahub_server.library import syntax
from lorahub_server.library.model import RepoCard
from lorahub_server.repos.events import Event
from lorahub_server.repos.tables import Repository

_MakeTx = Callable[[Account], Tx]

LOOK = "search_look"
KIND = "search"
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class _Found:
    search_id: int
    account_id: int
    facts: dict[str, Any]
    repo_ids: list[int]


class Watch:
    """Listens to what is published, and owes a look through the searches of those who want it."""

    def wants(self, tx: Tx, repo: Repository) -> bool:
        return not repo.private and queries.is_any_told(tx.session)

    def note(self, tx: Tx, event: Event) -> None:
        is_news = event.scope == "repo.content" and any(
            move.ref.startswith(_HEADS) and move.new for move in event.refs
        )
        # A repository that is no longer private is news too.
        is_news = is_news or event.scope == "repo.config"
        if is_news and not event.repo.private and queries.is_any_told(tx.session):
            owe(tx.session, tx.now)


WATCH = Watch()


def owe(session: Session, moment: datetime) -> None:
    """Owe a look soon, and one when what was published has been inspected."""
    for name, wait in (("soon", SOON), ("later", LATER)):
        jobs.enqueue(
            session,
            LOOK,
            {"after": 0},
            dedup=f"{LOOK}:{name}",
            queue="cpu",
            run_after=moment + wait,
        )


def look(make_tx: _MakeTx, session: Session, after: int) -> Callable[[Session], None]:
    """Look through some of the searches; return what writes the notifications.

    `make_tx` gives a transaction in which an account reads what it may see.
    """
    rows = queries.told_after(session, after, BATCH)
    found = [one for row, account in rows if (one := _news(make_tx, session, row, account))]
    following = rows[-1][0].id if len(rows) == BATCH else None

    def effect(writing: Session) -> None:
        for one in found:
            _tell(writing, one)
        if following is not None:
            jobs.enqueue(writing, LOOK, {"after": following}, queue="cpu")

    return effect


def _news(
    make_tx: _MakeTx, session: Session, search: SavedSearch, account: Account
) -> _Found | None:
    if not account.is_usable:
        return None
    tx = make_tx(account)
    span = min(tx.now - search.since, WINDOW)
    if span <= timedelta(0):
        return None
    query = syntax.parse(search.line).query
    period = span if query.period is None else min(span, query.period)
    wanted = replace(query, sort="newest", period=period, with_adapters=True, fold=True)
    cards = library.find(tx, wanted, limit=FOUND_MAX).items
    # Nobody needs to be told of what they published.
    ids = [card.id for card in cards if not _is_own(card, account)]
    known = queries.known_of(session, search.id, ids) if ids else set()
    new = [repo_id for repo_id in ids if repo_id not in known]
    if not new:
        return None
    facts = {"name": search.name, "line": search.line}
    return _Found(search.id, account.id, facts, new)


def _is_own(card: RepoCard, account: Account) -> bool:
    return card.owner == account.name


def _tell(session: Session, found: _Found) -> None:
    """Write one notification of what is told for the first time."""
    moment = now()
    search = queries.one_of(session, found.account_id, found.search_id)
    if search is None or not search.notify:
        return
    new = [one for one in found.repo_ids if queries.add_hit(session, search.id, one, moment)]
    if not new:
        return
    queries.delete_hits_before(session, search.id, moment - 2 * WINDOW)
    facts = {**found.facts, "count": len(new), "repos": new[:SHOWN_MAX]}
    notifications.tell(session, found.account_id, KIND, facts, moment)
