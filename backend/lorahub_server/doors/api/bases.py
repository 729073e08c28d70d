"""Base models that previews are rendered with: everybody sees which, administrators decide."""

from typing import Any, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel

from lorahub_server.access import Tx, require_admin, require_scope
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.schemas import Text, Time, example
from lorahub_server.insight.bases import service
from lorahub_server.insight.bases.schemas import NewBase
from lorahub_server.insight.bases.service import Listed

router = APIRouter(tags=["bases"])

_HOLDER: dict[str, Any] = {
    "worker": "studio:4711",
    "device": "cuda NVIDIA L4",
    "digest": "a" * 64,
    "seen_at": "2026-01-31T12:00:00Z",
}
_BASE: dict[str, Any] = {
    "id": "sd15",
    "title": "Stable Diffusion 1.5",
    "family": "sd1",
    "task": "image",
    "license": "creativeml-openrail-m",
    "enabled": True,
    "held": True,
    "steps": 20,
    "guidance": 5.0,
    "width": 512,
    "height": 512,
    "source": None,
    "endpoint": None,
    "revision": None,
    "dtype": None,
    "holders": None,
}


class HolderOut(BaseModel):
    model_config = example(_HOLDER)

    worker: str
    device: str
    digest: str
    seen_at: Time


class BaseOut(BaseModel):
    """`held`: some worker has it now. From `source` on it is told to administrators alone.

    `source` is as it was registered; `endpoint` is "" for this hub, and for files on the workers.
    """

    model_config = example(_BASE)

    id: str
    title: str
    family: str
    task: str
    license: str | None
    enabled: bool
    held: bool
    steps: int
    guidance: float
    width: int
    height: int
    source: str | None
    endpoint: str | None
    revision: str | None
    dtype: str | None
    holders: list[HolderOut] | None

    @classmethod
    def of(cls, tx: Tx, one: Listed) -> Self:
        base = one.base
        names = (
            "id", "title", "family", "task", "license", "enabled", "steps", "guidance", "width",
            "height",
        )  # fmt: skip
        told = {name: getattr(base, name) for name in names}
        if not tx.caller.is_admin:
            hidden = dict.fromkeys(("source", "endpoint", "revision", "dtype", "holders"))
            return cls(**told, **hidden, held=bool(one.holders))
        holders = [
            HolderOut(worker=h.worker, device=h.device, digest=h.digest, seen_at=h.seen_at)
            for h in one.holders
        ]
        source = f"{base.endpoint}/{base.source}" if base.endpoint else base.source
        told |= {name: getattr(base, name) for name in ("endpoint", "revision", "dtype")}
        return cls(**told, held=bool(holders), source=source, holders=holders)


class BaseList(BaseModel):
    model_config = example({"items": [_BASE]})

    items: list[BaseOut]


class BaseChange(BaseModel):
    model_config = example({"enabled": False})

    enabled: bool


class BaseWish(NewBase):
    model_config = example({"id": "sd15", "family": "sd1", "source": "/models/sd15"})


@router.get("/bases", summary="List base models")
def list_bases(tx: ReadTx) -> BaseList:
    """All that previews may be rendered with, by family."""
    return BaseList(items=[BaseOut.of(tx, one) for one in service.list_bases(tx.session)])


@router.post("/bases", summary="Register a base model", status_code=201)
def add_base(tx: WriteTx, wish: BaseWish) -> BaseOut:
    """For administrators. Workers that have it, or can fetch it, take it up within a minute."""
    _require_admin(tx)
    return BaseOut.of(tx, Listed(service.add(tx.session, wish), []))


@router.patch("/bases/{base_id}", summary="Turn a base model off or on")
def change_base(tx: WriteTx, base_id: Text, change: BaseChange) -> BaseOut:
    """For administrators. With one that is off nothing new is rendered."""
    _require_admin(tx)
    service.set_enabled(tx.session, base_id, enabled=change.enabled)
    (changed,) = (one for one in service.list_bases(tx.session) if one.base.id == base_id)
    return BaseOut.of(tx, changed)


@router.delete("/bases/{base_id}", summary="Remove a base model", status_code=204)
def remove_base(tx: WriteTx, base_id: Text) -> Response:
    """For administrators. What was rendered with it stays."""
    _require_admin(tx)
    service.remove(tx.session, base_id)
    return Response(status_code=204)


def _require_admin(tx: Tx) -> None:
    require_admin(tx.caller)
    require_scope(tx.caller, "write")
