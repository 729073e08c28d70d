"""The page of an account."""

from fastapi import APIRouter, Request, Response

from lorahub_server.accounts.errors import AccountNotFound
from lorahub_server.accounts.service import find_account, find_renamed
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web import links
from lorahub_server.doors.web.library import PAGE, SORTS, sorts
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.library import search

router = APIRouter()

_SORT = "updated"


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
        caller=tx.caller,
        said="The repository is deleted." if done == "deleted" else "",
        person=person,
        is_self=tx.caller.account_id == person.id,
        items=found.items,
        total=search.facets(tx, query).total,
        sorts=sorts({name: address(name) for name in SORTS if name != "trending"}, sort),
        next=address(sort, found.next_cursor) if found.next_cursor else None,
    )
