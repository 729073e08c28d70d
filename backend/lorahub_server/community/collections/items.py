"""What is in a collection: added, described, put in order, taken out."""

from collections import defaultdict
from collections.abc import Collection as Many
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.exc import IntegrityError

from lorahub_server.access import Tx, require_scope
from lorahub_server.community.collections import queries, queries_items, service, texts
from lorahub_server.community.collections.errors import (
    InvalidCollection,
    ItemExists,
    ItemKindUnknown,
    ItemNotFound,
    TooManyCollections,
)
from lorahub_server.community.collections.limits import ITEMS_MAX
from lorahub_server.community.collections.tables import Collection, CollectionItem
from lorahub_server.repos.tables import Repository

Kind = Literal["model", "collection"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a collection: a repository, or another collection."""

    id: str
    position: int
    note: str
    repo: Repository | None
    target: Collection | None

    @property
    def kind(self) -> Kind:
        return "model" if self.repo is not None else "collection"


def items_of(tx: Tx, collection: Collection) -> list[Item]:
    """Return what the caller may see of what is in it, in its order."""
    return [_item(*row) for row in queries_items.items_of(tx.session, tx.caller, collection.id)]


def first_items(tx: Tx, collections: Many[Collection], each: int) -> dict[int, list[Item]]:
    """Return the first so many things in each collection, by its id; one statement for all."""
    found: dict[int, list[Item]] = defaultdict(list)
    ids = [collection.id for collection in collections]
    if ids:
        for row in queries_items.first_items(tx.session, tx.caller, ids, each):
            found[row[0].collection_id].append(_item(*row))
    return found


def add(tx: Tx, collection: Collection, kind: str, name: str, note: str = "") -> None:
    """Put something at the end. Raises ItemExists, ItemKindUnknown, or that it isn't there."""
    service.lock_for_change(tx, collection)
    text = texts.checked_note(note)
    repo_id, target_id = _thing(tx, collection, kind, name)
    count = queries_items.count_items(tx.session, collection.id)
    if count >= ITEMS_MAX:
        message = f"A collection has at most {ITEMS_MAX} things in it. Begin another."
        raise TooManyCollections(message)
    row = CollectionItem(
        collection_id=collection.id,
        repo_id=repo_id,
        target_id=target_id,
        note=text,
        position=count,
        created_at=tx.now,
    )
    try:
        with tx.session.begin_nested():
            tx.session.add(row)
            tx.session.flush()
    except IntegrityError as error:
        raise ItemExists from error
    _touch(tx, collection)


def update(
    tx: Tx,
    collection: Collection,
    item_id: str,
    *,
    note: str | None = None,
    position: int | None = None,
) -> None:
    service.lock_for_change(tx, collection)
    row = _row(tx, collection, item_id)
    if note is not None:
        row.note = texts.checked_note(note)
        tx.session.flush()
    if position is not None:
        queries.place_item(tx.session, row, position)
    _touch(tx, collection)


def move_up(tx: Tx, collection: Collection, item_id: str) -> None:
    """Put something one place nearer to the beginning, as far as the caller can see."""
    service.lock_for_change(tx, collection)
    row = _row(tx, collection, item_id)
    before = [item for item in items_of(tx, collection) if item.position < row.position]
    if before:
        queries.place_item(tx.session, row, before[-1].position)
        _touch(tx, collection)


def remove(tx: Tx, collection: Collection, item_id: str) -> None:
    service.lock_for_change(tx, collection)
    queries_items.delete_item(tx.session, _row(tx, collection, item_id))
    _touch(tx, collection)


def forget_repo(tx: Tx, repo: Repository) -> None:
    """Take a repository that is deleted out of everybody's collections."""
    queries_items.delete_repo(tx.session, repo.id)


def upvote(tx: Tx, collection: Collection) -> int:
    """Give the caller's vote; a second time changes nothing. Return the number of votes."""
    account = require_scope(tx.caller, "write")
    if queries_items.add_upvote(tx.session, account.id, collection.id, tx.now):
        queries_items.count_upvote(tx.session, collection, 1)
    return collection.upvotes


def take_upvote_back(tx: Tx, collection: Collection) -> int:
    account = require_scope(tx.caller, "write")
    if queries_items.delete_upvote(tx.session, account.id, collection.id):
        queries_items.count_upvote(tx.session, collection, -1)
    return collection.upvotes


def upvoted(tx: Tx, collections: Sequence[Collection]) -> set[int]:
    """Return the ids of those that the caller voted for."""
    if tx.caller.account_id is None or not collections:
        return set()
    ids = [collection.id for collection in collections]
    return queries_items.upvoted(tx.session, tx.caller.account_id, ids)


def _thing(tx: Tx, collection: Collection, kind: str, name: str) -> tuple[int | None, int | None]:
    if kind == "model":
        return service.repo_named(tx, name).id, None
    if kind != "collection":
        message = "A collection here holds models and collections. Add one of these."
        raise ItemKindUnknown(message, place="type")
    target = service.get(tx, name)
    if target.id == collection.id:
        raise InvalidCollection("A collection can't be in itself. Add another.", place="id")
    return None, target.id


def _row(tx: Tx, collection: Collection, item_id: str) -> CollectionItem:
    row_id = texts.row_id(item_id)
    row = None if row_id is None else queries_items.item(tx.session, collection.id, row_id)
    if row is None:
        raise ItemNotFound("That is not in the collection, or not any more. Load it again.")
    return row


def _touch(tx: Tx, collection: Collection) -> None:
    collection.updated_at = tx.now
    tx.session.flush()


def _item(row: CollectionItem, repo: Repository | None, target: Collection | None) -> Item:
    return Item(texts.public_id(row.id), row.position, row.note, repo, target)
