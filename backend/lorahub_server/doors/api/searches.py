"""Saved searches and notifications of the caller."""

from typing import Any, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from lorahub_server.community.notifications import service as notifications
from lorahub_server.community.notifications.service import Told
from lorahub_server.community.searches import service
from lorahub_server.community.searches.tables import SavedSearch
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx, base_url
from lorahub_server.doors.schemas import Cursor, Limit, RowId, Text, Time, example

router = APIRouter(tags=["searches"])

_SEARCH: dict[str, Any] = {
    "id": 5,
    "name": "Glass for SDXL",
    "line": "glass base:sdxl -#anime",
    "notify": True,
    "created_at": "2026-01-31T12:00:00Z",
    "url": "http://127.0.0.1:8000/?q=glass+base%3Asdxl+-%23anime",
    "feed": "http://127.0.0.1:8000/feed.atom?q=glass+base%3Asdxl+-%23anime",
}
_NOTIFICATION: dict[str, Any] = {
    "id": 71,
    "kind": "search",
    "name": "Glass for SDXL",
    "line": "glass base:sdxl -#anime",
    "count": 1,
    "repos": ["alice/my-style"],
    "created_at": "2026-01-31T12:01:00Z",
    "read_at": None,
}


class SavedSearchOut(BaseModel):
    """`line` is a search line as `q` of the list of repositories takes it."""

    model_config = example(_SEARCH)

    id: int
    name: str
    line: str
    notify: bool
    created_at: Time
    url: str
    feed: str

    @classmethod
    def of(cls, search: SavedSearch, base: str) -> Self:
        own = {name: getattr(search, name) for name in ("id", "name", "line", "notify")}
        return cls(
            **own,
            created_at=search.created_at,
            url=base + links.query("/", q=search.line),
            feed=base + links.query("/feed.atom", q=search.line),
        )


class SavedSearchList(BaseModel):
    model_config = example({"items": [_SEARCH]})

    items: list[SavedSearchOut]


class NewSearch(BaseModel):
    model_config = example({"line": "glass base:sdxl -#anime", "notify": True})

    line: Text
    name: Text = Field("", description="The line itself if empty.")
    notify: bool = False


class SearchChange(BaseModel):
    model_config = example({"notify": False})

    name: Text | None = None
    notify: bool | None = None


class NotificationOut(BaseModel):
    """A saved search that found something: `count` repositories, some of them in `repos`."""

    model_config = example(_NOTIFICATION)

    id: int
    kind: str
    name: str
    line: str
    count: int
    repos: list[str]
    created_at: Time
    read_at: Time | None

    @classmethod
    def of(cls, told: Told) -> Self:
        row = told.row
        facts = {name: row.facts.get(name) for name in ("name", "line", "count")}
        return cls(
            id=row.id,
            kind=row.kind,
            repos=[card.full_name for card in told.cards],
            created_at=row.created_at,
            read_at=row.read_at,
            **facts,
        )


class NotificationList(BaseModel):
    model_config = example({"items": [_NOTIFICATION], "unread": 1, "next": None})

    items: list[NotificationOut]
    unread: int
    next: str | None


@router.get("/searches", summary="List your saved searches")
def list_searches(request: Request, tx: ReadTx) -> SavedSearchList:
    """All of them, by name."""
    base = base_url(request)
    return SavedSearchList(items=[SavedSearchOut.of(one, base) for one in service.find(tx)])


@router.post("/searches", summary="Save a search", status_code=201)
def create_search(request: Request, tx: WriteTx, wish: NewSearch) -> SavedSearchOut:
    """The line is kept as it is understood: what is not is left out.

    With `notify` you get a notification when something new fits, once for each repository.

        curl -H "Authorization: Bearer $LORAHUB_TOKEN" -H "Content-Type: application/json" \
            -d '{"line": "glass base:sdxl", "notify": true}' http://127.0.0.1:8000/api/hub/v1/searches
    """
    made = service.create(tx, wish.line, name=wish.name, notify=wish.notify)
    return SavedSearchOut.of(made, base_url(request))


@router.patch("/searches/{search_id}", summary="Rename a saved search, or be told of it")
def change_search(
    request: Request, tx: WriteTx, search_id: RowId, change: SearchChange
) -> SavedSearchOut:
    """Being told begins with what is published from now on."""
    found = service.get(tx, search_id)
    changed = service.update(tx, found, name=change.name, notify=change.notify)
    return SavedSearchOut.of(changed, base_url(request))


@router.delete("/searches/{search_id}", summary="Delete a saved search", status_code=204)
def delete_search(tx: WriteTx, search_id: RowId) -> None:
    """Notifications that it led to stay."""
    service.delete(tx, service.get(tx, search_id))


@router.get("/notifications", summary="List your notifications")
def list_notifications(tx: ReadTx, limit: Limit = 30, cursor: Cursor = None) -> NotificationList:
    """The latest first. `unread` counts those that were not marked as read."""
    found = notifications.find(tx, cursor, limit)
    account = tx.caller.account
    return NotificationList(
        items=[NotificationOut.of(one) for one in found.items],
        unread=account.unread if account else 0,
        next=found.next_cursor,
    )


@router.post("/notifications/read", summary="Mark your notifications as read", status_code=204)
def read_notifications(tx: WriteTx) -> None:
    """All of them; reading what is read changes nothing."""
    notifications.mark_read(tx)
