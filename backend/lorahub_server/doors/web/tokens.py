"""API tokens: made, shown once, listed, revoked."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, require_session
from lorahub_server.accounts.errors import TokenNotFound
from lorahub_server.accounts.tokens import create_token, list_tokens, revoke_token
from lorahub_server.doors.deps import ReadTx, WriteTx, base_url
from lorahub_server.doors.web.forms import Form, Posted, faults_of, no_faults
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import HubError

router = APIRouter()

LIFETIMES = {
    "30": "30 days",
    "90": "90 days",
    "365": "A year",
    "never": "Until I revoke it",
}
LIFETIME = "90"
SCOPES = {"read": ["read"], "write": ["read", "write"]}
_ID_DIGITS = 18
_DONE = {
    "revoked": "The token is revoked; it stopped working.",
    "approved": "The program is signed in. Its token will be in this list; go back to it.",
    "denied": "The program was turned away. It got nothing.",
}


@router.get("/settings/tokens")
def show(request: Request, tx: ReadTx, done: str = "") -> Response:
    return _tokens(request, tx, said=_DONE.get(done, ""))


@router.post("/settings/tokens")
def make(request: Request, form: Posted, tx: WriteTx) -> Response:
    account = require_session(tx.caller)
    days = form.text("expires", LIFETIME)
    expires_at = (
        tx.now + timedelta(days=int(days)) if days in LIFETIMES and days != "never" else None
    )
    try:
        with tx.session.begin_nested():
            row, plain = create_token(
                tx.session,
                tx.settings,
                account,
                form.text("name"),
                SCOPES.get(form.text("scope"), []),
                expires_at=expires_at,
            )
    except HubError as error:
        return _tokens(request, tx, form=form, error=error)
    return _tokens(request, tx, fresh=plain, fresh_name=row.name)


@router.post("/settings/tokens/revoke")
def revoke(form: Posted, tx: WriteTx) -> Response:
    account = require_session(tx.caller)
    number = form.text("id")
    if not (number.isascii() and number.isdigit() and len(number) <= _ID_DIGITS):
        raise TokenNotFound("There is no such token. Load the list again.")
    revoke_token(tx.session, account, int(number))
    return redirect("/settings/tokens?done=revoked")


def _tokens(
    request: Request,
    tx: Tx,
    *,
    form: Form | None = None,
    error: HubError | None = None,
    fresh: str | None = None,
    fresh_name: str = "",
    said: str = "",
) -> Response:
    account = require_session(tx.caller)
    wrong, faults = "", no_faults()
    if error is not None:
        wrong, faults = faults_of(error, "name", "scopes", "expires_at")
    sent = form or Form()
    return page(
        request,
        "tokens.html",
        caller=tx.caller,
        status=error.status if error else 200,
        said=said,
        section="/settings/tokens",
        wrong=wrong,
        faults=faults,
        form={
            "name": sent.text("name"),
            "scope": sent.text("scope", "write"),
            "expires": sent.text("expires", LIFETIME),
        },
        lifetimes=LIFETIMES.items(),
        fresh=fresh,
        fresh_name=fresh_name,
        login_command=f"lorahub login {base_url(request)}",
        tokens=list_tokens(tx.session, account),
        now=tx.now,
    )
