"""API tokens. A token can't make or revoke tokens: only a person who is signed in can."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from lorahub_server.access import require_session
from lorahub_server.accounts.tables import ApiToken
from lorahub_server.accounts.tokens import create_token, list_tokens, revoke_token
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.schemas import RowId, Text, Time, example

router = APIRouter(tags=["tokens"])

_TOKEN = {
    "id": 7,
    "name": "laptop",
    "hint": "x4Qz",
    "scopes": ["read", "write"],
    "created_at": "2026-01-31T12:00:00Z",
    "last_used_at": None,
    "expires_at": None,
}


class TokenOut(BaseModel):
    id: int
    name: str
    hint: str
    scopes: list[str]
    created_at: Time
    last_used_at: Time | None
    expires_at: Time | None

    model_config = example(_TOKEN)


class NewTokenOut(TokenOut):
    token: str

    model_config = example({**_TOKEN, "token": "lh_ab12CD34ef56GH78ij90KL12mn34OP56qr781aB2cD"})


class TokenList(BaseModel):
    items: list[TokenOut]
    next: str | None = None

    model_config = example({"items": [_TOKEN], "next": None})


class NewToken(BaseModel):
    name: Text
    scopes: list[Literal["read", "write"]]
    expires_at: datetime | None = None

    model_config = example({"name": "laptop", "scopes": ["read", "write"], "expires_at": None})


@router.get("/tokens", summary="List my tokens")
def show_tokens(tx: ReadTx) -> TokenList:
    """Wants a sign-in session. The tokens' text is not in it; it was shown once."""
    account = require_session(tx.caller)
    return TokenList(items=[_out(row) for row in list_tokens(tx.session, account)])


@router.post("/tokens", summary="Make a token", status_code=201)
def make_token(tx: WriteTx, wish: NewToken) -> NewTokenOut:
    """Wants a sign-in session and the header X-CSRF-Token. Answers the text, this one time."""
    account = require_session(tx.caller)
    row, plain = create_token(
        tx.session, tx.settings, account, wish.name, wish.scopes, expires_at=wish.expires_at
    )
    return NewTokenOut(**_out(row).model_dump(), token=plain)


@router.delete("/tokens/{token_id}", summary="Revoke a token", status_code=204)
def drop_token(tx: WriteTx, token_id: RowId) -> None:
    """Wants a sign-in session and the header X-CSRF-Token. The token stops working at once."""
    revoke_token(tx.session, require_session(tx.caller), token_id)


def _out(row: ApiToken) -> TokenOut:
    return TokenOut(
        id=row.id,
        name=row.name,
        hint=row.hint,
        scopes=sorted(row.scopes),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
    )
