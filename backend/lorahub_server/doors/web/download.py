"""A short address for the one file of an adapter."""

from fastapi import APIRouter, Response

from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web.repo_pages import repo_of
from lorahub_server.doors.web.view import redirect
from lorahub_server.library import service as library

router = APIRouter()


@router.get("/{owner}/{name}/download")
def download(tx: ReadTx, owner: str, name: str) -> Response:
    """Lead to the adapter file; to the page where there are several to choose from, or none."""
    repo = repo_of(tx, owner, name)
    details = library.details(tx, repo)
    file = details.primary
    revision = details.repo.revision
    if file is None or revision is None or len(details.adapters) > 1:
        return redirect(links.repo(repo.owner.name, repo.name))
    there = links.resolve(repo.owner.name, repo.name, revision, file.path, download=True)
    return redirect(there, 302)
