"""Webhooks as Hugging Face's clients manage them."""

import re
from collections.abc import Collection
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from lorahub_server.access import Tx
from lorahub_server.community.webhooks import service
from lorahub_server.community.webhooks.errors import WebhookNotFound
from lorahub_server.community.webhooks.limits import WATCHED_MAX
from lorahub_server.community.webhooks.service import Watched
from lorahub_server.community.webhooks.tables import Webhook
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.hf.errors import NotOffered
from lorahub_server.doors.hf.shapes import Text, model_id

router = APIRouter(prefix="/api/settings/webhooks")

_ID = re.compile(r"[0-9a-f]{24}")
_ID_MOST = 2**63
_NO_JOBS = "This hub runs no jobs for webhooks. Give the address of a receiver as url."


class WatchedIn(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: Text
    name: Text


class WebhookIn(BaseModel):
    """New, or what shall be changed. What is null says nothing."""

    model_config = ConfigDict(extra="ignore")

    url: Text | None = None
    watched: Annotated[list[WatchedIn] | None, Field(max_length=WATCHED_MAX)] = None
    domains: Annotated[list[Text] | None, Field(max_length=10)] = None
    secret: Text | None = None
    job_source_id: Annotated[Text | None, Field(alias="jobSourceId")] = None

    def check_kind(self) -> None:
        if self.job_source_id is not None:
            raise NotOffered(_NO_JOBS, place="jobSourceId")

    def things(self) -> list[Watched] | None:
        if self.watched is None:
            return None
        return [Watched(item.type, item.name) for item in self.watched]


@router.get("")
def list_hooks(tx: ReadTx) -> JSONResponse:
    return JSONResponse(_shown(tx, service.list_hooks(tx)))


@router.post("")
def create_hook(tx: WriteTx, wish: WebhookIn) -> JSONResponse:
    wish.check_kind()
    hook = service.create_hook(
        tx, wish.url or "", wish.things() or [], domains=wish.domains, secret=wish.secret or None
    )
    return _one(tx, hook, wish.secret)


@router.get("/{hook_id}")
def show_hook(tx: ReadTx, hook_id: str) -> JSONResponse:
    return _one(tx, _hook(tx, hook_id))


@router.post("/{hook_id}")
def update_hook(tx: WriteTx, hook_id: str, wish: WebhookIn) -> JSONResponse:
    wish.check_kind()
    hook = service.update_hook(
        tx,
        _hook(tx, hook_id),
        url=wish.url,
        watched=wish.things(),
        domains=wish.domains or None,
        secret=wish.secret,
    )
    return _one(tx, hook, wish.secret)


@router.delete("/{hook_id}")
def delete_hook(tx: WriteTx, hook_id: str) -> Response:
    service.delete_hook(tx, _hook(tx, hook_id))
    return Response()


@router.post("/{hook_id}/enable")
def enable_hook(tx: WriteTx, hook_id: str) -> JSONResponse:
    return _one(tx, service.set_disabled(tx, _hook(tx, hook_id), disabled=False))


@router.post("/{hook_id}/disable")
def disable_hook(tx: WriteTx, hook_id: str) -> JSONResponse:
    return _one(tx, service.set_disabled(tx, _hook(tx, hook_id), disabled=True))


def _hook(tx: Tx, hook_id: str) -> Webhook:
    number = int(hook_id, 16) if _ID.fullmatch(hook_id) else _ID_MOST
    if number >= _ID_MOST:
        raise WebhookNotFound
    return service.get_hook(tx, number)


def _one(tx: Tx, hook: Webhook, secret: str | None = None) -> JSONResponse:
    """Show a hook; its secret only to the one who has just sent it."""
    (shown,) = _shown(tx, [hook])
    return JSONResponse({"webhook": {**shown, "secret": secret or None}})


def _shown(tx: Tx, hooks: Collection[Webhook]) -> list[dict[str, Any]]:
    watched = service.watched_of(tx, hooks)
    return [
        {
            "id": model_id(hook.id),
            "url": hook.url,
            "watched": [{"type": item.kind, "name": item.name} for item in watched[hook.id]],
            "domains": hook.domains,
            # Stored to be sent, and never told.
            "secret": None,
            "disabled": hook.disabled,
        }
        for hook in hooks
    ]
