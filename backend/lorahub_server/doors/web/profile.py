"""The page of an account."""

from typing import Any

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.accounts.errors import AccountNotFound
from lorahub_server.accounts.service import find_account, find_renamed
from lorahub_server.accounts.tables import Account
from lorahub_server.community import follows, orgs
from lorahub_server.community.collections import items
from lorahub_server.community.collections import service as collections
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web import collections as lines
from lorahub_server.doors.web.library import PAGE, SORTS, sorts
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.library import search

router = APIRouter()

_SORT = "updated"
# What is shown at most beside the repositories.
_COLLECTIONS = 6
_IN_LIST = 4
_FACES = 24


@router.get("/{owner}")
def show(
    request: Request,
    tx: ReadTx,
    owner: str,
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
    query = search.Query(owner=person.name, sort=sort)
    found = search.find(tx, query, cursor or None, PAGE)
    here = links.account(person.name)

    def address(order: str, cursor: str | None = None) -> str:
        return links.query(here, sort="" if order == _SORT else order, cursor=cursor)

    return page(
        request,
        "profile.html",
        **_around(tx, person),
        caller=tx.caller,
        said="The repository is deleted." if done == "deleted" else "",
        person=person,
        is_self=tx.caller.account_id == person.id,
        items=found.items,
        total=search.count(tx, query),
        sorts=sorts({name: address(name) for name in SORTS if name != "trending"}, sort),
        next=address(sort, found.next_cursor) if found.next_cursor else None,
    )


def _around(tx: Tx, person: Account) -> dict[str, Any]:
    """Return who and what belongs to an account beside its repositories."""
    made = collections.of_owner(tx, person, _COLLECTIONS)
    members: list[Account] = []
    if person.is_organization:
        found = orgs.members_of(tx, person, None, _FACES)
        members = [member.account for member in found.items]
    return {
        "follow": follows.state(tx, person),
        "following": follows.count_following(tx, person),
        "members": members,
        "count": orgs.count_members(tx, person) if person.is_organization else 0,
        "role": orgs.role_in(tx, person),
        "orgs": [one.organization for one in orgs.organizations_of(tx, person)],
        "collections": [lines.line(one) for one in made],
        "first": items.first_items(tx, made, _IN_LIST),
    }
