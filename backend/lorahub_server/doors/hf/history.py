"""Branches, tags and the commits that they lead to."""

import html
import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from lorahub_server.community.discussions import pulls as pull_requests
from lorahub_server.doors import target
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.hf.shapes import Revision, Text, avatar, many, moment, page
from lorahub_server.kit import pagination
from lorahub_server.repos import history, pulls, refs, service, squash
from lorahub_server.repos.errors import (
    DefaultBranch,
    RefExists,
    RefNotFound,
    RevisionNotFound,
)
from lorahub_server.repos.history import CommitInfo

router = APIRouter(prefix="/api/models/{owner}/{name}")

_PAGE = 50
# Further back the cursors lead.
_PAGES_MAX = 100
_OID = re.compile(r"[0-9a-f]{40}")
_SQUASHED = "Squash the history"


class NewBranch(BaseModel):
    model_config = ConfigDict(extra="ignore")

    starting_point: Annotated[Text | None, Field(alias="startingPoint")] = None


class NewTag(BaseModel):
    model_config = ConfigDict(extra="ignore")

    tag: Text
    message: Text | None = None


class Squash(BaseModel):
    model_config = ConfigDict(extra="ignore")

    message: Text | None = None


@router.get("/refs")
def list_refs(
    tx: ReadTx,
    owner: str,
    name: str,
    include_prs: Annotated[bool, Query()] = False,
) -> JSONResponse:
    repo = service.get_repo(tx, owner, name)
    found = refs.list_refs(tx, repo)
    content: dict[str, Any] = {
        "branches": [_ref(refs.BRANCHES, ref) for ref in found.branches],
        "converts": [],
        "tags": [_ref(refs.TAGS, ref) for ref in found.tags],
    }
    if include_prs:
        content["pullRequests"] = [
            {"name": str(num), "ref": pulls.ref_of(num), "targetCommit": oid}
            for num, oid in pulls.list_heads(tx, repo)
        ]
    return JSONResponse(content)


@router.get("/commits/{revision}")
def list_commits(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    revision: Revision,
    limit: Annotated[int, Query(ge=1)] = _PAGE,
    p: Annotated[int, Query(ge=0, le=_PAGES_MAX)] = 0,
    cursor: Annotated[str | None, Query()] = None,
) -> JSONResponse:
    repo = service.get_repo(tx, owner, name)
    start = refs.resolve(tx, repo, revision)
    if cursor is not None and not _OID.fullmatch(cursor):
        raise pagination.BadCursor
    size = pagination.clamp_limit(limit)
    # A cursor goes on where the page before ended, whichever that was.
    skip = p * size if cursor is None else 0
    found = history.list_commits(tx, repo, start, limit=size, after=cursor, skip=skip)
    last = found[-1] if len(found) == size else None
    following = last.oid if last is not None and last.parent is not None else None
    formatted = "formatted" in many(request, "expand")
    return page(request, [_commit(request, one, formatted) for one in found], following)


@router.post("/branch/{branch}")
def create_branch(
    tx: WriteTx, owner: str, name: str, branch: Revision, wish: NewBranch | None = None
) -> Response:
    repo = service.get_repo_for_write(tx, owner, name)
    start = (wish.starting_point if wish else None) or repo.default_branch
    try:
        refs.create_branch(tx, repo, branch, start)
    except RefExists as error:
        full = refs.BRANCHES + branch
        raise RefExists(f"Reference {full} already exists. {error.message}") from error
    return Response()


@router.delete("/branch/{branch}")
def delete_branch(tx: WriteTx, owner: str, name: str, branch: Revision) -> Response:
    repo = service.get_repo_for_write(tx, owner, name)
    try:
        refs.delete_branch(tx, repo, branch)
    except DefaultBranch as error:
        error.message = f"Cannot delete {refs.BRANCHES}{branch}. {error.message}"
        raise
    except RefNotFound as error:
        raise RevisionNotFound(f"Invalid rev id: {branch}. {error.message}") from error
    return Response()


@router.post("/tag/{revision}")
def create_tag(tx: WriteTx, owner: str, name: str, revision: Revision, wish: NewTag) -> Response:
    repo = service.get_repo_for_write(tx, owner, name)
    commit = refs.resolve(tx, repo, revision)
    refs.create_tag(tx, repo, wish.tag, commit, wish.message or "")
    return Response()


@router.delete("/tag/{tag}")
def delete_tag(tx: WriteTx, owner: str, name: str, tag: Revision) -> Response:
    refs.delete_tag(tx, service.get_repo_for_write(tx, owner, name), tag)
    return Response()


@router.post("/super-squash/{branch}")
def squash_history(
    tx: WriteTx, owner: str, name: str, branch: Revision, wish: Squash | None = None
) -> Response:
    message = (wish.message if wish else None) or _SQUASHED
    where = target.of(branch)
    repo = target.open_repo(tx, owner, name, where)
    if where.pull is None:
        squash.squash(tx, repo, where.branch, message)
    else:
        pull_requests.squash_commits(tx, repo, where.pull, message)
    return Response()


def _ref(start: str, ref: refs.RefInfo) -> dict[str, str]:
    return {"name": ref.name, "ref": start + ref.name, "targetCommit": ref.revision}


def _commit(request: Request, commit: CommitInfo, formatted: bool) -> dict[str, Any]:
    message = commit.message.strip().partition("\n")[2].strip()
    shown: dict[str, Any] = {
        "id": commit.oid,
        "title": commit.title,
        "message": message,
        "date": moment(commit.created_at),
        "authors": [{"user": commit.author, "avatar": avatar(request, commit.author)}],
    }
    if formatted:
        shown["formatted"] = {"title": html.escape(commit.title), "message": html.escape(message)}
    return shown
