"""Following people and organisations, and who follows whom."""

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, require_session
from lorahub_server.accounts.service import get_account
from lorahub_server.accounts.tables import Account
from lorahub_server.community import follows
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.web.forms import Posted
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.pagination import Page

router = APIRouter()

_PAGE = 60
_List = Callable[[Tx, Account, str | None, int], Page[Account]]


@router.post("/{owner}/followers")
def follow(form: Posted, tx: WriteTx, owner: str) -> Response:
    require_session(tx.caller)
    account = get_account(tx.session, owner)
    if form.text("want") == "no":
        follows.unfollow(tx, account)
    else:
        follows.follow(tx, account)
    return redirect(links.account(account.name))


@router.get("/{owner}/followers")
def show_followers(request: Request, tx: ReadTx, owner: str, cursor: str = "") -> Response:
    return _list(request, tx, owner, "followers", follows.followers_of, cursor)


@router.get("/{owner}/following")
def show_following(request: Request, tx: ReadTx, owner: str, cursor: str = "") -> Response:
    return _list(request, tx, owner, "following", follows.following_of, cursor)


def _list(request: Request, tx: Tx, owner: str, what: str, listed: _List, cursor: str) -> Response:
    person = get_account(tx.session, owner)
    found = listed(tx, person, cursor or None, _PAGE)
    here = links.people(person.name, what)
    return page(
        request,
        "people.html",
        caller=tx.caller,
        person=person,
        what=what,
        items=found.items,
        next=links.query(here, cursor=found.next_cursor) if found.next_cursor else None,
    )
