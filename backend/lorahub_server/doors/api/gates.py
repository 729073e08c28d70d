"""Access to the files of gated repositories: asked for, and given."""

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from lorahub_server.access import can_read_files
from lorahub_server.access.tables import AccessRequest
from lorahub_server.community.gates import service
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.schemas import Cursor, Limit, Owner, RepoName, Text, Time, example
from lorahub_server.repos import service as repos

router = APIRouter(prefix="/repos/{owner}/{name}", tags=["gated repositories"])

Status = Literal["pending", "accepted", "rejected"]
_REQUEST: dict[str, Any] = {
    "account": "bob",
    "status": "pending",
    "fields": {"Organisation": "The Glass Works"},
    "reason": "",
    "created_at": "2026-01-31T12:00:00Z",
    "updated_at": "2026-01-31T12:00:00Z",
}
_FIELD: dict[str, Any] = {"label": "Organisation", "kind": "text", "options": []}


class FormField(BaseModel):
    model_config = example(_FIELD)

    label: str
    kind: str = Field(description="text, checkbox, date or select")
    options: list[str]


class AccessOut(BaseModel):
    """`status` is that of the caller's request; null: there is none."""

    model_config = example(
        {
            "gated": "manual",
            "has_access": False,
            "status": None,
            "reason": "",
            "heading": "Ask for the weights",
            "description": "",
            "prompt": "",
            "fields": [_FIELD],
        }
    )

    gated: Literal["auto", "manual"] | None
    has_access: bool
    status: Status | None
    reason: str
    heading: str
    description: str
    prompt: str
    fields: list[FormField]


class AskIn(BaseModel):
    model_config = example({"fields": {"Organisation": "The Glass Works"}})

    fields: dict[Text, Text | bool] = Field(default_factory=dict, max_length=100)


class RequestOut(BaseModel):
    model_config = example(_REQUEST)

    account: str
    status: Status
    fields: dict[str, Any]
    reason: str
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, request: AccessRequest) -> Self:
        names = ("status", "fields", "reason", "created_at", "updated_at")
        return cls(account=request.account.name, **{name: getattr(request, name) for name in names})


class RequestList(BaseModel):
    model_config = example({"items": [_REQUEST], "next": None})

    items: list[RequestOut]
    next: str | None


class AnswerIn(BaseModel):
    model_config = example({"status": "accepted"})

    status: Status
    reason: Text = ""


class GrantIn(BaseModel):
    model_config = example({"account": "bob"})

    account: Text


@router.get("/access", summary="See whether you have access")
def show_access(tx: ReadTx, owner: Owner, name: RepoName) -> AccessOut:
    """Also tells what the form asks for. A repository that is not gated has `gated` null."""
    repo = repos.get_repo(tx, owner, name)
    request = service.own_request(tx, repo)
    form = service.form_of(tx, repo)
    return AccessOut(
        gated=repo.gated,
        has_access=can_read_files(tx, repo),
        status=None if request is None else request.status,
        reason="" if request is None else request.reason,
        heading=form.heading,
        description=form.description,
        prompt=form.prompt,
        fields=[
            FormField(label=one.label, kind=one.kind, options=list(one.options))
            for one in form.fields
        ],
    )


@router.post("/access", summary="Ask for access")
def ask_for_access(tx: WriteTx, owner: Owner, name: RepoName, wish: AskIn) -> RequestOut:
    """The repository's owner sees your name and what you fill in.

    With `gated` `auto` the request is accepted at once.
    """
    return RequestOut.of(service.ask(tx, repos.get_repo(tx, owner, name), wish.fields))


@router.delete("/access", summary="Take your request back", status_code=204)
def withdraw(tx: WriteTx, owner: Owner, name: RepoName) -> None:
    """Ends your access if you had it."""
    service.withdraw(tx, repos.get_repo(tx, owner, name))


@router.get("/access-requests", summary="List who asked for access")
def list_requests(
    tx: ReadTx,
    owner: Owner,
    name: RepoName,
    status: Annotated[Status | None, Query(description="Only these.")] = None,
    limit: Limit = 30,
    cursor: Cursor = None,
) -> RequestList:
    """For those who may write to the repository."""
    repo = repos.get_repo_for_write(tx, owner, name)
    page = service.requests_of(tx, repo, status, cursor, limit)
    return RequestList(items=[RequestOut.of(one) for one in page.items], next=page.next_cursor)


@router.post("/access-requests", summary="Give access unasked", status_code=201)
def grant(tx: WriteTx, owner: Owner, name: RepoName, wish: GrantIn) -> RequestOut:
    """For those who may write here: as if the account had asked and was accepted."""
    repo = repos.get_repo_for_write(tx, owner, name)
    return RequestOut.of(service.grant(tx, repo, service.named(tx, repo, wish.account)))


@router.put("/access-requests/{account}", summary="Answer a request")
def answer(tx: WriteTx, owner: Owner, name: RepoName, account: str, wish: AnswerIn) -> RequestOut:
    """Accept or reject it, or let it wait again. The person sees the reason of a rejection."""
    repo = repos.get_repo_for_write(tx, owner, name)
    whose = service.named(tx, repo, account)
    return RequestOut.of(service.handle(tx, repo, whose, wish.status, wish.reason))
