"""Who starred what: lists for everybody, of what each may see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

from lorahub_server.access import Tx, require_read
from lorahub_server.accounts.tables import Account
from lorahub_server.community import queries
from lorahub_server.kit import pagination
from lorahub_server.kit.pagination import Page
from lorahub_server.repos.tables import Repository

_ORDER = "stars"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Given:
    """A star that somebody gave."""

    created_at: datetime
    repo: str


@dataclass(frozen=True, slots=True)
class Giver:
    created_at: datetime
    account: Account


def givers_of(tx: Tx, repo: Repository, cursor: str | None, limit: int) -> Page[Giver]:
    """Return who starred a repository, the newest first."""
    require_read(tx.caller, repo)
    rows = queries.givers(tx.session, repo.id, _after(cursor), limit + 1)
    found = [(Giver(star.created_at, account), account.id) for star, account in rows]
    return _page(found, limit, lambda giver: giver.created_at)


def given_by(tx: Tx, account: Account, cursor: str | None, limit: int) -> Page[Given]:
    """Return what an account starred, as far as the caller may see it, the newest first."""
    rows = queries.given(tx.session, tx.caller, account.id, _after(cursor), limit + 1)
    found = [(Given(star.created_at, repo.full_name), repo.id) for star, repo in rows]
    return _page(found, limit, lambda given: given.created_at)


def count_by(tx: Tx, account: Account) -> int:
    """Return how many repositories that the caller may see an account starred."""
    return queries.count_given(tx.session, tx.caller, account.id)


def _after(cursor: str | None) -> tuple[datetime, int] | None:
    if not cursor:
        return None
    moment, row_id = pagination.decode(cursor, _ORDER, datetime, int)
    if moment is None or row_id is None:
        raise pagination.BadCursor
    return cast("datetime", moment), cast("int", row_id)


def _page(rows: Sequence[tuple[_T, int]], limit: int, moment: Callable[[_T], datetime]) -> Page[_T]:
    shown, following = pagination.cut(
        rows, limit, lambda row: pagination.encode(_ORDER, moment(row[0]), row[1])
    )
    return Page([item for item, _ in shown], following)
