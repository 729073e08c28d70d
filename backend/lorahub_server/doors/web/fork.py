"""The form that makes a fork."""

from collections import defaultdict

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, can_create, require_login
from lorahub_server.accounts import members
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.web.forms import Form, Posted, faults_of, no_faults
from lorahub_server.doors.web.repo_pages import head_of, repo_of
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import HubError
from lorahub_server.repos import forks
from lorahub_server.repos import service as repos
from lorahub_server.repos.tables import Repository

router = APIRouter()


@router.get("/{owner}/{name}/fork")
def show(request: Request, tx: ReadTx, owner: str, name: str) -> Response:
    repo = repo_of(tx, owner, name)
    if tx.caller.is_anonymous:
        return redirect(links.login(links.repo(repo.owner.name, repo.name, "fork")))
    return _page(request, tx, repo, Form({"name": repo.name}))


@router.post("/{owner}/{name}/fork")
def make(request: Request, form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = repos.get_repo(tx, owner, name)
    account = require_login(tx.caller)
    must_be_private = forks.must_be_private(repo)
    try:
        with tx.session.begin_nested():
            made = forks.fork(
                tx,
                repo,
                form.line("owner") or account.name,
                form.line("name"),
                private=True if must_be_private else form.has("private"),
                default_branch_only=form.has("default_branch_only"),
            )
    except HubError as error:
        message, faults = faults_of(error, "name")
        if error.code == "repo_exists":
            message, faults["name"] = "", error.message
        return _page(request, tx, repo, form, message, faults, error.status)
    return redirect(links.repo(made.owner.name, made.name))


def _page(
    request: Request,
    tx: Tx,
    repo: Repository,
    form: Form,
    message: str = "",
    faults: defaultdict[str, str] | None = None,
    status: int = 200,
) -> Response:
    shown = {
        "owner": form.line("owner"),
        "name": form.line("name"),
        "private": form.has("private"),
        "default_branch_only": form.has("default_branch_only"),
    }
    return page(
        request,
        "fork.html",
        **head_of(tx, repo, "fork"),
        status=status,
        form=shown,
        message=message,
        faults=faults or no_faults(),
        owners=_owners(tx),
        must_be_private=forks.must_be_private(repo),
    )


def _owners(tx: Tx) -> list[str]:
    """Return the names under which the caller may make repositories, their own first."""
    account = require_login(tx.caller)
    orgs = [found.organization for found in members.organizations_of(tx.session, account)]
    return [account.name, *(org.name for org in orgs if can_create(tx.caller, org.id))]
