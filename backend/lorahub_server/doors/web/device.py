"""Where a person enters the code that a program shows, and lets it in or not."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from lorahub_server.access import Tx, require_session
from lorahub_server.accounts import devices
from lorahub_server.doors import links
from lorahub_server.doors.deps import OwnHub, ReadTx, WriteTx
from lorahub_server.doors.web.forms import Form, Posted, faults_of, no_faults
from lorahub_server.doors.web.tokens import LIFETIME, LIFETIMES, SCOPES
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import HubError
from lorahub_server.kit.ratelimit import hit, network

router = APIRouter()

_NAME = "hf auth login"


def _counted(request: Request, hub: OwnHub) -> None:
    # In a transaction of its own, before the request's begins.
    hit(hub.db, devices.GUESS, network(request.client.host if request.client else None))


Counted = Annotated[None, Depends(_counted, scope="function")]


@router.get("/device")
def ask(request: Request, tx: ReadTx, code: str = "") -> Response:
    if tx.caller.is_anonymous:
        return redirect(links.login(links.device(code)))
    require_session(tx.caller)
    return _ask(request, tx, code)


@router.post("/device")
def show(request: Request, form: Posted, _: Counted, tx: ReadTx) -> Response:
    require_session(tx.caller)
    try:
        return _show(request, tx, form)
    except HubError as error:
        return _ask(request, tx, form.line("code"), error)


@router.post("/device/answer")
def answer(request: Request, form: Posted, _: Counted, tx: WriteTx) -> Response:
    account = require_session(tx.caller)
    code = form.line("code")
    try:
        with tx.session.begin_nested():
            if form.text("answer") == "approve":
                days = form.text("expires", LIFETIME)
                devices.approve(
                    tx.session,
                    tx.settings,
                    account,
                    code,
                    name=form.text("name"),
                    scopes=SCOPES.get(form.text("scope"), []),
                    days=int(days) if days in LIFETIMES and days != "never" else None,
                )
                end = "approved"
            else:
                devices.deny(tx.session, tx.settings, code)
                end = "denied"
    except HubError as error:
        if error.place == "code":
            return _ask(request, tx, code, error)
        return _show(request, tx, form, error)
    return redirect(f"/settings/tokens?done={end}")


def _ask(request: Request, tx: Tx, code: str, error: HubError | None = None) -> Response:
    wrong, faults = faults_of(error, "code") if error else ("", no_faults())
    return page(
        request,
        "device.html",
        caller=tx.caller,
        status=error.status if error else 200,
        is_private=True,
        waiting=None,
        wrong=wrong,
        faults=faults,
        form={"code": code},
    )


def _show(request: Request, tx: Tx, form: Form, error: HubError | None = None) -> Response:
    code = form.line("code")
    wrong, faults = faults_of(error, "name", "scopes") if error else ("", no_faults())
    return page(
        request,
        "device.html",
        caller=tx.caller,
        status=error.status if error else 200,
        is_private=True,
        waiting=devices.waiting(tx.session, tx.settings, code),
        wrong=wrong,
        faults=faults,
        lifetimes=LIFETIMES.items(),
        form={
            "code": code,
            "name": form.text("name", _NAME),
            "scope": form.text("scope", "write"),
            "expires": form.text("expires", LIFETIME),
        },
    )
