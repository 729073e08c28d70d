"""What people come back to beside single repositories: bases, tags, owners."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from lorahub_server.access import Tx
from lorahub_server.library import keys, queries_facets, queries_places, queries_plan
from lorahub_server.library.facets import Count
from lorahub_server.library.queries_filters import Filter

# Addresses on one page of the map of the site; the format allows five times as many.
MAPPED = 10_000
FAMILY, BASE, TAG = "family", "base", keys.TAG

Kind = Literal["family", "base", "tag"]


def popular(tx: Tx, kinds: Mapping[str, int]) -> dict[str, list[Count]]:
    """Return the commonest families, declared bases and tags of what the caller may see.

    `kinds` says how many of each. What belongs to repositories without an adapter alone is left
    out.
    """
    scopes = queries_plan.scopes(tx.caller, Filter())
    rows = queries_facets.kept(tx.session, scopes, kinds, full=True)
    found: dict[str, list[Count]] = {kind: [] for kind in kinds}
    for kind, value, number in rows:
        found[kind].append(Count(value, number))
    return found


def pages(tx: Tx) -> tuple[int, int]:
    """Return how many pages of the map there are of repositories, and of accounts."""
    repos, accounts = queries_places.last_ids(tx.session)
    return -(-repos // MAPPED), -(-accounts // MAPPED)


def public_repos(tx: Tx, page: int) -> Sequence[tuple[str, str, datetime]]:
    """Return owner, name and last change of what everybody may see on a page, from 1."""
    return queries_places.public_repos(tx.session, (page - 1) * MAPPED, MAPPED)


def public_owners(tx: Tx, page: int) -> Sequence[tuple[str, datetime]]:
    return queries_places.public_owners(tx.session, (page - 1) * MAPPED, MAPPED)
