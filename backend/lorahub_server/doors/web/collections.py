"""Collections on the site: looked at, made, filled and put in order."""

from typing import Any

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, require_session
from lorahub_server.accounts.service import get_account
from lorahub_server.community import orgs
from lorahub_server.community.collections import items as contents
from lorahub_server.community.collections import service
from lorahub_server.community.collections.limits import THEMES
from lorahub_server.community.collections.service import Wish
from lorahub_server.community.collections.tables import Collection
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.web.forms import Form, Posted, faults_of, no_faults
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import HubError
from lorahub_server.library import search

router = APIRouter()

_PAGE = 30
_IN_LIST = 4
_FIELDS = ("title", "description", "theme", "owner")
_SAID = {"saved": "That is saved.", "added": "It is in the collection."}


@router.get("/collections")
def show_all(
    request: Request, tx: ReadTx, owner: str = "", sort: str = "updated", cursor: str = ""
) -> Response:
    person = get_account(tx.session, owner) if owner else None
    found = service.find(
        tx,
        owners=[person.name] if person else [],
        sort=sort,
        cursor=cursor or None,
        limit=_PAGE,
    )
    following = None
    if found.next_cursor:
        following = links.query("/collections", owner=owner, sort=sort, cursor=found.next_cursor)
    return page(
        request,
        "collections.html",
        caller=tx.caller,
        person=person,
        items=[line(one) for one in found.items],
        first=contents.first_items(tx, found.items, _IN_LIST),
        next=following,
    )


@router.get("/collections/new")
def show_new(request: Request, tx: ReadTx, owner: str = "") -> Response:
    require_session(tx.caller)
    return _new(request, tx, Form({"owner": owner}))


@router.post("/collections/new")
def create(request: Request, form: Posted, tx: WriteTx) -> Response:
    account = require_session(tx.caller)
    try:
        with tx.session.begin_nested():
            made = service.create(
                tx,
                form.line("owner") or account.name,
                form.text("title"),
                description=form.text("description"),
                private=form.has("private"),
                theme=form.text("theme") or THEMES[1],
            )
    except HubError as error:
        return _new(request, tx, form, error)
    return redirect(links.collection(service.slug_of(made)))


@router.get("/collections/{owner}/{slug}")
def show(request: Request, tx: ReadTx, owner: str, slug: str, done: str = "") -> Response:
    found = service.get(tx, f"{owner}/{slug}")
    address = service.slug_of(found)
    if address != f"{owner}/{slug}":
        return redirect(links.collection(address), 307)
    return _show(request, tx, found, said=_SAID.get(done, ""))


@router.post("/collections/{owner}/{slug}/items")
def change_items(request: Request, form: Posted, tx: WriteTx, owner: str, slug: str) -> Response:
    """One form adds; those of single things put a note to them, move them or take them out."""
    require_session(tx.caller)
    found = service.get(tx, f"{owner}/{slug}")
    item, act = form.line("item"), form.text("act")
    try:
        with tx.session.begin_nested():
            if act == "add":
                contents.add(tx, found, "model", form.line("name"), form.text("note"))
            elif act == "remove":
                contents.remove(tx, found, item)
            elif act == "up":
                contents.move_up(tx, found, item)
            else:
                contents.update(tx, found, item, note=form.text("note"))
    except HubError as error:
        return _show(request, tx, found, form=form, error=error)
    done = "added" if act == "add" else "saved"
    return redirect(links.query(links.collection(service.slug_of(found)), done=done))


@router.post("/collections/{owner}/{slug}/upvote")
def upvote(form: Posted, tx: WriteTx, owner: str, slug: str) -> Response:
    require_session(tx.caller)
    found = service.get(tx, f"{owner}/{slug}")
    if form.text("want") == "no":
        contents.take_upvote_back(tx, found)
    else:
        contents.upvote(tx, found)
    return redirect(links.collection(service.slug_of(found)))


