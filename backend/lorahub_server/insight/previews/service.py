"""Previews of repositories: looking at them, and what their owners do with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.access import Tx, require_files
from lorahub_server.insight.bases import service as bases
from lorahub_server.insight.previews import covers, jobs, plans, prompts, queries, rendering
from lorahub_server.insight.previews.errors import (
    BadPreviews,
    NothingToRender,
    NotRemovable,
    PreviewNotFound,
    PreviewsOff,
    TooManyPreviews,
)
from lorahub_server.insight.previews.gallery import gallery, of_id
from lorahub_server.insight.previews.limits import CAPTION_MAX, KEPT_MAX, PROMPTS_MAX
from lorahub_server.insight.previews.model import MATURITIES, MILD, RENDERED, Made, Shown
from lorahub_server.insight.previews.recipe import PROMPT_MAX
from lorahub_server.insight.previews.tables import Preview, PreviewSet
from lorahub_server.jobs.tables import Job
from lorahub_server.library.queries import lock_entry
from lorahub_server.repos import service as repos
from lorahub_server.repos.tables import Repository

__all__ = [
    "Document",
    "Place",
    "cancel",
    "choose_base",
    "choose_cover",
    "describe",
    "gallery",
    "has_any",
    "keep",
    "of_id",
    "plan",
    "rate",
    "recipe_document",
    "remove",
    "remove_all",
    "render_again",
    "set_prompts",
    "turn",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an adapter file of a recipe may be fetched from."""

    owner: str
    name: str
    revision: str
    path: str


@dataclass(frozen=True, slots=True)
class Document:
    """All that is needed to render a preview elsewhere."""

    made: Made
    files: dict[str, Place]
    # title, family, source, endpoint, revision, license; what the hub's workers call it is no use.
    base: dict[str, Any]


def has_any(tx: Tx, repo_id: int) -> bool:
    """Tell whether the repository has previews, or once was to have some."""
    return queries.has_any(tx.session, repo_id)


def plan(tx: Tx, repo: Repository) -> Job:
    """Owe planning of a repository's previews."""
    return jobs.owe_plan(tx.session, repo.id)


def recipe_document(tx: Tx, repo: Repository, shown: Shown, *, of_base: bool = False) -> Document:
    """Return how a preview, or what is beside it, is made; for who may have the files."""
    require_files(tx, repo)
    made = shown.base if of_base else shown.made
    if made is None:
        raise PreviewNotFound
    base = bases.find(tx.session, str(made.recipe["base"]["id"]))
    shas = [str(one["sha256"]) for one in made.recipe["adapters"]]
    found = queries.files_seen(tx.session, tx.caller, shas, repo.id) if shas else {}
    places = {
        sha256: Place(there.owner.name, there.name, revision, path)
        for sha256, (there, revision, path) in found.items()
    }
    told = {"id": made.recipe["base"]["id"], "digest": made.recipe["base"]["digest"]}
    if base is not None:
        # A folder's path is the workers' own affair.
        is_public = base.kind == "repo"
        told |= {"title": base.title, "family": base.family, "license": base.license,
                 "source": base.source if is_public else None,
                 "endpoint": base.endpoint if is_public else None,
                 "revision": base.revision if is_public else None}  # fmt: skip
    return Document(made, places, told)


def set_prompts(tx: Tx, repo: Repository, wanted: Sequence[dict[str, Any]] | None) -> PreviewSet:
    """Let the owner's prompts be rendered; None: the hub chooses again."""
    row = _open(tx, repo)
    kept = None if wanted is None else [_prompt(at, one) for at, one in enumerate(wanted)]
    if kept is not None and not 1 <= len(kept) <= PROMPTS_MAX:
        message = f"There are 1 to {PROMPTS_MAX} prompts, or none at all for the hub's own choice."
        raise BadPreviews(message, place="prompts")
    row.prompts = kept
    return _changed(tx, repo, row)


def choose_base(tx: Tx, repo: Repository, base_id: str | None) -> PreviewSet:
    """Let previews be rendered with this base of the family; None: with the first there is."""
    row = _open(tx, repo)
    if base_id is not None and bases.find(tx.session, base_id) is None:
        message = "The hub has no such base model. Choose one that the previews' page lists."
        raise BadPreviews(message, place="base")
    row.base_id = base_id
    return _changed(tx, repo, row)


def render_again(tx: Tx, repo: Repository) -> None:
    """Try what failed or was stopped; plan anew what may have changed."""
    row = _open(tx, repo)
    if row.state == "off":
        raise PreviewsOff
    if row.state == "planned":
        plans.owe_missing(tx.session, repo, row, again=True)
    jobs.owe_plan(tx.session, repo.id)


def cancel(tx: Tx, repo: Repository) -> int:
    """Stop rendering; what is made stays. Return how many jobs were stopped."""
    _open(tx, repo)
    return plans.cancel_rendering(tx.session, repo.id)


def turn(tx: Tx, repo: Repository, *, on: bool) -> PreviewSet:
    """Turn rendered previews on or off. Off, they go; uploaded and kept ones stay."""
    row = _open(tx, repo)
    if on:
        if row.state == "off":
            row.state = "none"
        return _changed(tx, repo, row)
    plans.cancel_rendering(tx.session, repo.id)
    rendered = queries.previews_of(tx.session, repo.id, RENDERED)
    queries.delete_previews(tx.session, [one.id for one in rendered])
    row.state, row.made_from, row.updated_at = "off", None, tx.now
    row.error_code = row.error_message = None
    _settle_cover(tx, row)
    return row


