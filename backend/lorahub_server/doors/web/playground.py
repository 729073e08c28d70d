"""The page of the playground: a form, what came of it, and what one asked for before."""

from collections import defaultdict
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, WriteTx, reading
from lorahub_server.doors.plays import asked
from lorahub_server.doors.schemas import RowId
from lorahub_server.doors.web.forms import Form, Posted, faults_of, no_faults
from lorahub_server.doors.web.repo_pages import head_of, repo_of
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.insight.playground import service as playground
from lorahub_server.insight.playground.desk import Desk, desk, offered, stage
from lorahub_server.insight.playground.errors import BadWish, PlayNotFound
from lorahub_server.insight.playground.limits import STACK_MAX
from lorahub_server.insight.playground.model import Pick, Shown, Wish
from lorahub_server.kit.errors import HubError
from lorahub_server.library.opening import open_repo
from lorahub_server.repos import service as repos
from lorahub_server.repos.tables import Repository

router = APIRouter()

_STACK = range(1, STACK_MAX)
_PLACES = ("prompt", "negative", "seed", "file", "strength", "steps", "guidance", "with1", "with2")
_SEARCH_MAX = 100
_ROW_MAX = 2**63
_DIGITS = 20


@router.get("/{owner}/{name}/playground")
def show(
    request: Request,
    tx: ReadTx,
    owner: str,
    name: str,
    play: str = "",
    prompt: str = "",
    after: str = "",
) -> Response:
    repo = open_repo(tx, owner, name, with_text=True).repo
    given = {"prompt": prompt[:2000]} if prompt else {}
    return _page(request, tx, repo, given, play=_number_of(play), after=after)


@router.post("/{owner}/{name}/playground")
async def ask(request: Request, form: Posted, owner: str, name: str) -> Response:
    slots = [at for at in _STACK if form.line(f"with{at}")]
    try:
        play_id = await asked(request, owner, name, _wish(form, slots))
    except HubError as error:
        told = error
    else:
        return redirect(links.playground(owner, name, play_id) + "#made")
    if told.code == "login_required":
        return redirect(links.login(links.playground(owner, name)))

    def again(tx: Tx) -> Response:
        repo = repos.get_repo(tx, owner, name)
        message, faults = faults_of(_placed(told, slots), *_PLACES)
        return _page(request, tx, repo, dict(form.fields), message, faults, told.status)

    return await reading(request, again)


@router.get("/{owner}/{name}/playground/adapters")
def adapters(
    request: Request, tx: ReadTx, owner: str, name: str, with1: str = "", with2: str = ""
) -> Response:
    """The names that a field of the stack offers while somebody writes into it."""
    repo = repo_of(tx, owner, name)
    text = (with1 or with2)[:_SEARCH_MAX].rpartition("/")[2]
    found = offered(tx, repo, desk(tx, repo).family, text)
    return page(
        request, "parts/play_adapters.html", caller=tx.caller, is_private=True, offered=found
    )


@router.get("/{owner}/{name}/playground/{play_id}")
def watch(request: Request, tx: ReadTx, owner: str, name: str, play_id: RowId) -> Response:
    """The part of the page that changes while somebody waits."""
    repo = repo_of(tx, owner, name)
    shown = playground.standing(tx, play_id)
    if not request.headers.get("hx-request"):
        return redirect(links.playground(repo.owner.name, repo.name, play_id))
    head = head_of(tx, repo, "playground")
    return page(
        request, "parts/play.html", **{**head, "is_private": True}, play=shown,
        keeps_here=playground.may_keep_in_gallery(tx, repo),
    )  # fmt: skip


@router.post("/{owner}/{name}/playground/{play_id}/{act}")
def change(form: Posted, tx: WriteTx, owner: str, name: str, play_id: RowId, act: str) -> Response:
    del form
    repo = repos.get_repo(tx, owner, name)
    there = (repo.owner.name, repo.name)
    acts = {
        "cancel": playground.cancel, "keep": playground.keep, "delete": playground.delete,
    }  # fmt: skip
    if act not in acts:
        raise PlayNotFound
    acts[act](tx, playground.of_id(tx, play_id))
    return redirect(links.playground(*there, None if act == "delete" else play_id))


