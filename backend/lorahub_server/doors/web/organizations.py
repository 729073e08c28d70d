"""Organisations on the site: made, described, filled with people, left, ended."""

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, require_org_admin, require_session
from lorahub_server.accounts.roles import ROLES
from lorahub_server.accounts.tables import Account
from lorahub_server.community import orgs, profiles
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.web import pins
from lorahub_server.doors.web.forms import Form, Posted, faults_of, no_faults
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import HubError

router = APIRouter()

_PAGE = 100
_PROFILE = ("display_name", "bio", "website", "about", "links")
_SAID = {
    "left": "You left the organisation.",
    "deleted": "The organisation is deleted.",
    "saved": "The profile is saved.",
    "pins": "What is pinned is saved.",
    "member": "That is changed.",
    "removed": "They are no member any more.",
}
# What a role lets its holder do, for people who choose one.
_MEANINGS = {
    "read": "Sees private repositories",
    "contributor": "Also makes repositories, and changes these",
    "write": "Changes every repository",
    "admin": "Also changes the organisation and its members",
}


@router.get("/organizations/new")
def show_new(request: Request, tx: ReadTx) -> Response:
    require_session(tx.caller)
    return _new(request, tx, Form())


@router.post("/organizations/new")
def create(request: Request, form: Posted, tx: WriteTx) -> Response:
    require_session(tx.caller)
    try:
        with tx.session.begin_nested():
            org = orgs.create(tx, form.line("name"), display_name=form.text("display_name"))
    except HubError as error:
        return _new(request, tx, form, error)
    return redirect(links.members(org.name))


@router.get("/settings/organizations")
def show_mine(request: Request, tx: ReadTx, done: str = "") -> Response:
    account = require_session(tx.caller)
    return page(
        request,
        "organizations.html",
        caller=tx.caller,
        said=_SAID.get(done, ""),
        section="/settings/organizations",
        found=orgs.organizations_of(tx, account),
        meanings=_MEANINGS,
        wrong="",
    )


@router.post("/settings/organizations/leave")
def leave(request: Request, form: Posted, tx: WriteTx) -> Response:
    account = require_session(tx.caller)
    try:
        with tx.session.begin_nested():
            orgs.remove_member(tx, orgs.get(tx, form.line("name")), account.name)
    except HubError as error:
        return page(
            request,
            "organizations.html",
            caller=tx.caller,
            status=error.status,
            section="/settings/organizations",
            found=orgs.organizations_of(tx, account),
            meanings=_MEANINGS,
            wrong=error.message,
        )
    return redirect("/settings/organizations?done=left")


@router.get("/organizations/{name}/members")
def show_members(
    request: Request, tx: ReadTx, name: str, cursor: str = "", done: str = ""
) -> Response:
    """Everybody sees who belongs to it; administrators change it here."""
    said = _SAID.get(done, "")
    return _members(request, tx, orgs.get(tx, name), cursor=cursor, said=said)


@router.post("/organizations/{name}/members")
def set_member(request: Request, form: Posted, tx: WriteTx, name: str) -> Response:
    require_session(tx.caller)
    org = orgs.get(tx, name)
    try:
        with tx.session.begin_nested():
            orgs.set_member(tx, org, form.line("name"), form.text("role"))
    except HubError as error:
        return _members(request, tx, org, form=form, error=error)
    return redirect(links.query(links.members(org.name), done="member"))


@router.post("/organizations/{name}/members/remove")
def remove_member(request: Request, form: Posted, tx: WriteTx, name: str) -> Response:
    require_session(tx.caller)
    org = orgs.get(tx, name)
    try:
        with tx.session.begin_nested():
            orgs.remove_member(tx, org, form.line("name"))
    except HubError as error:
        return _members(request, tx, org, error=error)
    return redirect(links.query(links.members(org.name), done="removed"))


@router.get("/organizations/{name}/settings")
def show_settings(request: Request, tx: ReadTx, name: str, done: str = "") -> Response:
    return _settings(request, tx, _mine(tx, name), said=_SAID.get(done, ""))


