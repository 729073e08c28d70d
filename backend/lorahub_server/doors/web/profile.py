"""The page of an account: what it tells of itself, its adapters, collections and activity."""

from typing import Any

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.accounts.errors import AccountNotFound
from lorahub_server.accounts.service import find_account, find_renamed
from lorahub_server.accounts.tables import Account
from lorahub_server.community import activity, orgs, profiles
from lorahub_server.community.collections import items
from lorahub_server.community.collections import service as collections
from lorahub_server.community.profiles import Numbers
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web import acts, metas
from lorahub_server.doors.web import collections as lines
from lorahub_server.doors.web.browsing import Choice
from lorahub_server.doors.web.library import PAGE, SORTS, sorts
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit import markdown
from lorahub_server.library import search

router = APIRouter()

_SORT = "updated"
_TABS = {"": "Adapters", "collections": "Collections", "activity": "Activity"}
# What is shown at most beside the repositories.
_COLLECTIONS = 30
_IN_LIST = 4
_FACES = 24
_ACTS = 50


@router.get("/{owner}")
def show(
    request: Request,
    tx: ReadTx,
    owner: str,
    tab: str = "",
    sort: str = _SORT,
    cursor: str = "",
    done: str = "",
) -> Response:
    person = find_account(tx.session, owner)
    if person is None:
        renamed = find_renamed(tx.session, owner)
        if renamed is None:
            raise AccountNotFound(
                "There is no page and no account of that name. Check the spelling, or search for "
                "it above."
            )
        return redirect(links.account(renamed.name), 307)
    here = links.account(person.name)
    if tab and tab not in _TABS:
        return redirect(here)
    numbers = profiles.numbers(tx, person)
    shown = {"": _adapters, "collections": _collections, "activity": _activity}[tab]
    return page(
        request,
        "profile.html",
        caller=tx.caller,
        said="The repository is deleted." if done == "deleted" else "",
        person=person,
        is_self=tx.caller.account_id == person.id,
        numbers=numbers,
        tab=tab,
        tabs=_tabs(person, tab, numbers),
        **_around(tx, person),
        **shown(tx, person, sort, cursor),
        meta=metas.of_account(request, person, numbers.repos),
    )


def _tabs(person: Account, tab: str, numbers: Numbers) -> list[Choice]:
    return [
        Choice(
            links.query(links.account(person.name), tab=name),
            label,
            name,
            numbers.repos if not name else 0,
            is_on=name == tab,
        )
        for name, label in _TABS.items()
    ]


def _around(tx: Tx, person: Account) -> dict[str, Any]:
    """Return who belongs to an account, or where it belongs."""
    if person.is_organization:
        found = orgs.members_of(tx, person, None, _FACES)
        faces = [member.account for member in found.items]
    else:
        faces = [one.organization for one in orgs.organizations_of(tx, person)]
    return {"faces": faces, "role": orgs.role_in(tx, person)}


def _adapters(tx: Tx, person: Account, sort: str, cursor: str) -> dict[str, Any]:
    query = search.Query(owner=person.name, sort=sort)
    found = search.find(tx, query, cursor or None, PAGE)
    here = links.account(person.name)

    def address(order: str, cursor: str | None = None) -> str:
        return links.query(here, sort="" if order == _SORT else order, cursor=cursor)

    return {
        "about": _about(person) if not cursor else None,
        "pinned": profiles.pinned(tx, person) if not cursor else [],
        "items": found.items,
        "sorts": sorts({name: address(name) for name in SORTS if name != "trending"}, sort),
        "next": address(sort, found.next_cursor) if found.next_cursor else None,
    }


def _collections(tx: Tx, person: Account, sort: str, cursor: str) -> dict[str, Any]:
    del sort, cursor
    made = collections.of_owner(tx, person, _COLLECTIONS)
    return {
        "collections": [lines.line(one) for one in made],
        "first": items.first_items(tx, made, _IN_LIST),
        "is_more": len(made) == _COLLECTIONS,
    }


def _activity(tx: Tx, person: Account, sort: str, cursor: str) -> dict[str, Any]:
    del sort
    found = activity.of_account(tx, person, cursor or None, _ACTS)
    here = links.account(person.name)
    following = links.query(here, tab="activity", cursor=found.next_cursor)
    return {
        "days": acts.by_day(found.items),
        "next": following if found.next_cursor else None,
    }


def _about(person: Account) -> markdown.SafeHtml | None:
    """Return what an account tells of itself at length. Its pictures are their descriptions."""
    if not person.about:
        return None
    shown = markdown.render(person.about, link_base="/", raw_base=None)
    return shown if shown.strip() else None
