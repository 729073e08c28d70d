"""The page of an adapter: how to use it first, then what it is."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lorahub_server.access import Tx
from lorahub_server.community import stars
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx, base_url
from lorahub_server.doors.web import citation as citations
from lorahub_server.doors.web import facts, metas, other_forms, pack, previews, results
from lorahub_server.doors.web.card_html import card_html
from lorahub_server.doors.web.forms import Posted
from lorahub_server.doors.web.gate import Gate, gate_of
from lorahub_server.doors.web.repo_pages import head_of, repo_of
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.insight import service as insight
from lorahub_server.library import (
    citation,
    compared,
    derive,
    effective,
    relatives,
    snippets,
    strength,
)
from lorahub_server.library import service as library
from lorahub_server.library.model import AdapterDetails, RepoDetails
from lorahub_server.library.opening import open_repo
from lorahub_server.library.reading import MAX_ADAPTERS
from lorahub_server.repos import service as repos
from lorahub_server.repos.tables import Repository

router = APIRouter()

_UNFINISHED = ("waiting", "running")


@router.get("/{owner}/{name}")
def show(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    file: str = "",
    member: Annotated[str, Query(max_length=200)] = "",
    start: Annotated[int, Query(ge=0, le=MAX_ADAPTERS)] = 0,
) -> Response:
    """`member`: what to look for among the adapters of a pack; `start`: how many come before."""
    repo = open_repo(tx, owner, name, with_text=True).repo
    return page_of(request, tx, repo, file, gate=gate_of(tx, repo), member=member, start=start)


def page_of(
    request: Request,
    tx: Tx,
    repo: Repository,
    file: str = "",
    *,
    gate: Gate | None,
    status: int = 200,
    member: str = "",
    start: int = 0,
) -> Response:
    details = library.details(tx, repo)
    adapter = _chosen(details, file)
    gallery = previews.facts_of(tx, repo)["gallery"]
    related = relatives.of(tx, repo, derive.base_models(details.card, details.adapters))
    head = head_of(tx, repo, "card")
    measured = compared.of(tx, repo, details.repo)
    return page(
        request,
        "adapter.html",
        status=status,
        gate=gate,
        **head,
        pack=pack.of(tx, repo, details, gallery, member, start),
        gallery=gallery,
        site=base_url(request),
        meta=None if repo.private else metas.of_adapter(request, details.repo),
        details=details,
        notices=details.notices,
        adapter=adapter,
        forms=other_forms.of(adapter) if adapter else None,
        words=snippets.words_of(details, adapter),
        strength=strength.of(details.card.front),
        prompt_tag=snippets.prompt_tag(details, adapter) if adapter else None,
        snippets=snippets.snippets(details, base_url(request), adapter),
        card_html=card_html(tx, repo, details.card.body, details.repo.revision),
        related=related,
        bibtex=citations.bibtex_of(repo, details, base_url(request)),
        results=results.shown(measured, details.repo.owner, details.repo.name),
        papers=citation.papers(details.card),
        terms=effective.combine(
            details.repo.license,
            details.repo.base_model,
            details.repo.family,
            related.base_license,
        ),
        alpha=facts.alpha(adapter.summary, adapter.health) if adapter else "",
        broken=facts.broken(adapter.health) if adapter else "",
        training=facts.training(adapter.summary) if adapter else [],
    )


@router.post("/{owner}/{name}/star")
def star(request: Request, form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = repos.get_repo(tx, owner, name)
    change = stars.unstar if form.text("want") == "no" else stars.star
    change(tx, repo)
    head = head_of(tx, repo, "card")
    if request.headers.get("hx-request"):
        return page(request, "parts/star.html", **head)
    return redirect(links.repo(repo.owner.name, repo.name))


@router.get("/{owner}/{name}/inspection")
def show_inspection(
    request: Request, tx: ReadTx, owner: str, name: str, file: str = ""
) -> Response:
    """The part of the page that changes while a worker reads the file."""
    repo = repo_of(tx, owner, name)
    there = links.query(links.repo(repo.owner.name, repo.name), file=file)
    if not request.headers.get("hx-request"):
        return redirect(there)
    details = library.details(tx, repo)
    adapter = _chosen(details, file)
    if adapter is None or adapter.state not in _UNFINISHED:
        # Everything else on the page has news too.
        return Response(headers={"HX-Refresh": "true", "Cache-Control": "private, no-store"})
    head = head_of(tx, repo, "card")
    return page(request, "parts/inspection.html", **{**head, "is_private": True}, adapter=adapter)


@router.post("/{owner}/{name}/inspection")
def inspect_again(form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    """Take up again what failed in this repository."""
    del form
    repo = repos.get_repo_for_write(tx, owner, name)
    insight.try_again(tx.session, library.adapter_shas(tx, repo))
    return redirect(links.repo(repo.owner.name, repo.name))


def _chosen(details: RepoDetails, path: str) -> AdapterDetails | None:
    """Return the adapter file that the page is about: the one asked for, else the first."""
    return next((one for one in details.adapters if one.path == path), details.primary)
