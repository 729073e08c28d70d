"""SQL of collections: who sees which, in what order."""

from collections.abc import Collection as Many
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, contains_eager

from lorahub_server.access import Caller, shown
from lorahub_server.accounts.tables import Account
from lorahub_server.community.collections.tables import Collection, CollectionItem

SORTS: dict[str, tuple[InstrumentedAttribute[Any], type]] = {
    "updated": (Collection.updated_at, datetime),
    "upvotes": (Collection.upvotes, int),
}


def seen(caller: Caller) -> ColumnElement[bool]:
    return shown(caller, owner_id=Collection.owner_id, private=Collection.private)


def by_id(session: Session, caller: Caller, collection_id: int) -> Collection | None:
    """Return the collection if the caller may see it."""
    return session.scalar(_live().where(Collection.id == collection_id, seen(caller)))


def by_title(session: Session, owner_id: int, title_key: str) -> Collection | None:
    return session.scalar(
        select(Collection).where(Collection.owner_id == owner_id, Collection.title_key == title_key)
    )


def lock(session: Session, collection: Collection) -> bool:
    """Hold the collection till the transaction ends, and read its row anew; False: it is gone."""
    found = session.get(
        Collection,
        collection.id,
        with_for_update={"key_share": True, "of": Collection},
        populate_existing=True,
    )
    return found is not None


def found(
    session: Session,
    caller: Caller,
    sort: str,
    after: tuple[Any, int] | None,
    limit: int,
    *,
    owners: Many[str] | None = None,
    repo_ids: Many[int] | None = None,
) -> Sequence[Collection]:
    """Return a page of what the caller may see, the latest or most liked first."""
    column, _ = SORTS[sort]
    statement = _live().where(seen(caller))
    if owners is not None:
        statement = statement.where(Account.name_lower.in_(owners))
    if repo_ids is not None:
        statement = statement.where(
            exists().where(
                CollectionItem.collection_id == Collection.id,
                CollectionItem.repo_id.in_(repo_ids),
            )
        )
    if after is not None:
        value, row_id = after
        statement = statement.where(
            tuple_(column, Collection.id)
            < tuple_(literal(value, column.type), literal(row_id, Collection.id.type))
        )
    return session.scalars(
        statement.order_by(column.desc(), Collection.id.desc()).limit(limit)
    ).all()


def of_owner(session: Session, caller: Caller, owner_id: int, limit: int) -> Sequence[Collection]:
    """Return an account's collections in the order that it gave them."""
    return session.scalars(
        _live()
        .where(Collection.owner_id == owner_id, seen(caller))
        .order_by(Collection.position, Collection.id)
        .limit(limit)
    ).all()


def count_of(session: Session, owner_id: int) -> int:
    count = select(func.count()).select_from(Collection).where(Collection.owner_id == owner_id)
    return session.scalar(count) or 0


def delete_one(session: Session, collection: Collection) -> None:
    session.execute(delete(Collection).where(Collection.id == collection.id))
    close_gap(session, Collection.position, collection.position, owner_id=collection.owner_id)


def delete_all_of(session: Session, owner_id: int) -> None:
    session.execute(delete(Collection).where(Collection.owner_id == owner_id))


def place(session: Session, collection: Collection, to: int) -> None:
    """Put the collection elsewhere among its owner's."""
    most = max(count_of(session, collection.owner_id) - 1, 0)
    own = Collection.owner_id == collection.owner_id
    collection.position = _shift(
        session, Collection, own, collection.position, min(max(to, 0), most)
    )


def place_item(session: Session, item: CollectionItem, to: int) -> None:
    own = CollectionItem.collection_id == item.collection_id
    count = session.scalar(select(func.count()).select_from(CollectionItem).where(own)) or 1
    item.position = _shift(session, CollectionItem, own, item.position, min(max(to, 0), count - 1))


def close_gap(session: Session, column: InstrumentedAttribute[int], at: int, **own: int) -> None:
    """Let those behind a place that is free now move up."""
    table = column.class_
    mine = [getattr(table, name) == value for name, value in own.items()]
    session.execute(
        update(table)
        .where(*mine, column > at)
        .values({column: column - 1})
        .execution_options(synchronize_session=False)
    )


def _shift(session: Session, table: Any, own: ColumnElement[bool], at: int, to: int) -> int:
    """Make room at `to` for what is at `at`; return `to`."""
    if at == to:
        return to
    step = 1 if to < at else -1
    low, high = min(at, to), max(at, to)
    session.execute(
        update(table)
        .where(own, and_(table.position >= low, table.position <= high))
        .values(position=table.position + step)
        .execution_options(synchronize_session=False)
    )
    return to


def _live() -> Select[Collection]:
    return (
        select(Collection)
        .join(Account, Account.id == Collection.owner_id)
        .options(contains_eager(Collection.owner))
        .where(Account.deleted_at.is_(None))
    )