def choose_cover(tx: Tx, repo: Repository, preview_id: int | None) -> None:
    """Let a preview stand for the repository in lists; None: the hub chooses."""
    row = _open(tx, repo)
    if preview_id is not None:
        if queries.preview(tx.session, repo.id, preview_id) is None:
            raise PreviewNotFound
        if not queries.has_picture(tx.session, repo.id, preview_id, MILD):
            message = (
                "This preview has no picture yet, or one that is not for everybody. Lists show the "
                "cover to all: choose another one."
            )
            raise BadPreviews(message, place="preview")
    row.cover = preview_id
    _settle_cover(tx, row)


def describe(tx: Tx, repo: Repository, preview_id: int, caption: str) -> None:
    _open(tx, repo)
    _found(tx, repo, preview_id).caption = checked_caption(caption)
    tx.session.flush()


def rate(tx: Tx, repo: Repository, preview_id: int, maturity: str) -> None:
    """Say for whom a picture is; what people say counts more than what a worker guesses."""
    _open(tx, repo)
    row = _found(tx, repo, preview_id)
    row.maturity, row.rated_by = checked_maturity(maturity), "owner"
    tx.session.flush()
    covers.refresh(tx.session, repo.id)


def remove(tx: Tx, repo: Repository, preview_id: int) -> None:
    """Remove a picture that somebody put there. Raises NotRemovable for a rendered one."""
    wanted = _open(tx, repo)
    row = _found(tx, repo, preview_id)
    if row.group in RENDERED:
        raise NotRemovable
    queries.delete_previews(tx.session, [row.id])
    if wanted.cover == preview_id:
        wanted.cover = None
    _settle_cover(tx, wanted)


def keep(
    tx: Tx,
    repo: Repository,
    render_id: str,
    *,
    base_render_id: str | None = None,
    caption: str = "",
    sha256: str | None = None,
    path: str | None = None,
    strength: float | None = None,
) -> Preview:
    """Put a picture of the playground into the gallery, for one who may write to the repository."""
    _open(tx, repo)
    made = rendering.state_of(tx.session, [render_id]).get(render_id)
    if made is None or made.state != "done":
        message = "The picture is not made yet. Wait for it, then keep it."
        raise NothingToRender(message)
    there = queries.previews_of(tx.session, repo.id, ["kept"])
    same = next((one for one in there if one.render_id == render_id), None)
    if same is not None:
        return same
    check_room(tx, repo, "kept", KEPT_MAX)
    row = Preview(
        repo_id=repo.id,
        group="kept",
        position=queries.last_position(tx.session, repo.id, "kept") + 1,
        path=path,
        sha256=sha256,
        render_id=render_id,
        base_render_id=base_render_id,
        strength=strength,
        caption=checked_caption(caption),
        account_id=tx.caller.account_id,
        created_at=tx.now,
        **plans.rated(tx.session, render_id),
    )
    tx.session.add(row)
    tx.session.flush()
    return row


def remove_all(session: Session, repo_id: int) -> None:
    """Forget a deleted repository's previews; renders that nothing shows are cleared away later."""
    plans.cancel_rendering(session, repo_id)
    queries.delete_of_repo(session, repo_id)


def check_room(tx: Tx, repo: Repository, group: str, most: int) -> None:
    if queries.count(tx.session, repo.id, group) >= most:
        message = f"A repository has at most {most} such pictures. Remove one first."
        raise TooManyPreviews(message)


def checked_caption(text: str) -> str:
    shown = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if len(shown) > CAPTION_MAX:
        message = f"A caption has at most {CAPTION_MAX} characters. Shorten it."
        raise BadPreviews(message, place="caption")
    return shown


def checked_maturity(name: str) -> str:
    if name not in MATURITIES:
        message = f"A picture is rated as one of {', '.join(MATURITIES)}."
        raise BadPreviews(message, place="maturity")
    return name


def _open(tx: Tx, repo: Repository) -> PreviewSet:
    """Lock what changes, for one who may write: the library's entry first, as planning does."""
    repos.lock_for_write(tx, repo)
    lock_entry(tx.session, repo.id)
    return queries.lock_set(tx.session, repo.id, tx.now)


def _prompt(at: int, given: dict[str, Any]) -> dict[str, Any]:
    place = f"prompts.{at}"
    text, negative = given.get("prompt"), given.get("negative")
    if not isinstance(text, str) or not text.strip() or len(text) > PROMPT_MAX:
        message = f"A prompt is a text of 1 to {PROMPT_MAX} characters."
        raise BadPreviews(message, place=place)
    if negative is not None and (not isinstance(negative, str) or len(negative) > PROMPT_MAX):
        message = f"A negative prompt is a text of at most {PROMPT_MAX} characters."
        raise BadPreviews(message, place=place)
    if given.get("seed") is not None and not prompts.is_seed(given["seed"]):
        raise BadPreviews("A seed is a whole number from 0 to 2^63 - 1.", place=place)
    return {"prompt": _clean(text), "negative": None if negative is None else _clean(negative),
            "seed": given.get("seed")}  # fmt: skip


def _clean(text: str) -> str:
    # No database takes a NUL, and lone surrogates are no text.
    return text.replace("\0", " ").encode("utf-8", "replace").decode().strip()


def _found(tx: Tx, repo: Repository, preview_id: int) -> Preview:
    row = queries.preview(tx.session, repo.id, preview_id)
    if row is None:
        raise PreviewNotFound
    return row


def _changed(tx: Tx, repo: Repository, row: PreviewSet) -> PreviewSet:
    row.updated_at = tx.now
    tx.session.flush()
    jobs.owe_plan(tx.session, repo.id)
    return row


def _settle_cover(tx: Tx, row: PreviewSet) -> None:
    if row.cover is not None and queries.preview(tx.session, row.repo_id, row.cover) is None:
        row.cover = None
    tx.session.flush()
    covers.refresh(tx.session, row.repo_id)
