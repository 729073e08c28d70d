"""Previews: what an adapter does, as pictures and texts that anybody can make again."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from lorahub_server.doors import links
from lorahub_server.doors.api.previews_shown import (
    CoverIn,
    DocumentOut,
    FileOut,
    GalleryOut,
    Maturity,
    PictureName,
    PreviewIn,
    PreviewOut,
    PromptsIn,
    Shower,
    SwitchIn,
)
from lorahub_server.doors.api.raw import BODY
from lorahub_server.doors.deps import ReadTx, WriteTx, base_url
from lorahub_server.doors.pictures_in import receive, take_in
from lorahub_server.doors.schemas import Owner, RepoName, RowId, Text
from lorahub_server.insight.previews import service as previews
from lorahub_server.insight.previews.limits import CAPTION_MAX
from lorahub_server.insight.previews.uploads import Words
from lorahub_server.repos import service

router = APIRouter(prefix="/repos/{owner}/{name}/previews", tags=["previews"])


@router.get("", summary="List the previews of a repository")
def list_previews(request: Request, tx: ReadTx, owner: Owner, name: RepoName) -> GalleryOut:
    """Samples beside the base alone, a strength sweep, texts, and pictures that people added.

    While a worker renders, `progress` tells how far it is; ask again after a second.
    """
    repo = service.get_repo(tx, owner, name)
    return Shower(base_url(request), repo).gallery(previews.gallery(tx, repo))


@router.get("/{preview_id}", summary="Show a preview")
def show_preview(
    request: Request, tx: ReadTx, owner: Owner, name: RepoName, preview_id: RowId
) -> PreviewOut:
    """With its recipe, and what the worker says about the making."""
    repo = service.get_repo(tx, owner, name)
    shown = previews.of_id(tx, repo, preview_id)
    return Shower(base_url(request), repo).preview(shown)


@router.get("/{preview_id}/recipe", summary="Show how to make a preview again")
def show_recipe(
    request: Request,
    tx: ReadTx,
    owner: Owner,
    name: RepoName,
    preview_id: RowId,
    base: Annotated[bool, Query(description="Of the base alone beside it.")] = False,
) -> DocumentOut:
    """The document that `lorahub-worker render` takes: by this address, or saved as a file."""
    repo = service.get_repo(tx, owner, name)
    shown = previews.of_id(tx, repo, preview_id)
    found = previews.recipe_document(tx, repo, shown, of_base=base)
    here = base_url(request)
    picture = found.made.picture
    return DocumentOut(
        recipe=found.made.recipe,
        files={
            sha256: FileOut(
                url=here + links.resolve(one.owner, one.name, one.revision, one.path),
                path=one.path,
            )
            for sha256, one in found.files.items()
        },
        base=found.base,
        picture=picture
        and PictureName(
            sha256=picture.sha256,
            size=picture.size,
            url=here + links.preview(repo.owner.name, repo.name, preview_id, base=base),
        ),
        text=found.made.text,
        facts=found.made.facts,
    )


@router.put("/prompts", summary="Choose the prompts of the previews")
def put_prompts(
    request: Request, tx: WriteTx, owner: Owner, name: RepoName, wanted: PromptsIn
) -> GalleryOut:
    """Also the base. What changes is rendered anew; what stays the same is not."""
    repo = service.get_repo_for_write(tx, owner, name)
    given = wanted.prompts
    previews.choose_base(tx, repo, wanted.base)
    previews.set_prompts(tx, repo, None if given is None else [one.model_dump() for one in given])
    return Shower(base_url(request), repo).gallery(previews.gallery(tx, repo))


@router.put("/cover", summary="Choose the preview that stands for the repository")
def put_cover(
    request: Request, tx: WriteTx, owner: Owner, name: RepoName, wanted: CoverIn
) -> GalleryOut:
    """Lists show it in place of a picture in the files."""
    repo = service.get_repo_for_write(tx, owner, name)
    previews.choose_cover(tx, repo, wanted.preview)
    return Shower(base_url(request), repo).gallery(previews.gallery(tx, repo))


@router.patch("", summary="Turn rendered previews on or off")
def switch(
    request: Request, tx: WriteTx, owner: Owner, name: RepoName, wanted: SwitchIn
) -> GalleryOut:
    """Off, the rendered ones are removed; pictures that people added stay."""
    repo = service.get_repo_for_write(tx, owner, name)
    previews.turn(tx, repo, on=wanted.enabled)
    return Shower(base_url(request), repo).gallery(previews.gallery(tx, repo))


@router.post("/render", summary="Render what is missing")
def render(request: Request, tx: WriteTx, owner: Owner, name: RepoName) -> GalleryOut:
    """What failed or was stopped is tried again."""
    repo = service.get_repo_for_write(tx, owner, name)
    previews.render_again(tx, repo)
    return Shower(base_url(request), repo).gallery(previews.gallery(tx, repo))


@router.post("/cancel", summary="Stop rendering")
def cancel(request: Request, tx: WriteTx, owner: Owner, name: RepoName) -> GalleryOut:
    """What is made stays."""
    repo = service.get_repo_for_write(tx, owner, name)
    previews.cancel(tx, repo)
    return Shower(base_url(request), repo).gallery(previews.gallery(tx, repo))


@router.post("", summary="Add a picture", status_code=201, openapi_extra=BODY)
async def upload(
    request: Request,
    owner: Owner,
    name: RepoName,
    caption: Annotated[Text, Query(max_length=CAPTION_MAX)] = "",
    maturity: Annotated[Maturity, Query(description="For whom it is.")] = "unrated",
) -> PreviewOut:
    r"""The body is a PNG, JPEG or WebP of at most 20 MB, kept as it is.

    What programs wrote into it about its making is read: A1111, ComfyUI, InvokeAI.

        curl -H "Authorization: Bearer $TOKEN" --data-binary @picture.png \
          "http://127.0.0.1:8000/api/hub/v1/repos/alice/my-style/previews?maturity=none"
    """
    data = await receive(request, owner, name)
    made = await take_in(request, owner, name, data, Words(caption, maturity))
    return Shower(base_url(request), made.repo).preview(made.shown)


@router.patch("/{preview_id}", summary="Change a preview's caption or rating")
def change(
    request: Request,
    tx: WriteTx,
    owner: Owner,
    name: RepoName,
    preview_id: RowId,
    wanted: PreviewIn,
) -> PreviewOut:
    """For those who may write to the repository."""
    repo = service.get_repo_for_write(tx, owner, name)
    if wanted.caption is not None:
        previews.describe(tx, repo, preview_id, wanted.caption)
    if wanted.maturity is not None:
        previews.rate(tx, repo, preview_id, wanted.maturity)
    return Shower(base_url(request), repo).preview(previews.of_id(tx, repo, preview_id))


@router.delete("/{preview_id}", summary="Remove a picture that was added", status_code=204)
def delete(tx: WriteTx, owner: Owner, name: RepoName, preview_id: RowId) -> None:
    """Rendered previews follow from the prompts and can't be removed one by one."""
    repo = service.get_repo_for_write(tx, owner, name)
    previews.remove(tx, repo, preview_id)
