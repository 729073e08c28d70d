"""Who am I, and who is that?"""

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from lorahub_server.access import require_login
from lorahub_server.accounts.errors import AccountNotFound
from lorahub_server.accounts.service import find_renamed, get_account
from lorahub_server.accounts.tables import ApiToken
from lorahub_server.doors.deps import ReadTx, base_url
from lorahub_server.doors.schemas import Time, example

router = APIRouter(tags=["accounts"])


class TokenInHand(BaseModel):
    name: str
    scopes: list[str]
    expires_at: Time | None


class WhoAmI(BaseModel):
    name: str
    display_name: str
    is_admin: bool
    via: Literal["token", "session"]
    token: TokenInHand | None

    model_config = example(
        {
            "name": "alice",
            "display_name": "Alice",
            "is_admin": False,
            "via": "token",
            "token": {"name": "laptop", "scopes": ["read", "write"], "expires_at": None},
        }
    )


class AccountOut(BaseModel):
    name: str
    display_name: str
    bio: str
    website: str
    created_at: Time

    model_config = example(
        {
            "name": "alice",
            "display_name": "Alice",
            "bio": "Paints with networks.",
            "website": "https://alice.example",
            "created_at": "2026-01-31T12:00:00Z",
        }
    )


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
        display_name=account.display_name,
        bio=account.bio,
        website=account.website,
        created_at=account.created_at,
    )


def _in_hand(token: ApiToken) -> TokenInHand:
    return TokenInHand(name=token.name, scopes=sorted(token.scopes), expires_at=token.expires_at)
