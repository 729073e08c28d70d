"""Repositories begin, change their name and visibility, and end."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from lorahub_server.access import require_files, require_login
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.hf import beginning
from lorahub_server.doors.hf.shapes import Text, model_id, repo_address
from lorahub_server.kit.errors import BadRequest, HubError
from lorahub_server.repos import service
from lorahub_server.repos.errors import NameUsed, RepoExists
from lorahub_server.repos.tables import Repository

router = APIRouter(prefix="/api")


class NameGone(HubError):
    """Not 409: the clients take that for "it is there", and go on as if it were."""

    status = 410
    code = "name_used"


class _Kind(BaseModel):
    """What the clients send beyond this is for other kinds of hubs."""

    model_config = ConfigDict(extra="ignore")

    type: Text | None = None

    def check_kind(self) -> None:
        if self.type not in (None, "", "model"):
            message = f"This hub keeps models only, and no {self.type}. Leave repo_type out."
            raise BadRequest(message, place="type")


class Visibility(_Kind):
    private: bool | None = None
    visibility: Text | None = None

    def wanted(self) -> bool | None:
        """Return whether the repository shall be private; None: nothing is said."""
        if self.visibility in (None, ""):
            return self.private
        if self.visibility not in ("public", "private"):
            message = "Repositories are public or private here. Choose one of these."
            raise BadRequest(message, place="visibility")
        return self.visibility == "private"


class NewRepo(Visibility):
    name: Text
    organization: Text | None = None


class OldRepo(_Kind):
    name: Text
    organization: Text | None = None


class Move(_Kind):
    from_repo: Annotated[Text, Field(alias="fromRepo")]
    to_repo: Annotated[Text, Field(alias="toRepo")]


class Settings(Visibility):
    gated: Literal["auto", "manual", False] | None = None


@router.post("/repos/create")
def create_repo(request: Request, tx: WriteTx, wish: NewRepo) -> JSONResponse:
    """A new repository has a first commit, as clients expect of one."""
    wish.check_kind()
    owner = wish.organization or require_login(tx.caller).name
    try:
        repo = service.create_repo(tx, owner, wish.name, private=bool(wish.wanted()))
    except RepoExists as error:
        told = shown(request, service.get_repo(tx, owner, wish.name))
        return JSONResponse({"error": error.message, **told}, error.status)
    except NameUsed as error:
        raise NameGone(error.message, place=error.place) from error
    beginning.first_commit(tx, repo)
    return JSONResponse(shown(request, repo))


@router.delete("/repos/delete")
def delete_repo(tx: WriteTx, wish: OldRepo) -> Response:
    wish.check_kind()
    owner = wish.organization or require_login(tx.caller).name
    service.delete_repo(tx, service.get_repo_for_write(tx, owner, wish.name))
    return Response()


@router.post("/repos/move")
def move_repo(request: Request, tx: WriteTx, wish: Move) -> JSONResponse:
    """To another name, or another owner; the old address leads on to the new one."""
    wish.check_kind()
    repo = service.get_repo_for_write(tx, *parts_of(wish.from_repo))
    try:
        moved = service.move_repo(tx, repo, *parts_of(wish.to_repo))
    except RepoExists as error:
        message = f"A model repository called {wish.to_repo} already exists. {error.message}"
        raise RepoExists(message) from error
    return JSONResponse(shown(request, moved))


@router.put("/models/{owner}/{name}/settings")
def change_settings(tx: WriteTx, owner: str, name: str, wish: Settings) -> JSONResponse:
    repo = service.get_repo_for_write(tx, owner, name)
    private = wish.wanted()
    if private is not None:
        service.set_private(tx, repo, private)
    if wish.gated is not None:
        service.set_gated(tx, repo, wish.gated or None)
    return JSONResponse({"private": repo.private, "gated": repo.gated or False})


@router.get("/models/{owner}/{name}/auth-check")
def check_reading(tx: ReadTx, owner: str, name: str) -> Response:
    require_files(tx, service.get_repo(tx, owner, name))
    return Response()


@router.get("/models/{owner}/{name}/auth-check/write")
def check_writing(tx: ReadTx, owner: str, name: str) -> Response:
    service.get_repo_for_write(tx, owner, name)
    return Response()


def parts_of(repo_id: str) -> tuple[str, str]:
    owner, slash, name = repo_id.partition("/")
    if not slash:
        message = f"{repo_id} is no repository's name. Write it as owner/name."
        raise BadRequest(message)
    return owner, name


def shown(request: Request, repo: Repository) -> dict[str, Any]:
    return {
        "url": repo_address(request, repo.owner.name, repo.name),
        "id": model_id(repo.id),
        "name": repo.full_name,
        "private": repo.private,
    }
