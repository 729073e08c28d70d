"""Webhooks: where an account wants to be told of what happens to what it watches."""

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from lorahub_server.access import Tx
from lorahub_server.community.webhooks import service
from lorahub_server.community.webhooks.limits import WATCHED_MAX
from lorahub_server.community.webhooks.service import Told, Watched
from lorahub_server.community.webhooks.tables import Webhook
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.schemas import Cursor, Limit, RowId, Text, Time, example

router = APIRouter(tags=["webhooks"])

_HOOK: dict[str, Any] = {
    "id": 7,
    "url": "https://ci.example/hub",
    "watched": [{"type": "user", "name": "alice"}, {"type": "model", "name": "bob/glass"}],
    "domains": ["repo", "discussion"],
    "has_secret": True,
    "disabled": False,
    "disabled_why": "",
    "failures": 0,
    "paused_until": None,
    "created_at": "2026-01-31T12:00:00Z",
}
_DELIVERY: dict[str, Any] = {
    "id": 31,
    "event": "repo.content update",
    "repo": "alice/my-style",
    "state": "delivered",
    "tries": 1,
    "status": 200,
    "error": "",
    "created_at": "2026-01-31T12:00:00Z",
    "tried_at": "2026-01-31T12:00:01Z",
    "due_at": None,
}


class WatchedItem(BaseModel):
    model_config = example(_HOOK["watched"][0])

    type: Text = Field(description="`user`, `org` or `model`.")
    name: Text


class WebhookOut(BaseModel):
    """`disabled_why` says why the hub turned it off; it is empty when its owner did."""

    model_config = example(_HOOK)

    id: int
    url: str
    watched: list[WatchedItem]
    domains: list[str]
    has_secret: bool
    disabled: bool
    disabled_why: str
    failures: int
    paused_until: Time | None
    created_at: Time

    @classmethod
    def of(cls, hook: Webhook, watched: list[Watched]) -> Self:
        names = (
            "id", "url", "domains", "has_secret", "disabled", "disabled_why", "failures",
            "paused_until", "created_at",
        )  # fmt: skip
        items = [WatchedItem(type=item.kind, name=item.name) for item in watched]
        return cls(watched=items, **{name: getattr(hook, name) for name in names})


class WebhookList(BaseModel):
    model_config = example({"items": [_HOOK]})

    items: list[WebhookOut]


Things = Annotated[list[WatchedItem], Field(min_length=1, max_length=WATCHED_MAX)]
Domains = Annotated[list[Literal["repo", "discussion"]], Field(min_length=1, max_length=2)]


class NewWebhook(BaseModel):
    model_config = example(
        {
            "url": "https://ci.example/hub",
            "watched": [{"type": "user", "name": "alice"}],
            "secret": "a-long-random-text",
        }
    )

    url: Text
    watched: Things
    domains: Domains | None = None
    secret: Text | None = None


class WebhookChange(BaseModel):
    model_config = example({"domains": ["repo"], "disabled": False})

    url: Text | None = None
    watched: Things | None = None
    domains: Domains | None = None
    secret: Text | None = Field(None, description="An empty text removes it.")
    disabled: bool | None = None


class DeliveryOut(BaseModel):
    """`state`: waiting, delivered, failed, or dropped. `repo` is null if you may not know it."""

    model_config = example(_DELIVERY)

    id: int
    event: str
    repo: str | None
    state: str
    tries: int
    status: int | None
    error: str
    created_at: Time
    tried_at: Time | None
    due_at: Time | None

    @classmethod
    def of(cls, told: Told) -> Self:
        names = ("id", "state", "tries", "status", "error", "created_at", "tried_at", "due_at")
        own = {name: getattr(told.row, name) for name in names}
        return cls(event=told.event, repo=told.repo, **own)


class DeliveryList(BaseModel):
    model_config = example({"items": [_DELIVERY], "next": None})

    items: list[DeliveryOut]
    next: str | None


@router.get("/webhooks", summary="List your webhooks")
def list_webhooks(tx: ReadTx) -> WebhookList:
    """Your own, the newest first. Secrets are never shown."""
    hooks = service.list_hooks(tx)
    watched = service.watched_of(tx, hooks)
    return WebhookList(items=[WebhookOut.of(hook, watched[hook.id]) for hook in hooks])


@router.post("/webhooks", summary="Add a webhook", status_code=201)
def create_webhook(tx: WriteTx, wish: NewWebhook) -> WebhookOut:
    """From now on a POST with JSON goes to `url` when something happens to what is watched.

    The secret is sent along in the header `X-Webhook-Secret` and never shown again.
    """
    hook = service.create_hook(
        tx, wish.url, _things(wish.watched), domains=wish.domains, secret=wish.secret
    )
    return _shown(tx, hook)


@router.get("/webhooks/{hook_id}", summary="Show a webhook")
def show_webhook(tx: ReadTx, hook_id: RowId) -> WebhookOut:
    """What it watches, where it sends, and whether it is on."""
    return _shown(tx, service.get_hook(tx, hook_id))


@router.patch("/webhooks/{hook_id}", summary="Change a webhook, or turn it off or on")
def change_webhook(tx: WriteTx, hook_id: RowId, change: WebhookChange) -> WebhookOut:
    """Turning it off gives up what waits to be sent."""
    hook = service.update_hook(
        tx,
        service.get_hook(tx, hook_id),
        url=change.url,
        watched=None if change.watched is None else _things(change.watched),
        domains=change.domains,
        secret=change.secret,
    )
    if change.disabled is not None:
        hook = service.set_disabled(tx, hook, change.disabled)
    return _shown(tx, hook)


@router.delete("/webhooks/{hook_id}", summary="Delete a webhook", status_code=204)
def delete_webhook(tx: WriteTx, hook_id: RowId) -> None:
    """What was not sent yet is dropped."""
    service.delete_hook(tx, service.get_hook(tx, hook_id))


@router.get("/webhooks/{hook_id}/deliveries", summary="See what was sent")
def list_deliveries(
    tx: ReadTx, hook_id: RowId, limit: Limit = 30, cursor: Cursor = None
) -> DeliveryList:
    """The newest first. They are kept for some days."""
    page = service.deliveries_of(tx, service.get_hook(tx, hook_id), cursor, limit)
    return DeliveryList(items=[DeliveryOut.of(told) for told in page.items], next=page.next_cursor)


@router.post(
    "/webhooks/{hook_id}/deliveries/{delivery_id}/again",
    summary="Send something again",
    status_code=201,
)
def send_again(tx: WriteTx, hook_id: RowId, delivery_id: RowId) -> DeliveryOut:
    """Sends the same event as a new delivery, which is returned."""
    return DeliveryOut.of(service.send_again(tx, service.get_hook(tx, hook_id), delivery_id))


def _things(items: list[WatchedItem]) -> list[Watched]:
    return [Watched(item.type, item.name) for item in items]


def _shown(tx: Tx, hook: Webhook) -> WebhookOut:
    return WebhookOut.of(hook, service.watched_of(tx, [hook])[hook.id])
