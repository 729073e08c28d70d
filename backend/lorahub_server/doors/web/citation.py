"""How to cite an adapter, as files that programs for references take."""

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, base_url
from lorahub_server.doors.web.repo_pages import repo_of
from lorahub_server.library import citation, derive
from lorahub_server.library import service as library
from lorahub_server.library.citation import Work
from lorahub_server.library.model import RepoDetails
from lorahub_server.repos.tables import Repository

router = APIRouter()


@router.get("/{owner}/{name}/citation.bib")
def bibtex(request: Request, tx: ReadTx, owner: str, name: str) -> Response:
    repo, details = _open(tx, owner, name)
    text = bibtex_of(repo, details, base_url(request))
    return _file(repo, text, "citation.bib", "application/x-bibtex")


@router.get("/{owner}/{name}/CITATION.cff")
def cff(request: Request, tx: ReadTx, owner: str, name: str) -> Response:
    repo, details = _open(tx, owner, name)
    text = citation.cff(work_of(repo, details, base_url(request)))
    return _file(repo, text, "CITATION.cff", "application/yaml")


def bibtex_of(repo: Repository, details: RepoDetails, site: str) -> str:
    """Return the entry that the card asks for, else one made of what is known."""
    own = citation.own_bibtex(details.card)
    return own or citation.bibtex(work_of(repo, details, site))


def work_of(repo: Repository, details: RepoDetails, site: str) -> Work:
    """Return what is cited; `site` is where this hub is."""
    shown = details.repo
    bases = derive.base_models(details.card, details.adapters)
    return Work(
        key=f"{shown.owner}-{shown.name}",
        title=shown.title or shown.name,
        authors=citation.authors_of(details.card, repo.owner.display_name or shown.owner),
        summary=shown.summary,
        address=f"{site.rstrip('/')}{links.repo(shown.owner, shown.name)}",
        license=shown.license,
        base_model=bases[0] if bases else None,
        tags=tuple(shown.tags),
        revision=shown.revision,
        published_at=shown.published_at,
    )


def _open(tx: Tx, owner: str, name: str) -> tuple[Repository, RepoDetails]:
    repo = repo_of(tx, owner, name)
    return repo, library.details(tx, repo)


def _file(repo: Repository, text: str, name: str, media_type: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store" if repo.private else "no-cache",
    }
    return Response(text, media_type=f"{media_type}; charset=utf-8", headers=headers)
