"""SQL of what is in collections, and of votes for them."""

from collections.abc import Collection as Many
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from lorahub_server.access import Caller, shown
from lorahub_server.community.collections import queries
from lorahub_server.community.collections.tables import Collection, CollectionItem, Upvote
from lorahub_server.kit import upsert
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.visibility import visible_repos

Row = tuple[CollectionItem, Repository | None, Collection | None]


def items_of(session: Session, caller: Caller, collection_id: int) -> Sequence[Row]:
    """Return what the caller may see of what is in a collection, in its order."""
    statement = (
        _seen(caller, CollectionItem)
        .where(CollectionItem.collection_id == collection_id)
        .order_by(CollectionItem.position, CollectionItem.id)
    )
    return [(row[0], row[1], row[2]) for row in session.execute(statement)]


def first_items(
    session: Session, caller: Caller, collection_ids: Many[int], each: int
) -> Sequence[Row]:
    """Return the first so many things in each of the collections, in their order."""
    rank = func.row_number().over(
        partition_by=CollectionItem.collection_id,
        order_by=(CollectionItem.position, CollectionItem.id),
    )
    ranked = (
        _seen(caller, CollectionItem, CollectionItem.id, rank.label("rank"))
        .where(CollectionItem.collection_id.in_(collection_ids))
        .subquery()
    )
    item = aliased(CollectionItem)
    statement = (
        _seen(caller, item)
        .join(ranked, ranked.c.id == item.id)
        .where(ranked.c.rank <= each)
        .order_by(item.collection_id, item.position, item.id)
    )
    return [(row[0], row[1], row[2]) for row in session.execute(statement)]


def item(session: Session, collection_id: int, item_id: int) -> CollectionItem | None:
    return session.scalar(
        select(CollectionItem).where(
            CollectionItem.collection_id == collection_id, CollectionItem.id == item_id
        )
    )


def count_items(session: Session, collection_id: int) -> int:
    count = select(func.count()).where(CollectionItem.collection_id == collection_id)
    return session.scalar(count) or 0


def delete_item(session: Session, item: CollectionItem) -> None:
    session.execute(
        delete(CollectionItem)
        .where(CollectionItem.id == item.id)
        .execution_options(synchronize_session=False)
    )
    queries.close_gap(
        session, CollectionItem.position, item.position, collection_id=item.collection_id
    )


def delete_repo(session: Session, repo_id: int) -> None:
    session.execute(
        delete(CollectionItem)
        .where(CollectionItem.repo_id == repo_id)
        .execution_options(synchronize_session=False)
    )


def add_upvote(session: Session, account_id: int, collection_id: int, moment: datetime) -> bool:
    """Return whether the vote is new."""
    statement = (
        upsert.insert(session, Upvote)
        .values(account_id=account_id, collection_id=collection_id, created_at=moment)
        .on_conflict_do_nothing()
        .returning(Upvote.collection_id)
    )
    return session.execute(statement).one_or_none() is not None


def delete_upvote(session: Session, account_id: int, collection_id: int) -> bool:
    gone = session.execute(
        delete(Upvote)
        .where(Upvote.account_id == account_id, Upvote.collection_id == collection_id)
        .returning(Upvote.collection_id)
        .execution_options(synchronize_session=False)
    )
    return gone.one_or_none() is not None


def count_upvote(session: Session, collection: Collection, change: int) -> None:
    session.execute(
        update(Collection)
        .where(Collection.id == collection.id)
        .values(upvotes=Collection.upvotes + change)
        .execution_options(synchronize_session=False)
    )
    session.refresh(collection, ["upvotes"])


def upvoted(session: Session, account_id: int, collection_ids: Many[int]) -> set[int]:
    return set(
        session.scalars(
            select(Upvote.collection_id).where(
                Upvote.account_id == account_id, Upvote.collection_id.in_(collection_ids)
            )
        )
    )


def _seen(caller: Caller, item: Any, *only: Any) -> Select[Any]:
    """Select items with what they are, or only some columns, as far as the caller may see it."""
    target = aliased(Collection)
    found = (
        select(*(only or (item, Repository, target)))
        .select_from(item)
        .outerjoin(Repository, and_(Repository.id == item.repo_id, visible_repos(caller)))
        .outerjoin(target, and_(target.id == item.target_id, _shown(caller, target)))
        .where(or_(Repository.id.is_not(None), target.id.is_not(None)))
    )
    if only:
        return found
    # Inner joins, which are the rule for owners, would lose whatever is only one of the two.
    return found.options(
        joinedload(Repository.owner, innerjoin=False), joinedload(target.owner, innerjoin=False)
    )


def _shown(caller: Caller, target: Any) -> Any:
    return shown(caller, owner_id=target.owner_id, private=target.private)
