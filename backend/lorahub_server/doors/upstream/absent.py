"""What somebody learns who looks here for what only the other hub can have."""

import re

from fastapi import Request

from lorahub_server.access import Tx
from lorahub_server.access.errors import RepoNotFound
from lorahub_server.accounts.service import is_taken
from lorahub_server.doors.deps import hub_of, reading
from lorahub_server.kit import names
from lorahub_server.kit.errors import HubError

# What other hubs give as names; the words that are pages here are nobody's.
_NAME = re.compile(r"[A-Za-z0-9._-]{1,96}")


class NotHere(RepoNotFound):
    """`address` is where the other hub would have it; nobody has looked."""

    def __init__(self, repo: str, upstream: str) -> None:
        self.address = f"{upstream}/{repo}"
        HubError.__init__(
            self,
            f"This hub has no {repo}. Its upstream may: {self.address}",
            upstream=self.address,
        )


async def absent(request: Request) -> NotHere | None:
    """Return what to tell a reader of a repository that nobody here can have.

    None where the owner is or was somebody here: it is not to be learned what theirs are.
    """
    upstream = hub_of(request).upstream
    owner, name = (str(request.path_params.get(key, "")) for key in ("owner", "name"))
    if upstream is None or request.method not in {"GET", "HEAD"}:
        return None
    if not all(_NAME.fullmatch(one) for one in (owner, name)):
        return None
    if names.lower(owner) in names.RESERVED or await is_ours(request, owner):
        return None
    return NotHere(f"{owner}/{name}", upstream.address)


async def is_ours(request: Request, owner: str) -> bool:
    def look(tx: Tx) -> bool:
        return is_taken(tx.session, owner)

    return await reading(request, look)
