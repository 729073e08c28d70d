"""People and organisations, in the form that every list and overview gives them."""

from typing import Any

from fastapi import Request

from lorahub_server.access import Tx
from lorahub_server.accounts.tables import Account
from lorahub_server.community import follows
from lorahub_server.doors.hf.shapes import avatar
from lorahub_server.kit.pagination import Page

PAGE = 100


def short(request: Request, account: Account) -> dict[str, Any]:
    """Return what tells an account from others."""
    return {
        "_id": account_id(account),
        "name": account.name,
        "fullname": account.display_name or account.name,
        "type": "org" if account.is_organization else "user",
        "avatarUrl": avatar(request, account.name),
        "isPro": False,
        "isEnterprise": False,
    }


def account_id(account: Account) -> str:
    return f"{account.id:024x}"


def listed(request: Request, tx: Tx, accounts: Page[Account]) -> list[dict[str, Any]]:
    """Return a list of people, as clients read them."""
    followed = follows.followed_among(tx, [account.id for account in accounts.items])
    return [
        {
            "_id": account_id(account),
            "user": account.name,
            "fullname": account.display_name or account.name,
            "type": "org" if account.is_organization else "user",
            "avatarUrl": avatar(request, account.name),
            "isPro": False,
            "isFollowing": account.id in followed,
        }
        for account in accounts.items
    ]
