"""The counters of a library entry that stars move. Callers hold the entry's lock first."""

from datetime import datetime

from lorahub_server.access import Tx
from lorahub_server.library import indexing, queries, trending


def lock(tx: Tx, repo_id: int) -> None:
    """Hold the entry till the transaction ends: stars of one repository wait for each other."""
    queries.lock_entry(tx.session, repo_id)


def stars(tx: Tx, repo_id: int) -> int:
    entry = queries.entry_of(tx.session, repo_id)
    return 0 if entry is None else entry.stars


def star_given(tx: Tx, repo_id: int) -> None:
    entry = queries.entry_of(tx.session, repo_id)
    if entry is not None:
        entry.stars += 1
        entry.trending = trending.plus(entry.trending, trending.STARRED, tx.now)
        tx.session.flush()
        indexing.count(tx.session, entry)


def star_taken(tx: Tx, repo_id: int, given_at: datetime) -> None:
    entry = queries.entry_of(tx.session, repo_id)
    if entry is None:
        return
    published = entry.published_at
    least = trending.level(trending.PUBLISHED, published) if published is not None else 0.0
    entry.stars = max(entry.stars - 1, 0)
    entry.trending = trending.minus(entry.trending, trending.STARRED, given_at, least=least)
    tx.session.flush()
    indexing.count(tx.session, entry)
