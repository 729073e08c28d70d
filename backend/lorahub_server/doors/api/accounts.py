"""Who am I, and who is that?"""

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from lorahub_server.access import require_login
from lorahub_server.accounts.errors import AccountNotFound
from lorahub_server.accounts.service import find_renamed, get_account
from lorahub_server.accounts.tables import Account, ApiToken
from lorahub_server.community import follows, orgs
from lorahub_server.doors.deps import ReadTx, WriteTx, base_url
from lorahub_server.doors.schemas import Cursor, Limit, Time, example
from lorahub_server.kit.pagination import Page

router = APIRouter(tags=["accounts"])


class TokenInHand(BaseModel):
    name: str
    scopes: list[str]
    expires_at: Time | None


class OrgRole(BaseModel):
    name: str
    role: Literal["read", "contributor", "write", "admin"]


class WhoAmI(BaseModel):
    name: str
    display_name: str
    is_admin: bool
    via: Literal["token", "session"]
    token: TokenInHand | None
    organizations: list[OrgRole]

    model_config = example(
        {
            "name": "alice",
            "display_name": "Alice",
            "is_admin": False,
            "via": "token",
            "token": {"name": "laptop", "scopes": ["read", "write"], "expires_at": None},
            "organizations": [{"name": "studio", "role": "write"}],
        }
    )


class AccountOut(BaseModel):
    name: str
    kind: Literal["user", "organization"]
    display_name: str
    bio: str
    website: str
    about: str
    links: list[str]
    created_at: Time

    model_config = example(
        {
            "name": "alice",
            "kind": "user",
            "display_name": "Alice",
            "bio": "Paints with networks.",
            "website": "https://alice.example",
            "about": "I make **glass** styles.",
            "links": ["https://social.example/@alice"],
            "created_at": "2026-01-31T12:00:00Z",
        }
    )


class FollowOut(BaseModel):
    following: bool
    followers: int

    model_config = example({"following": True, "followers": 12})


class AccountRef(BaseModel):
    name: str
    display_name: str


class AccountList(BaseModel):
    items: list[AccountRef]
    next: str | None

    model_config = example({"items": [{"name": "alice", "display_name": "Alice"}], "next": None})


@router.get("/whoami", summary="Who am I?")
def whoami(tx: ReadTx) -> WhoAmI:
    """Tells whose token or session the request carries; 401 without one."""
    account = require_login(tx.caller)
    token = tx.caller.token
    return WhoAmI(
        name=account.name,
        display_name=account.display_name,
        is_admin=account.is_admin,
        via="session" if tx.caller.via == "session" else "token",
        token=None if token is None else _in_hand(token),
        organizations=[
            OrgRole(name=one.organization.name, role=one.role)
            for one in orgs.organizations_of(tx, account)
        ],
    )


@router.get("/accounts/{name}", summary="Show an account", response_model=AccountOut)
def show_account(request: Request, tx: ReadTx, name: str) -> AccountOut | Response:
    """A name that the account had before redirects (307) to the one it has now."""
    try:
        account = get_account(tx.session, name)
    except AccountNotFound:
        renamed = find_renamed(tx.session, name)
        if renamed is None:
            raise
        return RedirectResponse(f"{base_url(request)}/api/hub/v1/accounts/{renamed.name}")
    return AccountOut(
        name=account.name,
        kind="organization" if account.is_organization else "user",
        display_name=account.display_name,
        bio=account.bio,
        website=account.website,
        about=account.about,
        links=account.links,
        created_at=account.created_at,
    )


@router.put("/accounts/{name}/follow", summary="Follow somebody")
def follow(tx: WriteTx, name: str) -> FollowOut:
    """A person or an organisation. Following whom one follows changes nothing."""
    state = follows.follow(tx, get_account(tx.session, name))
    return FollowOut(following=state.following, followers=state.followers)


@router.delete("/accounts/{name}/follow", summary="Unfollow somebody")
def unfollow(tx: WriteTx, name: str) -> FollowOut:
    """Unfollowing whom one doesn't follow changes nothing."""
    state = follows.unfollow(tx, get_account(tx.session, name))
    return FollowOut(following=state.following, followers=state.followers)


@router.get("/accounts/{name}/followers", summary="Who follows them?")
def list_followers(tx: ReadTx, name: str, limit: Limit = 30, cursor: Cursor = None) -> AccountList:
    """The latest first."""
    return _listed(follows.followers_of(tx, get_account(tx.session, name), cursor, limit))


@router.get("/accounts/{name}/following", summary="Whom do they follow?")
def list_following(tx: ReadTx, name: str, limit: Limit = 30, cursor: Cursor = None) -> AccountList:
    """The latest first."""
    return _listed(follows.following_of(tx, get_account(tx.session, name), cursor, limit))


def _listed(found: Page[Account]) -> AccountList:
    items = [AccountRef(name=one.name, display_name=one.display_name) for one in found.items]
    return AccountList(items=items, next=found.next_cursor)


def _in_hand(token: ApiToken) -> TokenInHand:
    return TokenInHand(name=token.name, scopes=sorted(token.scopes), expires_at=token.expires_at)
