"""Stars: what people keep, and what others like."""

from collections.abc import Collection
from dataclasses import dataclass

from lorahub_server.access import Tx, require_read, require_scope
from lorahub_server.community import queries
from lorahub_server.library import counters
from lorahub_server.repos.tables import Repository


@dataclass(frozen=True, slots=True)
class StarState:
    starred: bool
    stars: int


def star(tx: Tx, repo: Repository) -> StarState:
    """Give the caller's star; a second time changes nothing."""
    require_read(tx.caller, repo)
    account = require_scope(tx.caller, "write")
    counters.lock(tx, repo.id)
    if queries.insert_star(tx.session, account.id, repo.id, tx.now):
        counters.star_given(tx, repo.id)
    return StarState(starred=True, stars=counters.stars(tx, repo.id))


def unstar(tx: Tx, repo: Repository) -> StarState:
    """Take the caller's star back; without one nothing changes."""
    require_read(tx.caller, repo)
    account = require_scope(tx.caller, "write")
    counters.lock(tx, repo.id)
    given_at = queries.delete_star(tx.session, account.id, repo.id)
    if given_at is not None:
        counters.star_taken(tx, repo.id, given_at)
    return StarState(starred=False, stars=counters.stars(tx, repo.id))


def has_starred(tx: Tx, repo_ids: Collection[int]) -> set[int]:
    """Return those of the repositories that the caller starred."""
    if tx.caller.account_id is None or not repo_ids:
        return set()
    return queries.starred(tx.session, tx.caller.account_id, repo_ids)
