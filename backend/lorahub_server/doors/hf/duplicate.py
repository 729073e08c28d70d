"""Duplicates, as clients call forks."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from lorahub_server.doors.deps import WriteTx
from lorahub_server.doors.hf.repos import NameGone, Visibility, parts_of, shown
from lorahub_server.doors.hf.shapes import Text
from lorahub_server.repos import forks, service
from lorahub_server.repos.errors import NameUsed, RepoExists

router = APIRouter()


class Duplicate(Visibility):
    to_repo: Annotated[Text, Field(alias="repository")]


@router.post("/api/models/{owner}/{name}/duplicate")
def duplicate(
    request: Request, tx: WriteTx, owner: str, name: str, wish: Duplicate
) -> JSONResponse:
    source = service.get_repo(tx, owner, name)
    target = parts_of(wish.to_repo)
    try:
        made = forks.fork(tx, source, *target, private=wish.wanted())
    except RepoExists as error:
        told = shown(request, service.get_repo(tx, *target))
        return JSONResponse({"error": error.message, **told}, error.status)
    except NameUsed as error:
        raise NameGone(error.message, place=error.place) from error
    return JSONResponse(shown(request, made))
