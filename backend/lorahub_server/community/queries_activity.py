"""SQL of what somebody did: three tables, each read in its own order, laid together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    String,
    and_,
    exists,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from lorahub_server.access import Caller
from lorahub_server.accounts.tables import Account
from lorahub_server.community.tables import Star, Thread
from lorahub_server.repos.tables import CommitRow, Repository
from lorahub_server.repos.visibility import visible_repos

# By their ranks: of what happened at the same moment the lower one comes first.
KINDS: tuple[Literal["commit", "star", "discussion"], ...] = ("commit", "star", "discussion")
_COMMIT, _STAR, _THREAD = range(len(KINDS))


@dataclass(frozen=True, slots=True)
class Place:
    """The last act of the page before: when, its kind, and what tells it from others of these."""

    at: datetime
    rank: int
    text: str
    number: int


# at, rank, text, number, title, num, is_pull, owner, name
Row = Any


def acts(
    session: Session,
    caller: Caller,
    account_id: int,
    *,
    by_owner: bool,
    after: Place | None,
    limit: int,
) -> Sequence[Row]:
    """Return the latest acts of an account, or those in its repositories, the latest first."""
    sources = [_commits(account_id, by_owner), _threads(account_id, by_owner)]
    if not by_owner:
        sources.append(_stars(account_id))
    parts = []
    for rank, table, columns, condition in sources:
        at, text, number = columns[:3]
        statement = (
            select(
                at.label("at"),
                literal(rank, Integer).label("rank"),
                text.label("text"),
                number.label("number"),
                *columns[3:],
                Account.name.label("owner"),
                Repository.name.label("name"),
            )
            .select_from(table)
            .join(Repository, Repository.id == table.repo_id)
            .join(Account, Account.id == Repository.owner_id)
            .where(condition, visible_repos(caller))
            .order_by(at.desc(), text, number)
            .limit(limit)
        )
        if after is not None:
            statement = statement.where(_later(after, rank, at, text, number))
        # SQLite takes orders and limits only within a part of its own.
        parts.append(select(statement.subquery()))
    found = union_all(*parts).subquery().c
    return session.execute(
        select(*found)
        .order_by(found["at"].desc(), found["rank"], found["text"], found["number"])
        .limit(limit)
    ).all()


def _commits(account_id: int, by_owner: bool) -> tuple[int, Any, list[Any], ColumnElement[bool]]:
    whose = Repository.owner_id if by_owner else CommitRow.author_id
    columns = [
        CommitRow.created_at,
        CommitRow.oid,
        CommitRow.repo_id,
        CommitRow.title.label("title"),
        literal(None, Integer).label("num"),
        literal(value=False, type_=Boolean).label("is_pull"),
    ]
    # A fork begins with the commits of another repository, which were made there.
    before = aliased(CommitRow)
    is_copied = exists().where(
        before.repo_id == Repository.forked_from_id, before.oid == CommitRow.oid
    )
    return _COMMIT, CommitRow, columns, and_(whose == account_id, ~is_copied)


def _stars(account_id: int) -> tuple[int, Any, list[Any], ColumnElement[bool]]:
    columns = [
        Star.created_at,
        literal("", String),
        Star.repo_id,
        literal("", String).label("title"),
        literal(None, Integer).label("num"),
        literal(value=False, type_=Boolean).label("is_pull"),
    ]
    return _STAR, Star, columns, Star.account_id == account_id


def _threads(account_id: int, by_owner: bool) -> tuple[int, Any, list[Any], ColumnElement[bool]]:
    whose = Repository.owner_id if by_owner else Thread.author_id
    columns = [
        Thread.created_at,
        literal("", String),
        Thread.id,
        Thread.title.label("title"),
        Thread.num.label("num"),
        Thread.is_pull.label("is_pull"),
    ]
    return _THREAD, Thread, columns, whose == account_id


def _later(after: Place, rank: int, at: Any, text: Any, number: Any) -> Any:
    """Return the condition for what comes after a place in the order of pages."""
    moment = literal(after.at, at.type)
    if rank < after.rank:
        return at < moment
    if rank > after.rank:
        return at <= moment
    same = or_(text > after.text, and_(text == after.text, number > after.number))
    return or_(at < moment, and_(at == moment, same))
