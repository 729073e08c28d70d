"""What the owner of a repository may change about it as a whole."""

from collections import defaultdict

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.community import orgs
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.web.forms import Posted, faults_of, no_faults
from lorahub_server.doors.web.repo_pages import head_of
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import HubError
from lorahub_server.repos import service as repos
from lorahub_server.repos.tables import Repository

router = APIRouter()

_SAID = {"name": "The repository has its new name.", "visibility": "That is changed."}


@router.get("/{owner}/{name}/settings")
def show(request: Request, tx: ReadTx, owner: str, name: str, done: str = "") -> Response:
    repo = repos.get_repo_for_write(tx, owner, name)
    return _settings(request, tx, repo, said=_SAID.get(done, ""))


@router.post("/{owner}/{name}/settings/name")
def rename(request: Request, form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = repos.get_repo_for_write(tx, owner, name)
    wanted, whose = form.line("name"), form.line("owner") or repo.owner.name
    try:
        with tx.session.begin_nested():
            repos.move_repo(tx, repo, whose, wanted)
    except HubError as error:
        tx.session.refresh(repo)
        message, faults = faults_of(error, "name")
        faults["name"] = faults["name"] or message
        return _settings(
            request,
            tx,
            repo,
            faults=faults,
            form_name=wanted,
            form_owner=whose,
            status=error.status,
        )
    return _back(repo, "name")


@router.post("/{owner}/{name}/settings/visibility")
def change_visibility(form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = repos.get_repo_for_write(tx, owner, name)
    repos.set_private(tx, repo, form.text("private") == "yes")
    return _back(repo, "visibility")


@router.post("/{owner}/{name}/settings/delete")
def delete(request: Request, form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = repos.get_repo_for_write(tx, owner, name)
    if form.line("confirm") != repo.name:
        faults = no_faults()
        faults["confirm"] = f"That is not the repository's name. Type {repo.name}."
        return _settings(request, tx, repo, faults=faults, reason=form.text("reason"), status=422)
    try:
        with tx.session.begin_nested():
            repos.delete_repo(tx, repo, form.text("reason"))
    except HubError as error:
        _, faults = faults_of(error, "reason")
        return _settings(
            request, tx, repo, faults=faults, reason=form.text("reason"), status=error.status
        )
    return redirect(links.query(links.account(repo.owner.name), done="deleted"))


def _settings(
    request: Request,
    tx: Tx,
    repo: Repository,
    *,
    said: str = "",
    faults: defaultdict[str, str] | None = None,
    form_name: str | None = None,
    form_owner: str | None = None,
    reason: str = "",
    status: int = 200,
) -> Response:
    owners = [repo.owner.name, *orgs.may_add_to(tx)]
    return page(
        request,
        "repo_settings.html",
        **head_of(tx, repo, "settings"),
        status=status,
        said=said,
        faults=faults or no_faults(),
        form_name=repo.name if form_name is None else form_name,
        owners=list(dict.fromkeys(owners)),
        form_owner=form_owner or repo.owner.name,
        reason=reason,
    )


def _back(repo: Repository, done: str) -> Response:
    address = links.repo(repo.owner.name, repo.name, "settings")
    return redirect(links.query(address, done=done))
