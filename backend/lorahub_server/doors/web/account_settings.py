"""One's own settings: the profile, the password, where one is signed in."""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from lorahub_server.access import Caller, require_session
from lorahub_server.access.authenticate import authenticate_session
from lorahub_server.accounts import service, sessions
from lorahub_server.accounts.signin import change_password
from lorahub_server.community import profiles
from lorahub_server.doors.deps import OwnHub, ReadTx, WriteTx
from lorahub_server.doors.web import pins
from lorahub_server.doors.web.forms import Form, Posted, faults_of, no_faults
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import HubError

router = APIRouter()

_PROFILE = ("display_name", "bio", "website", "about", "links")
_SAID = {
    "profile": "The profile is saved.",
    "pins": "What is pinned is saved.",
    "password": "The password is changed. You are signed out everywhere else.",
    "sessions": "You are signed out everywhere else.",
}


@router.get("/settings")
def show(request: Request, tx: ReadTx, done: str = "") -> Response:
    return _settings(request, tx.session, tx.caller, said=_SAID.get(done, ""))


@router.post("/settings")
def save_profile(request: Request, form: Posted, tx: WriteTx) -> Response:
    account = require_session(tx.caller)
    wanted = {name: form.text(name) for name in _PROFILE}
    try:
        with tx.session.begin_nested():
            service.update_profile(tx.session, account, **wanted)
    except HubError as error:
        tx.session.refresh(account)
        return _settings(request, tx.session, tx.caller, error=error, profile=wanted)
    return redirect("/settings?done=profile")


@router.post("/settings/pins")
def save_pins(request: Request, form: Posted, tx: WriteTx) -> Response:
    account = require_session(tx.caller)
    try:
        with tx.session.begin_nested():
            profiles.pin(tx, account, pins.sent(form))
    except HubError as error:
        pinned = (form, error.message)
        return _settings(request, tx.session, tx.caller, status=error.status, pinned=pinned)
    return redirect("/settings?done=pins")


@router.post("/settings/password")
def save_password(request: Request, form: Posted, hub: OwnHub) -> Response:
    with hub.db.read() as session:
        cookie = request.cookies.get(sessions.COOKIE)
        caller = authenticate_session(session, hub.settings, cookie)
    account = require_session(caller)
    try:
        change_password(
            hub.db,
            account.name,
            form.text("current"),
            form.text("password"),
            address=request.client.host if request.client else None,
            keep_session=caller.login.id if caller.login else None,
        )
    except HubError as error:
        with hub.db.read() as session:
            return _settings(request, session, caller, error=error)
    return redirect("/settings?done=password")


@router.post("/settings/sessions")
def sign_out_elsewhere(form: Posted, tx: WriteTx) -> Response:
    del form
    account = require_session(tx.caller)
    login = tx.caller.login
    sessions.close_all_sessions(tx.session, account, keep=login.id if login else None)
    return redirect("/settings?done=sessions")


def _settings(
    request: Request,
    session: Session,
    caller: Caller,
    *,
    said: str = "",
    error: HubError | None = None,
    profile: dict[str, str] | None = None,
    pinned: tuple[Form | None, str] = (None, ""),
    status: int = 200,
) -> Response:
    account = require_session(caller)
    faults = no_faults()
    if error is not None:
        message, faults = faults_of(error, *_PROFILE, "password")
        # What has no place is about the password that was typed as the present one.
        faults["current"] = message
    shown: Any = profile or account
    return page(
        request,
        "settings.html",
        caller=caller,
        status=error.status if error else status,
        said=said,
        section="/settings",
        profile=shown,
        faults=faults,
        logins=sessions.list_sessions(session, account),
        this_login=caller.login.id if caller.login else None,
        **pins.shown(session, caller, account, *pinned),
    )
