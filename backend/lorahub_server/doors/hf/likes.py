"""Likes are stars."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from lorahub_server.community import starred, stars
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.hf.shapes import avatar, page
from lorahub_server.repos import service

router = APIRouter(prefix="/api/models/{owner}/{name}")

_PAGE = 100


@router.post("/like")
@router.put("/like")
def like(tx: WriteTx, owner: str, name: str) -> JSONResponse:
    state = stars.star(tx, service.get_repo(tx, owner, name))
    return JSONResponse({"isLiked": state.starred, "likes": state.stars})


@router.delete("/like")
def unlike(tx: WriteTx, owner: str, name: str) -> JSONResponse:
    state = stars.unstar(tx, service.get_repo(tx, owner, name))
    return JSONResponse({"isLiked": state.starred, "likes": state.stars})


@router.get("/likers")
def likers(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    cursor: Annotated[str | None, Query()] = None,
) -> JSONResponse:
    repo = service.get_repo(tx, owner, name)
    found = starred.givers_of(tx, repo, cursor, _PAGE)
    items = [
        {
            "user": giver.account.name,
            "fullname": giver.account.display_name or giver.account.name,
            "avatarUrl": avatar(request, giver.account.name),
        }
        for giver in found.items
    ]
    return page(request, items, found.next_cursor)