@router.post("/organizations/{name}/settings")
def save_settings(request: Request, form: Posted, tx: WriteTx, name: str) -> Response:
    org = _mine(tx, name)
    wanted = {field: form.text(field) for field in _PROFILE}
    try:
        with tx.session.begin_nested():
            orgs.edit(tx, org, **wanted)
    except HubError as error:
        tx.session.refresh(org)
        return _settings(request, tx, org, error=error, profile=wanted)
    return redirect(links.query(links.org_settings(org.name), done="saved"))


@router.post("/organizations/{name}/settings/pins")
def save_pins(request: Request, form: Posted, tx: WriteTx, name: str) -> Response:
    org = _mine(tx, name)
    try:
        with tx.session.begin_nested():
            profiles.pin(tx, org, pins.sent(form))
    except HubError as error:
        return _settings(request, tx, org, status=error.status, pinned=(form, error.message))
    return redirect(links.query(links.org_settings(org.name), done="pins"))


@router.post("/organizations/{name}/delete")
def delete(request: Request, form: Posted, tx: WriteTx, name: str) -> Response:
    org = _mine(tx, name)
    if form.line("confirm") != org.name:
        message = f"That is not the organisation's name. Type {org.name}."
        return _settings(request, tx, org, wrong_name=message)
    try:
        with tx.session.begin_nested():
            orgs.delete(tx, org)
    except HubError as error:
        return _settings(request, tx, org, wrong_name=error.message)
    return redirect("/settings/organizations?done=deleted")


def _mine(tx: Tx, name: str) -> Account:
    """Return the organisation for one of its administrators who is signed in."""
    org = orgs.get(tx, name)
    require_session(tx.caller)
    require_org_admin(tx.caller, org)
    return org


def _new(request: Request, tx: Tx, form: Form, error: HubError | None = None) -> Response:
    wrong, faults = "", no_faults()
    if error is not None:
        wrong, faults = faults_of(error, "name", "display_name")
    return page(
        request,
        "organization_new.html",
        caller=tx.caller,
        status=error.status if error else 200,
        wrong=wrong,
        faults=faults,
        form={"name": form.line("name"), "display_name": form.text("display_name")},
    )


def _members(
    request: Request,
    tx: Tx,
    org: Account,
    *,
    cursor: str = "",
    said: str = "",
    form: Form | None = None,
    error: HubError | None = None,
) -> Response:
    found = orgs.members_of(tx, org, cursor or None, _PAGE)
    sent = form or Form()
    wrong, faults = "", no_faults()
    if error is not None:
        wrong, faults = faults_of(error, "name", "role") if form else (error.message, faults)
    here = links.members(org.name)
    return page(
        request,
        "members.html",
        caller=tx.caller,
        status=error.status if error else 200,
        said=said,
        org=org,
        section="members",
        members=found.items,
        next=links.query(here, cursor=found.next_cursor) if found.next_cursor else None,
        may_change=orgs.role_in(tx, org) == "admin",
        sees_roles=orgs.sees_roles(tx, org),
        roles=ROLES,
        meanings=_MEANINGS,
        wrong=wrong,
        faults=faults,
        form={"name": sent.line("name"), "role": sent.text("role", "write")},
    )


def _settings(
    request: Request,
    tx: Tx,
    org: Account,
    *,
    said: str = "",
    error: HubError | None = None,
    profile: dict[str, str] | None = None,
    wrong_name: str = "",
    pinned: tuple[Form | None, str] = (None, ""),
    status: int = 200,
) -> Response:
    wrong, faults = "", no_faults()
    if error is not None:
        wrong, faults = faults_of(error, *_PROFILE)
    faults["confirm"] = wrong_name
    status = error.status if error else 422 if wrong_name else status
    return page(
        request,
        "organization_settings.html",
        caller=tx.caller,
        status=status,
        said=said,
        org=org,
        section="settings",
        profile=profile or org,
        wrong=wrong,
        faults=faults,
        may_change=True,
        **pins.shown(tx.session, tx.caller, org, *pinned),
    )
