"""What an adapter does, in pictures and texts: all of them, one by one, and while they are made."""

from typing import Any

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx, base_url
from lorahub_server.doors.web.forms import Posted
from lorahub_server.doors.web.previews_form import Editor, Fault
from lorahub_server.doors.web.previews_told import told
from lorahub_server.doors.web.repo_pages import head_of, repo_of
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.insight.previews import service as previews
from lorahub_server.insight.previews.errors import PreviewNotFound
from lorahub_server.insight.previews.model import Gallery, Shown
from lorahub_server.library.opening import card_of
from lorahub_server.repos import service as repos
from lorahub_server.repos.tables import Repository

router = APIRouter()

# No database takes a larger number.
ID_MAX = 10**18


@router.get("/{owner}/{name}/previews")
def show(request: Request, tx: ReadTx, owner: str, name: str) -> Response:
    return gallery_page(request, tx, repo_of(tx, owner, name))


@router.get("/{owner}/{name}/previews/live")
def live(
    request: Request, tx: ReadTx, owner: str, name: str, seen: str = "", on: str = ""
) -> Response:
    """The line that tells how far the rendering is; all of the previews once there are more.

    `on`: the tab that asks; the card shows a choice of them.
    """
    repo = repo_of(tx, owner, name)
    if not request.headers.get("hx-request"):
        return redirect(links.repo(repo.owner.name, repo.name, "previews"))
    # It has news each second, so that nobody is to keep it.
    tab = "card" if on == "card" else "previews"
    head = {**head_of(tx, repo, tab), "is_private": True}
    facts = facts_of(tx, repo)
    going = facts["gallery"].progress
    if going is not None and going.state != "stopped" and str(going.pictures) == seen:
        return page(request, "parts/previews_progress.html", **head, **facts)
    answer = page(request, "parts/previews.html", **head, **facts)
    answer.headers["HX-Retarget"] = "#previews"
    return answer


@router.get("/{owner}/{name}/previews/{preview_id:int}")
def show_one(request: Request, tx: ReadTx, owner: str, name: str, preview_id: int) -> Response:
    repo = repo_of(tx, owner, name)
    if preview_id > ID_MAX:
        raise PreviewNotFound
    gallery = previews.gallery(tx, repo, card_of(tx, repo))
    listed = (one for one in gallery.all if one.id == preview_id)
    # A gallery shows the first of very many.
    shown = next(listed, None) or previews.of_id(tx, repo, preview_id)
    before, after = _beside(gallery, shown)
    recipe = links.repo(repo.owner.name, repo.name, "previews", str(shown.id), "recipe")
    return page(
        request,
        "preview.html",
        **head_of(tx, repo, "previews"),
        one=shown,
        base_title=_base_title(gallery, shown),
        from_file=told(shown.own_picture.parameters if shown.own_picture else None),
        before=before,
        after=after,
        command=f"lorahub-worker render {base_url(request)}/api/hub/v1/repos{recipe}",
    )


@router.post("/{owner}/{name}/previews/render")
def render(form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    """Try what failed or was stopped, for one who may write."""
    del form
    repo = repos.get_repo_for_write(tx, owner, name)
    previews.render_again(tx, repo)
    return redirect(links.repo(repo.owner.name, repo.name, "previews"))


@router.post("/{owner}/{name}/previews/cancel")
def cancel(form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    del form
    repo = repos.get_repo_for_write(tx, owner, name)
    previews.cancel(tx, repo)
    return redirect(links.repo(repo.owner.name, repo.name, "previews"))


@router.post("/{owner}/{name}/previews/turn")
def turn(form: Posted, tx: WriteTx, owner: str, name: str) -> Response:
    repo = repos.get_repo_for_write(tx, owner, name)
    previews.turn(tx, repo, on=form.text("want") == "on")
    return redirect(links.repo(repo.owner.name, repo.name, "previews"))


def gallery_page(
    request: Request, tx: Tx, repo: Repository, fault: Fault | None = None
) -> Response:
    """Show all previews; for one who may write the forms too, with what is wrong in them."""
    facts = facts_of(tx, repo)
    return page(
        request,
        "previews.html",
        **head_of(tx, repo, "previews"),
        **facts,
        status=fault.error.status if fault else 200,
        editor=Editor(facts["gallery"], fault),
    )


def facts_of(tx: Tx, repo: Repository) -> dict[str, Any]:
    """Return what the templates of previews need."""
    return {"gallery": previews.gallery(tx, repo, card_of(tx, repo))}


def _base_title(gallery: Gallery, shown: Shown) -> str:
    if shown.recipe is None:
        return ""
    base_id = str(shown.recipe["base"]["id"])
    known = [*gallery.bases, *([gallery.base] if gallery.base else [])]
    return next((one.title for one in known if one.id == base_id), base_id)


def _beside(gallery: Gallery, shown: Shown) -> tuple[int | None, int | None]:
    """Return the previews before and after one, as the gallery shows them."""
    order = [one.id for one in gallery.all]
    if shown.id not in order:
        return None, None
    at = order.index(shown.id)
    return (order[at - 1] if at else None), (order[at + 1] if at + 1 < len(order) else None)
