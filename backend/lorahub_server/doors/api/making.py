"""Publishing into a repository that may be missing: made in the transaction of its first commit.

So what is refused leaves no empty repository behind.
"""

from contextlib import suppress

from fastapi import Request

from lorahub_server.access import Tx
from lorahub_server.access.errors import RepoNotFound
from lorahub_server.doors.deps import writing
from lorahub_server.repos import service
from lorahub_server.repos.errors import RepoExists
from lorahub_server.repos.tables import Repository


class _WouldWork(Exception):
    """Takes back what was only tried."""


def repo_to_write(
    tx: Tx, owner: str, name: str, *, create: bool, private: bool = False
) -> Repository:
    """Return the repository to one who may write to it; `create`: make it if it is missing."""
    try:
        return service.get_repo_for_write(tx, owner, name)
    except RepoNotFound:
        if not create:
            raise
    with suppress(RepoExists):  # somebody was quicker by a moment
        return service.create_repo(tx, owner, name, private=private)
    return service.get_repo_for_write(tx, owner, name)


async def check_can_make(request: Request, owner: str, name: str, *, private: bool) -> None:
    """Raise what making the repository would; nothing is made."""

    def attempt(tx: Tx) -> None:
        repo_to_write(tx, owner, name, create=True, private=private)
        raise _WouldWork

    with suppress(_WouldWork):
        await writing(request, attempt)
