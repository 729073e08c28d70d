"""Organisations: what they are, who belongs to them, who follows them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from lorahub_server.access import is_member, require_login
from lorahub_server.access.errors import NotAllowed
from lorahub_server.community import follows, orgs
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.hf import people
from lorahub_server.doors.hf.account import repos_of
from lorahub_server.doors.hf.shapes import avatar, moment, page
from lorahub_server.kit.pagination import Page
from lorahub_server.library import search

router = APIRouter(prefix="/api/organizations/{name}")

Cursor = Annotated[str | None, Query()]


@router.get("/overview")
def overview(request: Request, tx: ReadTx, name: str) -> JSONResponse:
    org = orgs.get(tx, name)
    state = follows.state(tx, org)
    return JSONResponse(
        {
            "_id": people.account_id(org),
            "name": org.name,
            "fullname": org.display_name or org.name,
            "type": "org",
            "avatarUrl": avatar(request, org.name),
            "details": org.bio,
            "isVerified": False,
            "isEnterprise": False,
            "isFollowing": state.following,
            "numUsers": orgs.count_members(tx, org),
            "numModels": search.count(tx, search.Query(owner=org.name)),
            "numDatasets": 0,
            "numSpaces": 0,
            "numPapers": 0,
            "numFollowers": state.followers,
            "createdAt": moment(org.created_at),
        }
    )


@router.get("/members")
def members(request: Request, tx: ReadTx, name: str, cursor: Cursor = None) -> JSONResponse:
    """The roles are told to members only."""
    org = orgs.get(tx, name)
    found = orgs.members_of(tx, org, cursor, people.PAGE)
    shown = people.listed(request, tx, Page([one.account for one in found.items]))
    if orgs.sees_roles(tx, org):
        for item, one in zip(shown, found.items, strict=True):
            item["role"] = one.role
    return page(request, shown, found.next_cursor)


@router.get("/followers")
def followers(request: Request, tx: ReadTx, name: str, cursor: Cursor = None) -> JSONResponse:
    found = follows.followers_of(tx, orgs.get(tx, name), cursor, people.PAGE)
    return page(request, people.listed(request, tx, found), found.next_cursor)


@router.get("/settings/repositories")
def org_repos(request: Request, tx: ReadTx, name: str, cursor: Cursor = None) -> JSONResponse:
    """Tells members what their organisation has here and how much room that takes."""
    org = orgs.get(tx, name)
    require_login(tx.caller)
    if not is_member(tx.caller, org.id):
        raise NotAllowed(f"Only members of {org.name} may see this. Ask one of them.")
    return repos_of(request, tx, org.name, cursor)
