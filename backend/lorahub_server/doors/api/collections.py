"""Collections: lists of repositories with a note to each."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict

from lorahub_server.access import Tx, require_login
from lorahub_server.community.collections import items as contents
from lorahub_server.community.collections import service
from lorahub_server.community.collections.items import Item
from lorahub_server.community.collections.tables import Collection
from lorahub_server.community.collections.texts import checked_theme
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx, base_url
from lorahub_server.doors.schemas import Cursor, Limit, Owner, Text, Time, example

router = APIRouter(prefix="/collections", tags=["collections"])

Slug = Annotated[str, Path(description="The address's second part; its end counts.")]
ItemId = Annotated[str, Path(description="`id` of the item.")]
_ITEM = {
    "id": "000000000000000000000009",
    "kind": "model",
    "name": "alice/my-style",
    "note": "Good with 0.7.",
    "position": 0,
}
_COLLECTION = {
    "slug": "alice/glass-000000000000000000000004",
    "title": "Glass",
    "description": "Adapters that know light.",
    "owner": "alice",
    "private": False,
    "theme": "blue",
    "position": 0,
    "upvotes": 3,
    "upvoted": False,
    "items": [_ITEM],
    "created_at": "2026-01-31T12:00:00Z",
    "updated_at": "2026-02-01T12:00:00Z",
    "url": "http://127.0.0.1:8000/collections/alice/glass-000000000000000000000004",
}
_IN_LIST = 4


class ItemOut(BaseModel):
    """`name` is a repository's owner/name, or another collection's slug."""

    id: str
    kind: Literal["model", "collection"]
    name: str
    note: str
    position: int

    model_config = example(_ITEM)


class CollectionOut(BaseModel):
    slug: str
    title: str
    description: str
    owner: str
    private: bool
    theme: str
    position: int
    upvotes: int
    upvoted: bool
    items: list[ItemOut]
    created_at: Time
    updated_at: Time
    url: str

    model_config = example(_COLLECTION)


class CollectionList(BaseModel):
    items: list[CollectionOut]
    next: str | None

    model_config = example({"items": [_COLLECTION], "next": None})


class NewCollection(BaseModel):
    title: Text
    owner: Text | None = None
    description: Text = ""
    private: bool = False
    theme: Text = "blue"

    model_config = example({"title": "Glass", "description": "Adapters that know light."})


class CollectionChange(BaseModel):
    title: Text | None = None
    description: Text | None = None
    theme: Text | None = None
    private: bool | None = None
    position: int | None = None

    model_config = example({"title": "Glass and water", "position": 0})


class NewItem(BaseModel):
    kind: Text = "model"
    name: Text
    note: Text = ""

    model_config = example({"kind": "model", "name": "alice/my-style", "note": "Good with 0.7."})


class ItemChange(BaseModel):
    note: Text | None = None
    position: int | None = None

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"position": 0}})


class VotesOut(BaseModel):
    upvoted: bool
    upvotes: int

    model_config = example({"upvoted": True, "upvotes": 4})


@router.get("", summary="List collections")
def list_collections(
    request: Request,
    tx: ReadTx,
    owner: Annotated[list[Text] | None, Query(description="Of any of these.")] = None,
    repo: Annotated[list[Text] | None, Query(description="With any of these in it.")] = None,
    sort: Annotated[Text, Query(description="One of updated, upvotes.")] = "updated",
    limit: Limit = 30,
    cursor: Cursor = None,
) -> CollectionList:
    """Each with the first four things in it. Private ones are listed for who may see them."""
    found = service.find(
        tx, owners=owner or (), repo_ids=repo or (), sort=sort, cursor=cursor, limit=limit
    )
    first = contents.first_items(tx, found.items, _IN_LIST)
    voted = contents.upvoted(tx, found.items)
    return CollectionList(
        items=[_out(request, one, first[one.id], upvoted=one.id in voted) for one in found.items],
        next=found.next_cursor,
    )


@router.post("", summary="Make a collection", status_code=201)
def create(request: Request, tx: WriteTx, wish: NewCollection) -> CollectionOut:
    """Of the caller or of an organisation. 409 `collection_exists` tells the `slug` of the one
    with the same title.
    """
    made = service.create(
        tx,
        wish.owner or require_login(tx.caller).name,
        wish.title,
        description=wish.description,
        private=wish.private,
        theme=checked_theme(wish.theme),
    )
    return _whole(request, tx, made)


@router.get("/{owner}/{slug}", summary="Show a collection")
def show(request: Request, tx: ReadTx, owner: Owner, slug: Slug) -> CollectionOut:
    """What in it the caller may not see is left out. A private one answers others like none."""
    return _whole(request, tx, _get(tx, owner, slug))


@router.patch("/{owner}/{slug}", summary="Change a collection")
def change(
    request: Request, tx: WriteTx, owner: Owner, slug: Slug, wish: CollectionChange
) -> CollectionOut:
    """Its slug follows the title; earlier ones lead to it as well."""
    found = _get(tx, owner, slug)
    return _whole(request, tx, service.update(tx, found, service.Wish(**wish.model_dump())))


@router.delete("/{owner}/{slug}", summary="Delete a collection", status_code=204)
def delete(tx: WriteTx, owner: Owner, slug: Slug) -> None:
    """What was in it stays."""
    service.delete(tx, _get(tx, owner, slug))


@router.post("/{owner}/{slug}/items", summary="Add to a collection", status_code=201)
def add_item(
    request: Request, tx: WriteTx, owner: Owner, slug: Slug, wish: NewItem
) -> CollectionOut:
    """A repository (`model`), or another `collection` by its slug; it comes last."""
    found = _get(tx, owner, slug)
    contents.add(tx, found, wish.kind, wish.name, wish.note)
    return _whole(request, tx, found)


@router.patch("/{owner}/{slug}/items/{item}", summary="Change a note, or the order")
def change_item(
    request: Request, tx: WriteTx, owner: Owner, slug: Slug, item: ItemId, wish: ItemChange
) -> CollectionOut:
    """`position` 0 is the first place; the others make room."""
    found = _get(tx, owner, slug)
    contents.update(tx, found, item, note=wish.note, position=wish.position)
    return _whole(request, tx, found)


@router.delete("/{owner}/{slug}/items/{item}", summary="Take out of a collection", status_code=204)
def remove_item(tx: WriteTx, owner: Owner, slug: Slug, item: ItemId) -> None:
    """The repository or collection itself stays."""
    contents.remove(tx, _get(tx, owner, slug), item)


@router.put("/{owner}/{slug}/upvote", summary="Vote for a collection")
def upvote(tx: WriteTx, owner: Owner, slug: Slug) -> VotesOut:
    """A second time changes nothing."""
    return VotesOut(upvoted=True, upvotes=contents.upvote(tx, _get(tx, owner, slug)))


@router.delete("/{owner}/{slug}/upvote", summary="Take a vote back")
def take_upvote_back(tx: WriteTx, owner: Owner, slug: Slug) -> VotesOut:
    """Without a vote nothing changes."""
    votes = contents.take_upvote_back(tx, _get(tx, owner, slug))
    return VotesOut(upvoted=False, upvotes=votes)


def _get(tx: Tx, owner: str, slug: str) -> Collection:
    return service.get(tx, f"{owner}/{slug}")


def _whole(request: Request, tx: Tx, found: Collection) -> CollectionOut:
    voted = contents.upvoted(tx, [found])
    return _out(request, found, contents.items_of(tx, found), upvoted=found.id in voted)


def _out(request: Request, found: Collection, items: list[Item], *, upvoted: bool) -> CollectionOut:
    slug = service.slug_of(found)
    return CollectionOut(
        slug=slug,
        title=found.title,
        description=found.description,
        owner=found.owner.name,
        private=found.private,
        theme=found.theme,
        position=found.position,
        upvotes=found.upvotes,
        upvoted=upvoted,
        items=[_item(one) for one in items],
        created_at=found.created_at,
        updated_at=found.updated_at,
        url=base_url(request) + links.collection(slug),
    )


def _item(item: Item) -> ItemOut:
    if item.repo is not None:
        name = item.repo.full_name
    else:
        assert item.target is not None
        name = service.slug_of(item.target)
    return ItemOut(id=item.id, kind=item.kind, name=name, note=item.note, position=item.position)
