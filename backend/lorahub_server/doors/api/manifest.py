"""Everything that a client needs to fetch a revision, in one answer."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from lorahub_server.access import require_files
from lorahub_server.doors import links
from lorahub_server.doors.api import examples
from lorahub_server.doors.deps import ReadTx, base_url
from lorahub_server.doors.schemas import Owner, RepoName, Revision, example
from lorahub_server.library import service as library
from lorahub_server.library.derive import cover_of
from lorahub_server.repos import refs, service, trees

router = APIRouter(prefix="/repos/{owner}/{name}", tags=["files and history"])

_FILE = {
    "path": examples.FILE,
    "size": 114297640,
    "sha256": examples.SHA256,
    "large": True,
    "url": f"{examples.HUB}/alice/my-style/resolve/{examples.OID}/{examples.FILE}",
}
_ADAPTER = {"path": examples.FILE, "sha256": examples.SHA256, **examples.SUMMARY}


class ManifestFile(BaseModel):
    model_config = example(_FILE)

    path: str
    size: int
    sha256: str
    large: bool
    url: str


class ManifestAdapter(BaseModel):
    model_config = example(_ADAPTER)

    path: str
    sha256: str
    layout: str | None
    family: str | None
    method: str | None
    rank: int | None


class ManifestOut(BaseModel):
    model_config = example(
        {
            "repo": "alice/my-style",
            "revision": examples.OID,
            "files": [_FILE],
            "adapters": [_ADAPTER],
            "trigger_words": ["glasspaint"],
            "cover": None,
        }
    )

    repo: str
    revision: str
    files: list[ManifestFile]
    adapters: list[ManifestAdapter]
    trigger_words: list[str]
    cover: str | None = Field(description="The picture that stands for the repository.")


@router.get("/manifest/{revision}", summary="List what to download")
def show_manifest(
    request: Request, tx: ReadTx, owner: Owner, name: RepoName, revision: Revision
) -> ManifestOut:
    """Every file with its size, its SHA-256 and the address of its bytes at this very commit."""
    repo = service.get_repo(tx, owner, name)
    require_files(tx, repo)
    oid = refs.resolve(tx, repo, revision)
    snapshot = library.at_revision(tx, repo, oid)
    base, owner_name = base_url(request), repo.owner.name
    files = [
        ManifestFile(
            path=entry.path,
            size=entry.size,
            sha256=entry.sha256 or "",
            large=entry.large,
            url=base + links.resolve(owner_name, repo.name, oid, entry.path),
        )
        for entry in trees.list_entries(tx, repo, oid, recursive=True)
    ]
    adapters = [
        ManifestAdapter(**{field: getattr(found, field) for field in ManifestAdapter.model_fields})
        for found in snapshot.adapters
    ]
    return ManifestOut(
        repo=repo.full_name,
        revision=oid,
        files=files,
        adapters=adapters,
        trigger_words=snapshot.trigger_words,
        cover=cover_of(snapshot.card, [file.path for file in files]),
    )
