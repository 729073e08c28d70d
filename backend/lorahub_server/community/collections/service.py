"""Collections: made, found, changed, ended. What is in them has a module of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy.exc import IntegrityError

from lorahub_server.access import Tx, can_edit, require_login, require_scope
from lorahub_server.access.errors import NotAllowed, RepoGone, RepoNotFound
from lorahub_server.accounts.tables import Account
from lorahub_server.community.collections import queries, texts
from lorahub_server.community.collections.errors import (
    CollectionExists,
    CollectionNotFound,
    InvalidCollection,
    TooManyCollections,
)
from lorahub_server.community.collections.limits import COLLECTIONS_MAX, THEMES
from lorahub_server.community.collections.tables import Collection
from lorahub_server.kit import names, pagination
from lorahub_server.kit.pagination import Page
from lorahub_server.repos import owners as repo_owners
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import RepoMoved
from lorahub_server.repos.tables import Repository

_FILTERS_MAX = 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be changed; None leaves as it is."""

    title: str | None = None
    description: str | None = None
    theme: str | None = None
    private: bool | None = None
    position: int | None = None


def slug_of(collection: Collection) -> str:
    return texts.slug(collection.owner.name, collection.title, collection.id)


def create(
    tx: Tx,
    owner: str,
    title: str,
    *,
    description: str = "",
    private: bool = False,
    theme: str = THEMES[1],
) -> Collection:
    """Make an empty collection under one's own or an organisation's name."""
    title, description = texts.checked_title(title), texts.checked_description(description)
    account = repo_owners.lock_new_owner(tx, owner)
    key = texts.title_key(title)
    _check_free(tx, account.id, title, key, but=None)
    count = queries.count_of(tx.session, account.id)
    if count >= COLLECTIONS_MAX:
        message = f"An account has at most {COLLECTIONS_MAX} collections. Delete one first."
        raise TooManyCollections(message)
    made = Collection(
        owner=account,
        creator_id=require_login(tx.caller).id,
        title=title,
        title_key=key,
        description=description,
        theme=texts.checked_theme(theme),
        private=private,
        position=count,
        created_at=tx.now,
        updated_at=tx.now,
    )
    tx.session.add(made)
    tx.session.flush()
    return made


def get(tx: Tx, slug: str) -> Collection:
    """Return the collection whose id the address ends with, or raise CollectionNotFound."""
    row_id = texts.row_id(slug)
    found = None if row_id is None else queries.by_id(tx.session, tx.caller, row_id)
    if found is None:
        raise CollectionNotFound
    return found


def may_change(tx: Tx, collection: Collection) -> bool:
    return can_edit(tx.caller, owner_id=collection.owner_id, creator_id=collection.creator_id)


def lock_for_change(tx: Tx, collection: Collection) -> None:
    """Hold the collection till the transaction ends; raise unless the caller may change it."""
    if not queries.lock(tx.session, collection):
        raise CollectionNotFound
    if collection.owner_id != tx.caller.account_id:
        repo_owners.reread_roles(tx)
    require_change(tx, collection)


def require_change(tx: Tx, collection: Collection) -> None:
    """Raise LoginRequired, ScopeMissing or NotAllowed unless the caller may change it."""
    require_login(tx.caller)
    if not may_change(tx, collection):
        require_scope(tx.caller, "write")
        message = (
            "Only its owner may change this collection, or a member of its organisation whose "
            "role allows it. Make one of your own."
        )
        raise NotAllowed(message)


def update(tx: Tx, collection: Collection, wish: Wish) -> Collection:
    """Change what is given. Its old address leads to it, whatever its title becomes."""
    lock_for_change(tx, collection)
    if wish.title is not None:
        title = texts.checked_title(wish.title)
        key = texts.title_key(title)
        _check_free(tx, collection.owner_id, title, key, but=collection.id)
        collection.title, collection.title_key = title, key
    if wish.description is not None:
        collection.description = texts.checked_description(wish.description)
    if wish.theme is not None:
        collection.theme = texts.checked_theme(wish.theme)
    if wish.private is not None:
        collection.private = wish.private
    collection.updated_at = tx.now
    try:
        with tx.session.begin_nested():
            tx.session.flush()
    except IntegrityError as error:
        raise CollectionExists(wish.title or "", "") from error
    if wish.position is not None:
        queries.place(tx.session, collection, wish.position)
        tx.session.flush()
    return collection


def delete(tx: Tx, collection: Collection) -> None:
    lock_for_change(tx, collection)
    queries.delete_one(tx.session, collection)


def delete_all_of(tx: Tx, account: Account) -> None:
    """Remove what an account that ends has collected; callers have checked that they may."""
    queries.delete_all_of(tx.session, account.id)


def find(
    tx: Tx,
    *,
    owners: Sequence[str] = (),
    repo_ids: Sequence[str] = (),
    sort: str = "updated",
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[Collection]:
    """Return a page of the collections that the caller may see.

    `owners`: of any of these accounts; `repo_ids`: with any of these repositories.
    """
    if sort not in queries.SORTS:
        message = f"There is no order of that name. Use one of {', '.join(queries.SORTS)}."
        raise InvalidCollection(message, place="sort")
    order = f"collections-{sort}"
    after = None
    if cursor:
        value, row_id = pagination.decode(cursor, order, queries.SORTS[sort][1], int)
        if value is None or row_id is None:
            raise pagination.BadCursor
        after = cast("tuple[datetime | int, int]", (value, row_id))
    wanted = [names.lower(name) for name in owners[:_FILTERS_MAX] if names.is_account_name(name)]
    repo_rows = _repo_rows(tx, repo_ids[:_FILTERS_MAX])
    if (owners and not wanted) or (repo_ids and not repo_rows):
        return Page([], None)
    size = pagination.clamp_limit(limit)
    rows = queries.found(
        tx.session,
        tx.caller,
        sort,
        after,
        size + 1,
        owners=wanted or None,
        repo_ids=repo_rows or None,
    )
    column = queries.SORTS[sort][0].key
    shown, following = pagination.cut(
        rows, size, lambda row: pagination.encode(order, getattr(row, column), row.id)
    )
    return Page(shown, following)


def of_owner(tx: Tx, account: Account, limit: int) -> Sequence[Collection]:
    """Return an account's first so many collections in its own order."""
    return queries.of_owner(tx.session, tx.caller, account.id, limit)


def repo_named(tx: Tx, repo_id: str) -> Repository:
    """Return the repository of this owner/name, also of one that it had before."""
    owner, _, name = repo_id.partition("/")
    try:
        return repos.get_repo(tx, owner, name)
    except RepoMoved as moved:
        return repos.get_repo(tx, moved.owner, moved.name)


def _repo_rows(tx: Tx, repo_ids: Sequence[str]) -> list[int]:
    """Return the repositories of these names that the caller may read."""
    found = []
    for repo_id in repo_ids:
        try:
            found.append(repo_named(tx, repo_id).id)
        except (RepoNotFound, RepoGone, RepoMoved):
            continue
    return found


def _check_free(tx: Tx, owner_id: int, title: str, key: str, *, but: int | None) -> None:
    there = queries.by_title(tx.session, owner_id, key)
    if there is not None and there.id != but:
        raise CollectionExists(title, slug_of(there))
