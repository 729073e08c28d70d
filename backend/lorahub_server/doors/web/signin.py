"""Signing up, in and out. The services have short transactions of their own."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lorahub_server.access.errors import NotAllowed
from lorahub_server.accounts import sessions
from lorahub_server.accounts.signin import SignedIn, sign_in, sign_up
from lorahub_server.config import Settings
from lorahub_server.doors.deps import OwnHub, ReadTx, WriteTx
from lorahub_server.doors.links import is_local
from lorahub_server.doors.web.forms import Posted, faults_of, no_faults
from lorahub_server.doors.web.view import page, redirect, settings_of
from lorahub_server.kit.errors import HubError

router = APIRouter()

_CLOSED = "closed"
Back = Annotated[str, Query(alias="next")]


@router.get("/login")
def show_login(request: Request, tx: ReadTx, back: Back = "") -> Response:
    if tx.caller.via == "session":
        return redirect(_checked(back))
    return _login(request, back)


@router.post("/login")
def log_in(request: Request, form: Posted, hub: OwnHub) -> Response:
    name, back = form.line("name"), form.text("next")
    try:
        signed_in = sign_in(
            hub.db,
            hub.settings,
            name,
            form.text("password"),
            address=_address(request),
            user_agent=request.headers.get("user-agent", ""),
        )
    except HubError as error:
        response = _login(request, back, name=name, wrong=error.message, status=error.status)
        return _with_wait(response, error)
    return _welcome(hub.settings, signed_in, back)


@router.get("/signup")
def show_signup(request: Request, tx: ReadTx, back: Back = "") -> Response:
    if tx.caller.via == "session":
        return redirect(_checked(back))
    return _signup(request, back)


@router.post("/signup")
def make_account(request: Request, form: Posted, hub: OwnHub) -> Response:
    if hub.settings.signup == _CLOSED:
        raise NotAllowed("On this hub its operator makes the accounts. Ask whoever runs it.")
    name, back = form.line("name"), form.text("next")
    try:
        signed_in = sign_up(
            hub.db,
            hub.settings,
            name,
            form.text("password"),
            address=_address(request),
            user_agent=request.headers.get("user-agent", ""),
        )
    except HubError as error:
        return _with_wait(_signup(request, back, name=name, error=error), error)
    return _welcome(hub.settings, signed_in, back)


@router.post("/logout")
def log_out(request: Request, form: Posted, tx: WriteTx) -> Response:
    del form
    cookie = request.cookies.get(sessions.COOKIE, "")
    sessions.close_session(tx.session, tx.settings, cookie)
    response = redirect("/")
    response.delete_cookie(sessions.COOKIE, path="/")
    return response


def _login(
    request: Request, back: str, *, name: str = "", wrong: str = "", status: int = 200
) -> Response:
    return page(
        request,
        "login.html",
        status=status,
        name=name,
        wrong=wrong,
        next=back if is_local(back) else "",
    )


def _signup(
    request: Request, back: str, *, name: str = "", error: HubError | None = None
) -> Response:
    wrong, faults = faults_of(error, "name", "password") if error else ("", no_faults())
    return page(
        request,
        "signup.html",
        status=error.status if error else 200,
        name=name,
        wrong=wrong,
        faults=faults,
        next=back if is_local(back) else "",
        is_closed=settings_of(request).signup == _CLOSED,
    )


def _welcome(settings: Settings, signed_in: SignedIn, back: str) -> Response:
    response = redirect(_checked(back))
    response.set_cookie(sessions.COOKIE, signed_in.cookie, **sessions.cookie_options(settings))
    return response


def _with_wait(response: Response, error: HubError) -> Response:
    if "retry_after" in error.details:
        response.headers["Retry-After"] = str(error.details["retry_after"])
    return response


def _checked(back: str) -> str:
    """Return where to go: only ever a page of this site."""
    return back if is_local(back) else "/"


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None
