"""The card, changed in the browser: one text, one commit."""

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, can_write, require_write
from lorahub_server.community.discussions import pulls
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx
from lorahub_server.doors.web.forms import Posted
from lorahub_server.doors.web.repo_pages import head_of
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit.errors import HubError
from lorahub_server.library import card as cards
from lorahub_server.library import service as library
from lorahub_server.repos import refs
from lorahub_server.repos import service as repos
from lorahub_server.repos.commit import AddFile, commit
from lorahub_server.repos.tables import Repository

router = APIRouter()

_START = """---
license: other
tags: []
---
# {title}

What does it do well, where does it fail, which strength do you like?
"""


@router.get("/{owner}/{name}/card")
def show(request: Request, tx: ReadTx, owner: str, name: str) -> Response:
    repo = _open(tx, owner, name)
    head = refs.head(tx, repo)
    text = library.card_bytes_of(tx, repo, head).decode("utf-8", "replace")
    return _form(request, tx, repo, text, head)


@router.post("/{owner}/{name}/card")
def save(request: Request, form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = _open(tx, owner, name)
    text = form.text("text").replace("\r\n", "\n")
    parent = form.text("parent") or None
    try:
        with tx.session.begin_nested():
            operation = AddFile(cards.NAME, text.encode("utf-8", "replace"))
            if not can_write(tx.caller, repo):
                return _suggested(tx, repo, operation, form.line("message"), parent)
            commit(tx, repo, repo.default_branch, [operation], "Edit the card", parent=parent)
    except HubError as error:
        tx.session.refresh(repo)
        return _form(request, tx, repo, text, refs.head(tx, repo), error)
    return redirect(links.repo(repo.owner.name, repo.name))


def _open(tx: Tx, owner: str, name: str) -> Repository:
    """Return the repository for one who may change its card, or suggest a change."""
    repo = repos.get_repo(tx, owner, name)
    if refs.head(tx, repo) is None:
        require_write(tx.caller, repo)
    else:
        pulls.require_opener(tx, repo)
    return repo


def _suggested(
    tx: Tx, repo: Repository, operation: AddFile, message: str, parent: str | None
) -> Response:
    made = pulls.open_with(
        tx, repo, repo.default_branch, [operation], message or "Edit the card", parent=parent
    )
    return redirect(links.discussion(repo.owner.name, repo.name, made.thread.num))


def _form(
    request: Request,
    tx: Tx,
    repo: Repository,
    text: str,
    head: str | None,
    error: HubError | None = None,
) -> Response:
    facts = head_of(tx, repo, "card")
    return page(
        request,
        "edit_card.html",
        **{**facts, "is_private": True},
        status=error.status if error else 200,
        wrong=error.message if error else "",
        place=(error.place or "") if error else "",
        text=text or _START.format(title=facts["repo"].title or repo.name),
        parent=head or "",
    )
