"""Who am I, and who is that?"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from lorahub_server.access import Tx, require_login
from lorahub_server.accounts.service import find_account, get_account
from lorahub_server.blobs.service import stored_bytes
from lorahub_server.community import follows, orgs, starred
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.hf import people
from lorahub_server.doors.hf.shapes import avatar, moment, page
from lorahub_server.library import search

router = APIRouter(prefix="/api")

_PAGE = people.PAGE

Cursor = Annotated[str | None, Query()]


@router.get("/whoami-v2")
def whoami(request: Request, tx: ReadTx) -> JSONResponse:
    account = require_login(tx.caller)
    token = tx.caller.token
    access: dict[str, Any] = {"displayName": "session", "role": "write"}
    if token is not None:
        role = "write" if "write" in token.scopes else "read"
        access = {
            "displayName": token.name,
            "role": role,
            "createdAt": moment(token.created_at),
        }
    return JSONResponse(
        {
            "type": "user",
            "id": people.account_id(account),
            "name": account.name,
            "fullname": account.display_name or account.name,
            "email": account.email,
            "emailVerified": False,
            "isPro": False,
            "canPay": False,
            "avatarUrl": avatar(request, account.name),
            "orgs": [
                {
                    **people.short(request, one.organization),
                    "roleInOrg": one.role,
                    "email": None,
                    "canPay": False,
                    "periodEnd": None,
                }
                for one in orgs.organizations_of(tx, account)
            ],
            "auth": {"type": "access_token", "accessToken": access},
        }
    )


@router.get("/settings/repositories")
def own_repos(request: Request, tx: ReadTx, cursor: Cursor = None) -> JSONResponse:
    """Tells an account what it has here and how much room that takes."""
    return repos_of(request, tx, require_login(tx.caller).name, cursor)


def repos_of(request: Request, tx: Tx, owner: str, cursor: str | None) -> JSONResponse:
    query = search.Query(owner=owner, sort="name")
    found = search.find(tx, query, cursor, _PAGE)
    storage = stored_bytes(tx, [card.id for card in found.items])
    items = [
        {
            "id": card.full_name,
            "type": "model",
            "updatedAt": moment(card.updated_at),
            "visibility": "private" if card.private else "public",
            "storage": storage[card.id],
            "storagePercent": 0,
        }
        for card in found.items
    ]
    return page(request, items, found.next_cursor)


@router.get("/users/{name}/overview")
def overview(request: Request, tx: ReadTx, name: str) -> JSONResponse:
    """Of an organisation too, as far as it fits; it has an overview of its own."""
    account = get_account(tx.session, name)
    state = follows.state(tx, account)
    return JSONResponse(
        {
            "_id": people.account_id(account),
            "user": account.name,
            "fullname": account.display_name or account.name,
            "type": "org" if account.is_organization else "user",
            "avatarUrl": avatar(request, account.name),
            "details": account.bio,
            "isPro": False,
            "isFollowing": state.following,
            "numModels": search.count(tx, search.Query(owner=account.name)),
            "numDatasets": 0,
            "numSpaces": 0,
            "numDiscussions": 0,
            "numPapers": 0,
            "numUpvotes": 0,
            "numLikes": starred.count_by(tx, account),
            "numFollowing": follows.count_following(tx, account),
            "numFollowers": state.followers,
            "orgs": [
                people.short(request, one.organization)
                for one in orgs.organizations_of(tx, account)
            ],
            "createdAt": moment(account.created_at),
        }
    )


@router.get("/users/{name}/likes")
def likes(request: Request, tx: ReadTx, name: str, cursor: Cursor = None) -> JSONResponse:
    """An unknown account likes nothing."""
    account = find_account(tx.session, name)
    if account is None:
        return JSONResponse([])
    found = starred.given_by(tx, account, cursor, _PAGE)
    items = [
        {"createdAt": moment(given.created_at), "repo": {"name": given.repo, "type": "model"}}
        for given in found.items
    ]
    return page(request, items, found.next_cursor)


@router.get("/users/{name}/followers")
def followers(request: Request, tx: ReadTx, name: str, cursor: Cursor = None) -> JSONResponse:
    found = follows.followers_of(tx, get_account(tx.session, name), cursor, _PAGE)
    return page(request, people.listed(request, tx, found), found.next_cursor)


@router.get("/users/{name}/following")
def following(request: Request, tx: ReadTx, name: str, cursor: Cursor = None) -> JSONResponse:
    found = follows.following_of(tx, get_account(tx.session, name), cursor, _PAGE)
    return page(request, people.listed(request, tx, found), found.next_cursor)
