"""Access requests of gated repositories, as Hugging Face's clients list and answer them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from lorahub_server.access import Tx
from lorahub_server.access.tables import AccessRequest
from lorahub_server.accounts.tables import Account
from lorahub_server.community.gates import service
from lorahub_server.community.gates.errors import RequestNotFound
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.hf.shapes import Text, model_id, moment, page
from lorahub_server.kit.errors import BadRequest
from lorahub_server.repos import service as repos
from lorahub_server.repos.tables import Repository

router = APIRouter(prefix="/api/models/{owner}/{name}/user-access-request")

_PAGE = 100
_ID_DIGITS = 24
_ID_MOST = 2**63

Status = Literal["pending", "accepted", "rejected"]


class Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    user: Text | None = None
    request_id: Annotated[Text | None, Field(alias="requestId")] = None
    status: Status
    reason: Annotated[Text | None, Field(alias="rejectionReason")] = None


class Grant(BaseModel):
    model_config = ConfigDict(extra="ignore")

    user: Text


@router.get("/{status}")
def list_requests(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    status: Status,
    cursor: Annotated[str | None, Query()] = None,
) -> JSONResponse:
    repo = repos.get_repo_for_write(tx, owner, name)
    found = service.requests_of(tx, repo, status, cursor, _PAGE)
    return page(request, [_shown(one) for one in found.items], found.next_cursor)


@router.post("/handle")
def handle(tx: WriteTx, owner: str, name: str, wish: Answer) -> Response:
    repo = repos.get_repo_for_write(tx, owner, name)
    service.handle(tx, repo, _whose(tx, repo, wish), wish.status, wish.reason or "")
    return Response()


@router.post("/grant")
def grant(tx: WriteTx, owner: str, name: str, wish: Grant) -> JSONResponse:
    repo = repos.get_repo_for_write(tx, owner, name)
    return JSONResponse(_shown(service.grant(tx, repo, service.named(tx, repo, wish.user))))


def _whose(tx: Tx, repo: Repository, wish: Answer) -> Account:
    if (wish.user is None) == (wish.request_id is None):
        raise BadRequest("Name either the user or the request's id.", place="user")
    if wish.user is not None:
        return service.named(tx, repo, wish.user)
    return service.account_of(tx, repo, _number(wish.request_id or ""))


def _number(text: str) -> int:
    try:
        number = int(text, 16) if len(text) == _ID_DIGITS and text.isalnum() else _ID_MOST
    except ValueError:
        number = _ID_MOST
    if number >= _ID_MOST:
        raise RequestNotFound("There is no such request for this repository. List them again.")
    return number


def _shown(request: AccessRequest) -> dict[str, Any]:
    account = request.account
    shown: dict[str, Any] = {
        "requestId": model_id(request.id),
        "user": {
            "_id": model_id(account.id),
            "user": account.name,
            "fullname": account.display_name or account.name,
            "type": "user",
        },
        "status": request.status,
        "timestamp": moment(request.created_at),
        "grantedBy": None if not request.is_grant else "manual",
    }
    if request.fields:
        shown["fields"] = request.fields
    if request.reason:
        shown["rejectionReason"] = request.reason
    return shown
