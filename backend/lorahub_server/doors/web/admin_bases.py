"""The base models of the hub, for its administrators: who holds which, added and taken away."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from lorahub_server.access import Tx, require_admin, require_session
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.web.forms import Form, Posted, no_faults
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.insight.bases import service
from lorahub_server.insight.bases.schemas import SCHEDULERS, NewBase
from lorahub_server.kit.errors import HubError

router = APIRouter()

_HERE = "/admin/bases"
_SAID = {
    "added": "The base model is registered. Workers look for it within a minute.",
    "on": "The base model is on.",
    "off": "The base model is off: nothing new is rendered with it.",
    "removed": "The base model is gone from the registry. What was rendered with it stays.",
}
_LINES = ("id", "family", "source", "title", "revision", "negative", "license", "scheduler")
_NUMBERS = ("steps", "guidance", "guidance_rescale", "width", "height")
_UNPROCESSABLE = 422


@router.get(_HERE)
def show(request: Request, tx: ReadTx, done: str = "") -> Response:
    return _page(request, tx, Form(), said=_SAID.get(done, ""))


@router.post(_HERE)
def add(request: Request, form: Posted, tx: WriteTx) -> Response:
    _require(tx)
    faults = no_faults()
    try:
        wanted = NewBase.model_validate(_told(form))
    except ValidationError as error:
        for one in error.errors():
            place = str(one["loc"][0]) if one["loc"] else "source"
            faults[place] = f"This is not right: {one['msg'].removeprefix('Value error, ')}."
        return _page(request, tx, form, faults=faults, status=_UNPROCESSABLE)
    if faults:
        return _page(request, tx, form, faults=faults, status=_UNPROCESSABLE)
    try:
        with tx.session.begin_nested():
            service.add(tx.session, wanted)
    except HubError as error:
        faults["id"] = error.message
        return _page(request, tx, form, faults=faults, status=error.status)
    return redirect(links.query(_HERE, done="added"))


@router.post(_HERE + "/{base_id}/state")
def turn(form: Posted, tx: WriteTx, base_id: str) -> Response:
    _require(tx)
    on = form.text("enabled") == "yes"
    service.set_enabled(tx.session, base_id, enabled=on)
    return redirect(links.query(_HERE, done="on" if on else "off"))


@router.post(_HERE + "/{base_id}/remove")
def remove(form: Posted, tx: WriteTx, base_id: str) -> Response:
    del form
    _require(tx)
    service.remove(tx.session, base_id)
    return redirect(links.query(_HERE, done="removed"))


def _told(form: Form) -> dict[str, Any]:
    told: dict[str, Any] = {name: form.line(name) for name in _LINES if form.line(name)}
    return told | {name: form.line(name) for name in _NUMBERS if form.line(name)}


def _require(tx: Tx) -> None:
    require_session(tx.caller)
    require_admin(tx.caller)


def _page(
    request: Request,
    tx: Tx,
    form: Form,
    *,
    faults: dict[str, str] | None = None,
    said: str = "",
    status: int = 200,
) -> Response:
    _require(tx)
    return page(
        request,
        "admin_bases.html",
        caller=tx.caller,
        status=status,
        section=_HERE,
        said=said,
        faults=faults or no_faults(),
        form=form,
        bases=service.list_bases(tx.session),
        schedulers=SCHEDULERS[1:],
    )
