"""Access to gated repositories: people ask on its page, and its owner answers in the settings."""

from typing import Any, cast

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.access.gates import STATES
from lorahub_server.community.gates import service
from lorahub_server.community.gates.errors import BadAnswer
from lorahub_server.community.gates.form import Form as Questions
from lorahub_server.community.gates.service import Status
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.web import adapter
from lorahub_server.doors.web.forms import Form, Posted
from lorahub_server.doors.web.gate import gate_of, name_of
from lorahub_server.doors.web.repo_pages import head_of
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import BadRequest, HubError
from lorahub_server.repos import service as repos
from lorahub_server.repos.tables import Repository

router = APIRouter()

_PAGE = 50
_SAID = {
    "gate": "That is changed.",
    "accepted": "Accepted: they have the files now.",
    "rejected": "Rejected.",
    "pending": "They wait again, without the files.",
    "granted": "They have the files now.",
}


@router.post("/{owner}/{name}/access")
def ask(request: Request, form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = repos.get_repo(tx, owner, name)
    questions = service.form_of(tx, repo)
    try:
        with tx.session.begin_nested():
            service.ask(tx, repo, _answers(questions, form))
    except BadAnswer as error:
        gate = gate_of(
            tx,
            repo,
            sent=form.fields,
            faults={error.place or "": error.message},
            wrong="Something is missing in the form below.",
        )
        return adapter.page_of(request, tx, repo, gate=gate, status=error.status)
    return redirect(links.repo(repo.owner.name, repo.name))


@router.post("/{owner}/{name}/access/withdraw")
def withdraw(form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    del form
    repo = repos.get_repo(tx, owner, name)
    service.withdraw(tx, repo)
    return redirect(links.repo(repo.owner.name, repo.name))


@router.get("/{owner}/{name}/settings/access")
def show(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    status: str = "pending",
    cursor: str = "",
    done: str = "",
) -> Response:
    repo = repos.get_repo_for_write(tx, owner, name)
    return _requests(request, tx, repo, status, cursor=cursor, said=_SAID.get(done, ""))


@router.post("/{owner}/{name}/settings/gate")
def set_gate(form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = repos.get_repo_for_write(tx, owner, name)
    repos.set_gated(tx, repo, form.text("gated") or None)
    return _back(repo, "gate")


@router.post("/{owner}/{name}/settings/access")
def answer(form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = repos.get_repo_for_write(tx, owner, name)
    status = form.text("status")
    if status not in STATES:
        raise BadRequest("Accept the request, reject it, or let it wait.", place="status")
    account = service.named(tx, repo, form.line("account"))
    reason = form.line("reason") if status == "rejected" else ""
    service.handle(tx, repo, account, cast("Status", status), reason)
    return _back(repo, status)


@router.post("/{owner}/{name}/settings/access/grant")
def grant(request: Request, form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = repos.get_repo_for_write(tx, owner, name)
    wanted = form.line("account")
    try:
        with tx.session.begin_nested():
            service.grant(tx, repo, service.named(tx, repo, wanted))
    except HubError as error:
        return _requests(
            request, tx, repo, "accepted", wrong=error.message, wanted=wanted, code=error.status
        )
    return _back(repo, "granted")


def _answers(questions: Questions, form: Form) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for at, one in enumerate(questions.fields):
        name = name_of(at)
        answers[one.label] = form.has(name) if one.kind == "checkbox" else form.text(name)
    return answers


def _back(repo: Repository, done: str) -> Response:
    address = links.repo(repo.owner.name, repo.name, "settings", "access")
    return redirect(links.query(address, done=done))


def _requests(
    request: Request,
    tx: Tx,
    repo: Repository,
    status: str,
    *,
    cursor: str = "",
    said: str = "",
    wrong: str = "",
    wanted: str = "",
    code: int = 200,
) -> Response:
    found = service.requests_of(tx, repo, status, cursor or None, _PAGE)
    address = links.repo(repo.owner.name, repo.name, "settings", "access")
    following = found.next_cursor
    return page(
        request,
        "access.html",
        **head_of(tx, repo, "settings"),
        status=code,
        said=said,
        wrong=wrong,
        wanted=wanted,
        gated=repo.gated,
        counts=service.counts(tx, repo),
        chosen=status,
        requests=found.items,
        next=links.query(address, status=status, cursor=following) if following else None,
    )
