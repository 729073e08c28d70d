"""Saved searches of the person who is signed in, and what they are told."""

from typing import Any

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, require_session
from lorahub_server.community.notifications import service as notifications
from lorahub_server.community.searches import service
from lorahub_server.community.searches.errors import SearchNotFound
from lorahub_server.community.searches.tables import SavedSearch
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.web.forms import Form, Posted, faults_of, no_faults
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import HubError

router = APIRouter()

_HERE = "/searches"
_SAID = {
    "saved": "The search is saved.",
    "on": "You will be told when something new fits.",
    "off": "You will not be told any more.",
    "deleted": "The search is deleted.",
    "read": "All notifications are marked as read.",
}
_PAGE = 30
_ID_DIGITS = 18


@router.get(_HERE)
def show_searches(request: Request, tx: ReadTx, q: str = "", done: str = "") -> Response:
    require_session(tx.caller)
    return _list(request, tx, Form({"line": q, "notify": "on"}), said=_SAID.get(done, ""))


@router.post(_HERE)
def save(request: Request, form: Posted, tx: WriteTx) -> Response:
    require_session(tx.caller)
    try:
        with tx.session.begin_nested():
            service.create(tx, form.line("line"), name=form.line("name"), notify=form.has("notify"))
    except HubError as error:
        return _list(request, tx, form, error=error)
    return redirect(links.query(_HERE, done="saved"))


@router.post(_HERE + "/{search_id}")
def change(form: Posted, tx: WriteTx, search_id: str) -> Response:
    """Be told or not, or delete it."""
    require_session(tx.caller)
    found = _search(tx, search_id)
    act = form.text("act")
    if act == "delete":
        service.delete(tx, found)
        return redirect(links.query(_HERE, done="deleted"))
    service.update(tx, found, notify=act == "on")
    return redirect(links.query(_HERE, done="on" if act == "on" else "off"))


@router.get("/notifications")
def show_notifications(request: Request, tx: ReadTx, cursor: str = "", done: str = "") -> Response:
    require_session(tx.caller)
    found = notifications.find(tx, cursor or None, _PAGE)
    following = None
    if found.next_cursor:
        following = links.query("/notifications", cursor=found.next_cursor)
    return page(
        request,
        "notifications.html",
        caller=tx.caller,
        said=_SAID.get(done, ""),
        items=found.items,
        next=following,
    )


@router.post("/notifications")
def mark_read(form: Posted, tx: WriteTx) -> Response:
    del form
    require_session(tx.caller)
    notifications.mark_read(tx)
    return redirect(links.query("/notifications", done="read"))


def _search(tx: Tx, search_id: str) -> SavedSearch:
    if not search_id.isascii() or not search_id.isdigit() or len(search_id) > _ID_DIGITS:
        raise SearchNotFound
    return service.get(tx, int(search_id))


def _list(
    request: Request, tx: Tx, form: Form, *, error: HubError | None = None, said: str = ""
) -> Response:
    wrong, faults = faults_of(error, "line", "name") if error else ("", no_faults())
    facts: dict[str, Any] = {"wrong": wrong, "faults": faults}
    return page(
        request,
        "searches.html",
        caller=tx.caller,
        status=error.status if error else 200,
        said=said,
        searches=service.find(tx),
        form=form,
        **facts,
    )