def _page(
    request: Request,
    tx: Tx,
    repo: Repository,
    given: Mapping[str, str],
    message: str = "",
    faults: defaultdict[str, str] | None = None,
    status: int = 200,
    *,
    play: int | None = None,
    after: str = "",
) -> Response:
    """`play`: the one to show, which fills the form where `given` does not."""
    found = desk(tx, repo)
    there = stage(tx, repo, found.family, play, after)
    asked_for = {} if there.play is None else _form_of(there.play)
    return page(
        request,
        "playground.html",
        **head_of(tx, repo, "playground"),
        status=status,
        desk=found,
        form=_filled(found, {**asked_for, **given}),
        message=message,
        faults=faults or no_faults(),
        stack=list(_STACK),
        offered=there.offered,
        play=there.play,
        keeps_here=playground.may_keep_in_gallery(tx, repo),
        history=there.history.items,
        next_cursor=there.history.next_cursor,
    )


def _number_of(play: str) -> int | None:
    if not play:
        return None
    if not play.isascii() or not play.isdigit() or int(play) >= _ROW_MAX:
        raise PlayNotFound
    return int(play)


def _filled(found: Desk, given: Mapping[str, str]) -> dict[str, str]:
    """Return what the fields of the form hold: what was sent, else how to begin."""
    usual = {
        "prompt": next(iter(found.prompts), ""),
        "negative": found.negative,
        "seed": "",
        "file": next(iter(found.files), ""),
        "strength": "1",
        "steps": str(found.steps),
        "guidance": f"{found.guidance:g}",
        "with_base": "",
    }
    for at in _STACK:
        usual |= {f"with{at}": "", f"weight{at}": "1"}
    return {name: given.get(name, value) for name, value in usual.items()}


def _form_of(play: Shown) -> dict[str, str]:
    """Return what was asked for, to be changed and asked again."""
    recipe = play.recipe
    found = {
        "prompt": play.prompt,
        "negative": play.negative,
        "seed": str(play.seed),
        "steps": str(recipe.get("steps", "")),
        "guidance": f"{recipe['guidance']:g}" if "guidance" in recipe else "",
        "with_base": "yes" if play.base is not None else "",
    }
    first, *others = play.adapters
    found |= {"file": first.path or "", "strength": f"{first.strength:g}"}
    for at, one in zip(_STACK, [one for one in others if one.repo], strict=False):
        found |= {f"with{at}": f"{one.repo}/{one.path}", f"weight{at}": f"{one.strength:g}"}
    return found


def _wish(form: Form, slots: list[int]) -> Wish:
    """Return what a form asks for. Raises BadWish for what is no number."""
    return Wish(
        prompt=form.text("prompt").strip(),
        negative=form.text("negative").strip() if "negative" in form.fields else None,
        seed=_whole(form, "seed"),
        path=form.text("file") or None,
        strength=_number(form, "strength", 1.0) or 0.0,
        stack=tuple(_pick(form, at) for at in slots),
        steps=_whole(form, "steps"),
        guidance=_number(form, "guidance", None),
        with_base=form.has("with_base"),
    )


def _pick(form: Form, at: int) -> Pick:
    """A field holds owner/name, or owner/name/path of one of several files."""
    owner, _, rest = form.line(f"with{at}").removeprefix("/").partition("/")
    name, _, path = rest.partition("/")
    strength = _number(form, f"weight{at}", 1.0, f"with{at}") or 0.0
    return Pick(f"{owner}/{name}", path or None, strength)


def _number(form: Form, name: str, usual: float | None, place: str = "") -> float | None:
    text = form.line(name).replace(",", ".")
    if not text:
        return usual
    try:
        return float(text)
    except ValueError:
        message = "This is no number. Write one such as 0.8."
        raise BadWish(message, place=place or name) from None


def _whole(form: Form, name: str) -> int | None:
    text = form.line(name)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        raise BadWish("This is no whole number. Write one such as 7, or none.", place=name)
    return int(text)


def _placed(error: HubError, slots: list[int]) -> HubError:
    """Let an error name the field of the form that it is about."""
    place = error.place or ""
    if place == "path":
        error.place = "file"
    elif place.startswith("stack."):
        at = place.split(".")[1]
        error.place = f"with{slots[int(at)]}" if at.isdigit() and int(at) < len(slots) else None
    return error
