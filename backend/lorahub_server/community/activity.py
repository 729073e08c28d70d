"""What somebody did lately, as far as the caller may see where: commits, stars, discussions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from lorahub_server.access import Tx
from lorahub_server.accounts.tables import Account
from lorahub_server.community import queries_activity
from lorahub_server.community.queries_activity import KINDS, Place
from lorahub_server.kit import pagination
from lorahub_server.kit.pagination import Page

_ORDER = "activity"


@dataclass(frozen=True, slots=True)
class Act:
    """`ref` is a commit's id or a discussion's number; a star has none."""

    kind: Literal["commit", "star", "discussion", "pull"]
    at: datetime
    owner: str
    name: str
    title: str
    ref: str


def of_account(tx: Tx, account: Account, cursor: str | None, limit: int) -> Page[Act]:
    """Return what a person did, or what was done in an organisation's repositories, latest first.

    Raises BadCursor.
    """
    rows = queries_activity.acts(
        tx.session,
        tx.caller,
        account.id,
        by_owner=account.is_organization,
        after=_after(cursor),
        limit=limit + 1,
    )
    shown, following = pagination.cut(
        rows, limit, lambda row: pagination.encode(_ORDER, row.at, row.rank, row.text, row.number)
    )
    return Page(
        [
            Act(
                kind="pull" if row.is_pull else KINDS[row.rank],
                at=row.at,
                owner=row.owner,
                name=row.name,
                title=row.title,
                ref=row.text if row.rank == 0 else str(row.num or ""),
            )
            for row in shown
        ],
        following,
    )


def _after(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    found = pagination.decode(cursor, _ORDER, datetime, int, str, int)
    if None in found or found[1] not in range(len(KINDS)):
        raise pagination.BadCursor
    moment, rank, text, number = found
    return Place(
        cast("datetime", moment), cast("int", rank), cast("str", text), cast("int", number)
    )
