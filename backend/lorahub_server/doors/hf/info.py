"""What a model is: its commit, files, card and numbers in one answer."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from lorahub_server.access import Tx
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.hf import models
from lorahub_server.doors.hf.shapes import Flag, Revision, many
from lorahub_server.library import heads
from lorahub_server.repos import refs, service

router = APIRouter(prefix="/api/models/{owner}/{name}")

_WITH_FILES = "siblings"
_STORAGE = "usedStorage"


@router.get("")
def show_model(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    blobs: Flag = False,
    security: Annotated[bool, Query(alias="securityStatus")] = False,
) -> JSONResponse:
    return _info(request, tx, (owner, name), None, with_blobs=blobs, security=security)


@router.get("/revision/{revision}")
def show_revision(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    revision: Revision,
    blobs: Flag = False,
    security: Annotated[bool, Query(alias="securityStatus")] = False,
) -> JSONResponse:
    return _info(request, tx, (owner, name), revision, with_blobs=blobs, security=security)


def _info(
    request: Request,
    tx: Tx,
    names: tuple[str, str],
    revision: str | None,
    *,
    with_blobs: bool,
    security: bool,
) -> JSONResponse:
    expand = many(request, "expand")
    models.check_expand(expand)
    if revision is None:
        repo, place = service.get_repo(tx, *names), None
    else:
        opened = refs.open_at(tx, *names, revision)
        repo, place = opened.repo, opened.place
    with_files = not expand or _WITH_FILES in expand
    facts = heads.facts(tx, repo, place, with_files=with_files, with_storage=_STORAGE in expand)
    view = models.View(facts, with_blobs=with_blobs, storage=facts.stored)
    content: dict[str, Any] = models.shown(view, models.INFO, expand=expand)
    if security:
        # A file is checked before it is published: what there is has passed.
        done = facts.health != "waiting"
        content["securityRepoStatus"] = {"scansDone": done, "filesWithIssues": []}
    return JSONResponse(content)
