"""Adapter files in another layout, dtype or rank."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from lorahub_server.access import Tx
from lorahub_server.doors import links
from lorahub_server.doors import variant_wish as wish
from lorahub_server.doors.api import examples
from lorahub_server.doors.api.insight import Problem
from lorahub_server.doors.deps import ReadTx, base_url, reading
from lorahub_server.doors.files.variants import ordered
from lorahub_server.doors.schemas import Owner, RepoName, Text, example
from lorahub_server.insight.variants import service as variants
from lorahub_server.insight.variants.plans import plan_of
from lorahub_server.repos import service

router = APIRouter(prefix="/repos/{owner}/{name}/variants", tags=["files and history"])

_FILE = {
    "name": "my-style.safetensors",
    "size": 57148820,
    "sha256": examples.SHA256,
    "url": f"{examples.HUB}/alice/my-style/variants/{examples.SHA256}/my-style.safetensors",
}


class VariantIn(BaseModel):
    model_config = example(
        {"revision": "main", "path": examples.FILE, "layout": "kohya", "dtype": "fp16", "rank": 16}
    )

    revision: Text = "main"
    path: Text
    layout: wish.Word | None = Field(None, description=wish.LAYOUT_TOLD)
    dtype: wish.Word | None = Field(None, description=wish.DTYPE_TOLD)
    rank: wish.Rank | None = Field(None, description=wish.RANK_TOLD)
    energy: wish.Energy | None = Field(None, description=wish.ENERGY_TOLD)
    family: wish.Word | None = Field(None, description=wish.FAMILY_TOLD)


class VariantFile(BaseModel):
    model_config = example(_FILE)

    name: str
    size: int
    sha256: str
    url: str


class VariantOut(BaseModel):
    model_config = example(
        {
            "id": examples.SHA256,
            "recipe": "layout=kohya dtype=fp16 rank=16",
            "source": examples.SHA256,
            "state": "done",
            "progress": None,
            "error": None,
            "files": [_FILE],
            "report": {"notes": []},
        }
    )

    id: str
    recipe: str
    source: str = Field(description="The SHA-256 of the file it is made from.")
    state: Literal["waiting", "running", "done", "failed"]
    progress: dict[str, Any] | None
    error: Problem | None
    files: list[VariantFile] = Field(description="The weights first.")
    report: dict[str, Any] | None


@router.post("", summary="Ask for an adapter file in another form")
async def make_variant(
    request: Request, owner: Owner, name: RepoName, wanted: VariantIn
) -> VariantOut:
    """A worker makes it; ask `GET .../variants/{id}` until its state is `done` or `failed`.

    The same wish gives the same variant, which may be there already.
    """
    plan = plan_of(**wanted.model_dump(exclude={"revision", "path"}))

    wished = await ordered(request, owner, name, wanted.revision, wanted.path, plan)
    return await reading(request, lambda tx: _shown(request, tx, owner, name, wished.id))


@router.get("/{variant_id}", summary="Show a variant")
def show_variant(
    request: Request,
    tx: ReadTx,
    owner: Owner,
    name: RepoName,
    variant_id: Annotated[str, Path(max_length=64)],
) -> VariantOut:
    """Its state and progress; once it is `done`, the addresses of its files."""
    return _shown(request, tx, owner, name, variant_id)


def _shown(request: Request, tx: Tx, owner: str, name: str, variant_id: str) -> VariantOut:
    variant = variants.of_id(tx, service.get_repo(tx, owner, name), variant_id)
    standing = variants.standing(tx, variant)
    base = base_url(request)
    return VariantOut(
        id=variant.id,
        recipe=variant.recipe,
        source=variant.source,
        state=standing.state,
        progress=standing.progress,
        error=None if standing.error is None else Problem(**standing.error),
        files=[
            VariantFile(**file, url=base + links.variant(owner, name, variant.id, file["name"]))
            for file in (variant.files or [])
            if standing.state == "done"
        ],
        report=variant.report,
    )
