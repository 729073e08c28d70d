"""The webhooks of the person who is signed in: added, turned off and on, and what was sent."""

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, require_session
from lorahub_server.accounts.service import find_account
from lorahub_server.community.webhooks import service
from lorahub_server.community.webhooks.errors import DeliveryNotFound, WebhookNotFound
from lorahub_server.community.webhooks.limits import DAILY_MAX
from lorahub_server.community.webhooks.service import Watched
from lorahub_server.community.webhooks.tables import Webhook
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.web.forms import Form, Posted, faults_of, no_faults
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import HubError

router = APIRouter()

_HERE = "/settings/webhooks"
_SAID = {
    "added": "The webhook is added. What happens from now on is sent to it.",
    "on": "The webhook is on.",
    "off": "The webhook is off. What was waiting for it is not sent.",
    "deleted": "The webhook is deleted.",
    "again": "It is being sent again.",
}
_DELIVERIES = 30
_ID_DIGITS = 18


@router.get(_HERE)
def show(request: Request, tx: ReadTx, done: str = "") -> Response:
    return _list(request, tx, said=_SAID.get(done, ""))


@router.post(_HERE)
def add(request: Request, form: Posted, tx: WriteTx) -> Response:
    require_session(tx.caller)
    try:
        with tx.session.begin_nested():
            hook = service.create_hook(
                tx,
                form.line("url"),
                _things(tx, form.text("watched")),
                domains=[name for name in service.DOMAINS if form.has(name)],
                secret=form.line("secret") or None,
            )
    except HubError as error:
        return _list(request, tx, form=form, error=error)
    return _to(hook.id, "added")


@router.get(_HERE + "/{hook_id}")
def show_one(
    request: Request, tx: ReadTx, hook_id: str, done: str = "", cursor: str = ""
) -> Response:
    hook = _hook(tx, hook_id)
    found = service.deliveries_of(tx, hook, cursor or None, _DELIVERIES)
    return page(
        request,
        "webhook.html",
        caller=tx.caller,
        section=_HERE,
        said=_SAID.get(done, ""),
        hook=hook,
        watched=service.watched_of(tx, [hook])[hook.id],
        deliveries=found.items,
        following=found.next_cursor,
        today=service.sent_today(tx, [hook])[hook.id],
        most=DAILY_MAX,
        now=tx.now,
    )


@router.post(_HERE + "/{hook_id}/state")
def turn(form: Posted, tx: WriteTx, hook_id: str) -> Response:
    off = form.text("disabled") == "yes"
    hook = service.set_disabled(tx, _hook(tx, hook_id), disabled=off)
    return _to(hook.id, "off" if off else "on")


@router.post(_HERE + "/{hook_id}/delete")
def delete(form: Posted, tx: WriteTx, hook_id: str) -> Response:
    del form
    service.delete_hook(tx, _hook(tx, hook_id))
    return redirect(links.query(_HERE, done="deleted"))


@router.post(_HERE + "/{hook_id}/again")
def send_again(form: Posted, tx: WriteTx, hook_id: str) -> Response:
    hook = _hook(tx, hook_id)
    number = _number(form.text("delivery"))
    if number is None:
        raise DeliveryNotFound
    service.send_again(tx, hook, number)
    return _to(hook.id, "again")


def _hook(tx: Tx, hook_id: str) -> Webhook:
    require_session(tx.caller)
    number = _number(hook_id)
    if number is None:
        raise WebhookNotFound
    return service.get_hook(tx, number)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS else None


def _things(tx: Tx, text: str) -> list[Watched]:
    """Read what a person wrote: names of accounts and repositories, with spaces or commas."""
    found = []
    for name in text.replace(",", " ").split():
        if "/" in name:
            found.append(Watched("model", name))
            continue
        account = find_account(tx.session, name)
        is_org = account is not None and account.is_organization
        found.append(Watched("org" if is_org else "user", name))
    return found


def _to(hook_id: int, done: str) -> Response:
    return redirect(links.query(f"{_HERE}/{hook_id}", done=done))


def _list(
    request: Request,
    tx: Tx,
    *,
    form: Form | None = None,
    error: HubError | None = None,
    said: str = "",
) -> Response:
    account = require_session(tx.caller)
    wrong, faults = "", no_faults()
    if error is not None:
        wrong, faults = faults_of(error, "url", "watched", "domains", "secret")
    hooks = service.list_hooks(tx)
    sent = form or Form(dict.fromkeys(service.DOMAINS, "on"))
    return page(
        request,
        "webhooks.html",
        caller=tx.caller,
        status=error.status if error else 200,
        section=_HERE,
        said=said,
        wrong=wrong,
        faults=faults,
        form={
            "url": sent.text("url"),
            "watched": sent.text("watched", account.name),
            "domains": [name for name in service.DOMAINS if sent.has(name)],
        },
        hooks=hooks,
        watched=service.watched_of(tx, hooks),
    )
