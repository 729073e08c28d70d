"""Collections of models, and of other collections."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from lorahub_server.access import Tx, require_login
from lorahub_server.community.collections import items as contents
from lorahub_server.community.collections import service
from lorahub_server.community.collections.errors import CollectionExists
from lorahub_server.community.collections.items import Item
from lorahub_server.community.collections.tables import Collection
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.hf import people
from lorahub_server.doors.hf.shapes import Text, many, moment, page
from lorahub_server.kit.errors import BadRequest

router = APIRouter(prefix="/api/collections")

# A list shows the beginning of each collection only.
_IN_LIST = 4
# Clients' names for orders.
_SORTS = {"lastModified": "updated", "trending": "upvotes", "upvotes": "upvotes"}
_MODELS = "models/"


class _Body(BaseModel):
    # What the clients send beyond this is for other kinds of hubs.
    model_config = ConfigDict(extra="ignore")


class NewCollection(_Body):
    title: Text
    namespace: Text | None = None
    description: Text | None = None
    private: bool = False


class Change(_Body):
    title: Text | None = None
    description: Text | None = None
    theme: Text | None = None
    private: bool | None = None
    position: int | None = None


class Thing(_Body):
    id: Text
    type: Text


class NewItem(_Body):
    item: Thing
    note: Text | None = None


class ItemChange(_Body):
    note: Text | None = None
    position: int | None = None


@router.get("")
def list_collections(
    request: Request,
    tx: ReadTx,
    sort: str = "lastModified",
    limit: Annotated[int | None, Query(ge=1)] = None,
    cursor: Annotated[str | None, Query()] = None,
) -> JSONResponse:
    if sort not in _SORTS:
        message = f"Collections are sorted by {', '.join(_SORTS)}. Use one of these."
        raise BadRequest(message, place="sort")
    wanted = many(request, "item")
    repo_ids = [item.removeprefix(_MODELS) for item in wanted if item.startswith(_MODELS)]
    if wanted and not repo_ids:
        return JSONResponse([])
    found = service.find(
        tx,
        owners=many(request, "owner"),
        repo_ids=repo_ids,
        sort=_SORTS[sort],
        cursor=cursor,
        limit=limit,
    )
    first = contents.first_items(tx, found.items, _IN_LIST)
    voted = contents.upvoted(tx, found.items)
    # The clients count the positions of a list themselves.
    shown = [_shown(request, one, first[one.id], is_upvoted=one.id in voted) for one in found.items]
    return page(request, shown, found.next_cursor)


@router.post("")
def create(request: Request, tx: WriteTx, wish: NewCollection) -> JSONResponse:
    owner = wish.namespace or require_login(tx.caller).name
    try:
        made = service.create(
            tx, owner, wish.title, description=wish.description or "", private=wish.private
        )
    except CollectionExists as error:
        return JSONResponse({"error": error.message, "slug": error.slug}, error.status)
    return JSONResponse(_whole(request, tx, made))


@router.get("/{owner}/{slug}")
def show(request: Request, tx: ReadTx, owner: str, slug: str) -> JSONResponse:
    return JSONResponse(_whole(request, tx, _get(tx, owner, slug)))


@router.patch("/{owner}/{slug}")
def change(request: Request, tx: WriteTx, owner: str, slug: str, wish: Change) -> JSONResponse:
    found = service.update(tx, _get(tx, owner, slug), service.Wish(**wish.model_dump()))
    return JSONResponse({"success": True, "data": _whole(request, tx, found)})


@router.delete("/{owner}/{slug}")
def delete(tx: WriteTx, owner: str, slug: str) -> Response:
    service.delete(tx, _get(tx, owner, slug))
    return JSONResponse({"success": True})


@router.post("/{owner}/{slug}/items")
@router.post("/{owner}/{slug}/item")
def add_item(request: Request, tx: WriteTx, owner: str, slug: str, wish: NewItem) -> JSONResponse:
    found = _get(tx, owner, slug)
    contents.add(tx, found, wish.item.type, wish.item.id, wish.note or "")
    return JSONResponse(_whole(request, tx, found))


@router.patch("/{owner}/{slug}/items/{item}")
def change_item(tx: WriteTx, owner: str, slug: str, item: str, wish: ItemChange) -> JSONResponse:
    found = _get(tx, owner, slug)
    contents.update(tx, found, item, note=wish.note, position=wish.position)
    return JSONResponse({"success": True})


@router.delete("/{owner}/{slug}/items/{item}")
def remove_item(tx: WriteTx, owner: str, slug: str, item: str) -> JSONResponse:
    contents.remove(tx, _get(tx, owner, slug), item)
    return JSONResponse({"success": True})


def _get(tx: Tx, owner: str, slug: str) -> Collection:
    return service.get(tx, f"{owner}/{slug}")


def _whole(request: Request, tx: Tx, found: Collection) -> dict[str, Any]:
    voted = contents.upvoted(tx, [found])
    items = contents.items_of(tx, found)
    shown = _shown(request, found, items, is_upvoted=found.id in voted)
    return {**shown, "position": found.position}


def _shown(
    request: Request, found: Collection, items: list[Item], *, is_upvoted: bool
) -> dict[str, Any]:
    return {
        "slug": service.slug_of(found),
        "title": found.title,
        "description": found.description or None,
        "owner": people.short(request, found.owner),
        "private": found.private,
        "theme": found.theme,
        "upvotes": found.upvotes,
        "isUpvotedByUser": is_upvoted,
        "gating": False,
        "lastUpdated": moment(found.updated_at),
        "items": [_item(item) for item in items],
    }


def _item(item: Item) -> dict[str, Any]:
    shown: dict[str, Any] = {"_id": item.id, "type": item.kind, "position": item.position}
    if item.note:
        shown["note"] = {"text": item.note}
    if item.repo is not None:
        shown |= {
            "id": item.repo.full_name,
            "author": item.repo.owner.name,
            "repoType": "model",
            "private": item.repo.private,
            "lastModified": moment(item.repo.updated_at),
        }
    elif item.target is not None:
        slug = service.slug_of(item.target)
        shown |= {"id": slug, "slug": slug, "title": item.target.title}
    return shown
