"""Forks of a repository: made, and listed."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from lorahub_server.access import require_login
from lorahub_server.doors.api import repos
from lorahub_server.doors.api.repos import RepoList, RepoOut
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.schemas import Cursor, Limit, Owner, RepoName, Text, example
from lorahub_server.library import search
from lorahub_server.repos import forks, service

router = APIRouter(prefix="/repos/{owner}/{name}/forks", tags=["repositories"])


class NewFork(BaseModel):
    """`private` left out: as the source is."""

    model_config = example({"name": "my-variant", "default_branch_only": False})

    name: Text | None = None
    owner: Text | None = None
    private: bool | None = None
    default_branch_only: bool = False


@router.post("", summary="Fork a repository", status_code=201)
def make_fork(
    request: Request, tx: WriteTx, owner: Owner, name: RepoName, wish: NewFork | None = None
) -> RepoOut:
    """A repository of the caller's that begins with this one's history: the same commits, branches
    and tags, or those of the default branch alone. Large files are shared, not copied.

    What not everybody may have, private or gated, becomes a private fork.
    """
    source = service.get_repo(tx, owner, name)
    account = require_login(tx.caller)
    wish = wish or NewFork()
    made = forks.fork(
        tx,
        source,
        account.name if wish.owner is None else wish.owner,
        source.name if wish.name is None else wish.name,
        private=wish.private,
        default_branch_only=wish.default_branch_only,
    )
    return repos.shown(request, tx, made)


@router.get("", summary="List the forks of a repository")
def list_forks(
    request: Request,
    tx: ReadTx,
    owner: Owner,
    name: RepoName,
    limit: Limit = 30,
    cursor: Cursor = None,
) -> RepoList:
    """Those that the caller may see, the latest change first."""
    source = service.get_repo(tx, owner, name)
    query = search.Query(forked_from=source.id, sort="updated")
    return repos.listed(request, search.find(tx, query, cursor, limit))
