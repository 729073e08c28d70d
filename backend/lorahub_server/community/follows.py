"""Following: whose news somebody wants to hear. It grants nothing, and everybody may know."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from lorahub_server.access import Tx, require_scope
from lorahub_server.accounts.tables import Account
from lorahub_server.community import queries_follows
from lorahub_server.community.tables import Follow
from lorahub_server.kit import pagination
from lorahub_server.kit.errors import HubError
from lorahub_server.kit.pagination import Page

FOLLOWING_MAX = 5000
_ORDER = "follows"


class CannotFollow(HubError):
    status = 409
    code = "cannot_follow"


@dataclass(frozen=True, slots=True)
class FollowState:
    following: bool
    followers: int


def follow(tx: Tx, account: Account) -> FollowState:
    """Follow a person or an organisation; a second time changes nothing."""
    follower = require_scope(tx.caller, "write")
    if follower.id == account.id:
        raise CannotFollow("You can't follow yourself. Follow somebody else.")
    if queries_follows.count_following(tx.session, follower.id) >= FOLLOWING_MAX:
        message = f"One account follows at most {FOLLOWING_MAX} others. Unfollow one first."
        raise CannotFollow(message)
    queries_follows.insert(tx.session, follower.id, account.id, tx.now)
    return state(tx, account)


def unfollow(tx: Tx, account: Account) -> FollowState:
    follower = require_scope(tx.caller, "write")
    queries_follows.remove(tx.session, follower.id, account.id)
    return state(tx, account)


def state(tx: Tx, account: Account) -> FollowState:
    """Return whether the caller follows the account, and how many do."""
    return FollowState(
        following=account.id in followed_among(tx, [account.id]),
        followers=queries_follows.count_followers(tx.session, account.id),
    )


def followed_among(tx: Tx, account_ids: Sequence[int]) -> set[int]:
    """Return those of the accounts that the caller follows."""
    if tx.caller.account_id is None or not account_ids:
        return set()
    return queries_follows.is_following(tx.session, tx.caller.account_id, account_ids)


def count_following(tx: Tx, account: Account) -> int:
    return queries_follows.count_following(tx.session, account.id)


def followers_of(tx: Tx, account: Account, cursor: str | None, limit: int) -> Page[Account]:
    """Return who follows the account, the latest first."""
    rows = queries_follows.followers(tx.session, account.id, _after(cursor), limit + 1)
    return _page(rows, limit, lambda row: row.follower_id)


def following_of(tx: Tx, account: Account, cursor: str | None, limit: int) -> Page[Account]:
    """Return whom the account follows, the latest first."""
    rows = queries_follows.following(tx.session, account.id, _after(cursor), limit + 1)
    return _page(rows, limit, lambda row: row.account_id)


def _after(cursor: str | None) -> tuple[datetime, int] | None:
    if not cursor:
        return None
    moment, row_id = pagination.decode(cursor, _ORDER, datetime, int)
    if moment is None or row_id is None:
        raise pagination.BadCursor
    return cast("datetime", moment), cast("int", row_id)


def _page(
    rows: Sequence[tuple[Follow, Account]], limit: int, key: Callable[[Follow], int]
) -> Page[Account]:
    shown, following = pagination.cut(
        rows, limit, lambda row: pagination.encode(_ORDER, row[0].created_at, key(row[0]))
    )
    return Page([account for _, account in shown], following)