@router.get("/collections/{owner}/{slug}/edit")
def show_edit(request: Request, tx: ReadTx, owner: str, slug: str) -> Response:
    require_session(tx.caller)
    found = service.get(tx, f"{owner}/{slug}")
    service.require_change(tx, found)
    return _edit(request, tx, found)


@router.post("/collections/{owner}/{slug}/edit")
def edit(request: Request, form: Posted, tx: WriteTx, owner: str, slug: str) -> Response:
    require_session(tx.caller)
    found = service.get(tx, f"{owner}/{slug}")
    wish = Wish(
        title=form.text("title"),
        description=form.text("description"),
        theme=form.text("theme"),
        private=form.has("private"),
    )
    try:
        with tx.session.begin_nested():
            service.update(tx, found, wish)
    except HubError as error:
        tx.session.refresh(found)
        return _edit(request, tx, found, form=form, error=error)
    return redirect(links.query(links.collection(service.slug_of(found)), done="saved"))


@router.post("/collections/{owner}/{slug}/delete")
def delete(form: Posted, tx: WriteTx, owner: str, slug: str) -> Response:
    del form
    require_session(tx.caller)
    found = service.get(tx, f"{owner}/{slug}")
    name = found.owner.name
    service.delete(tx, found)
    return redirect(links.query("/collections", owner=name))


def line(found: Collection) -> dict[str, Any]:
    """Return what lists show of a collection."""
    return {
        "id": found.id,
        "title": found.title,
        "description": found.description,
        "owner": found.owner.name,
        "private": found.private,
        "theme": found.theme,
        "upvotes": found.upvotes,
        "updated_at": found.updated_at,
        "href": links.collection(service.slug_of(found)),
    }


def _show(
    request: Request,
    tx: Tx,
    found: Collection,
    *,
    said: str = "",
    form: Form | None = None,
    error: HubError | None = None,
) -> Response:
    inside = contents.items_of(tx, found)
    cards = search.cards_of(tx, [item.repo.id for item in inside if item.repo is not None])
    wrong, faults = "", no_faults()
    if error is not None:
        is_adding = form is not None and form.text("act") == "add"
        wrong, faults = faults_of(error, "note") if is_adding else (error.message, faults)
    return page(
        request,
        "collection.html",
        caller=tx.caller,
        status=error.status if error else 200,
        is_private=found.private,
        said=said,
        collection=line(found),
        items=[
            {"item": item, "target": None if item.target is None else line(item.target)}
            for item in inside
        ],
        cards={card.id: card for card in cards},
        voted=found.id in contents.upvoted(tx, [found]),
        may_change=service.may_change(tx, found),
        wrong=wrong,
        faults=faults,
        form={
            "name": form.line("name") if form else "",
            "note": form.text("note") if form else "",
        },
    )


def _new(request: Request, tx: Tx, form: Form, error: HubError | None = None) -> Response:
    return _form(
        request,
        tx,
        form,
        error,
        action="/collections/new",
        choices=orgs.may_add_to(tx),
        collection=None,
    )


def _edit(
    request: Request,
    tx: Tx,
    found: Collection,
    *,
    form: Form | None = None,
    error: HubError | None = None,
) -> Response:
    shown = form or Form(
        {
            "title": found.title,
            "description": found.description,
            "theme": found.theme,
            "private": "yes" if found.private else "",
        }
    )
    return _form(
        request,
        tx,
        shown,
        error,
        action=links.collection(service.slug_of(found), "edit"),
        choices=[],
        collection=line(found),
    )


def _form(request: Request, tx: Tx, form: Form, error: HubError | None, **facts: Any) -> Response:
    wrong, faults = "", no_faults()
    if error is not None:
        wrong, faults = faults_of(error, *_FIELDS)
    return page(
        request,
        "collection_form.html",
        caller=tx.caller,
        status=error.status if error else 200,
        is_private=True,
        wrong=wrong,
        faults=faults,
        themes=THEMES,
        form={
            "title": form.text("title"),
            "description": form.text("description"),
            "theme": form.text("theme", THEMES[1]),
            "owner": form.line("owner"),
            "private": form.has("private"),
        },
        **facts,
    )
