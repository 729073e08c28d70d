"""The playground: a prompt and up to three adapters, and what comes of them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from lorahub_server.access import Tx
from lorahub_server.doors import links
from lorahub_server.doors.api import examples
from lorahub_server.doors.api.insight import Problem
from lorahub_server.doors.deps import ReadTx, WriteTx, base_url, reading
from lorahub_server.doors.files.pictures import picture_answer
from lorahub_server.doors.plays import asked
from lorahub_server.doors.schemas import (
    BYTES,
    Cursor,
    Limit,
    Owner,
    RepoName,
    RowId,
    Text,
    Time,
    example,
)
from lorahub_server.insight.playground import service as playground
from lorahub_server.insight.playground.limits import (
    PROMPT_MAX,
    STACK_MAX,
    STEPS_MAX,
    STRENGTH_MAX,
)
from lorahub_server.insight.playground.model import Pick, Shown, Wish
from lorahub_server.insight.previews.recipe import SEED_MAX
from lorahub_server.repos import service
from lorahub_server.storage.keys import SMALL

router = APIRouter(tags=["playground"])

Prompt = Annotated[Text, Field(max_length=PROMPT_MAX)]
Strength = Annotated[float, Field(ge=-STRENGTH_MAX, le=STRENGTH_MAX, allow_inf_nan=False)]

_PICK: dict[str, Any] = {"repo": "bob/neon", "path": None, "strength": 0.6}
_WISH: dict[str, Any] = {
    "prompt": "glasspaint, a house by a lake",
    "negative": None,
    "seed": 7,
    "path": None,
    "strength": 0.8,
    "stack": [_PICK],
    "steps": None,
    "guidance": None,
    "with_base": True,
}
_PLAY: dict[str, Any] = {
    "id": 12,
    "repo": "alice/my-style",
    "task": "image",
    "state": "running",
    "ahead": None,
    "progress": {"done": 9, "total": 20},
    "error": None,
    "prompt": "glasspaint, a house by a lake",
    "negative": "",
    "seed": 7,
    "adapters": [
        {
            "repo": "alice/my-style",
            "path": examples.FILE,
            "sha256": examples.SHA256,
            "strength": 0.8,
        }
    ],
    "recipe": {"version": 1, "task": "image", "seed": 7, "steps": 20},
    "picture": None,
    "base_picture": None,
    "text": None,
    "base_text": None,
    "kept": False,
    "preview": None,
    "created_at": examples.TIME,
    "url": f"{examples.HUB}/alice/my-style/playground?play=12",
}


class PickIn(BaseModel):
    """Another adapter, of a repository that the caller may have the files of."""

    model_config = example(_PICK)

    repo: Text = Field(max_length=200)
    path: Text | None = Field(None, max_length=1024, description="Without it the first file.")
    strength: Strength = 1.0


class WishIn(BaseModel):
    model_config = example(_WISH)

    prompt: Prompt
    negative: Prompt | None = Field(None, description="Without it the base's own.")
    seed: int | None = Field(None, ge=0, le=SEED_MAX, description="Without it one by chance.")
    path: Text | None = Field(
        None, max_length=1024, description="An adapter file; without it the first one."
    )
    strength: Strength = 1.0
    stack: list[PickIn] = Field(
        default_factory=list,
        max_length=STACK_MAX - 1,
        description="Others of the same family, added on top.",
    )
    steps: int | None = Field(None, ge=1, le=STEPS_MAX)
    guidance: float | None = Field(None, ge=0, le=30, allow_inf_nan=False)
    with_base: bool = Field(
        default=False, description="Make the same with the base alone. Texts always have that."
    )


class StackedOut(BaseModel):
    model_config = example(_PLAY["adapters"][0])

    repo: str | None = Field(description="None where you may not see it any more.")
    path: str | None
    sha256: str
    strength: float


class Steps(BaseModel):
    model_config = example(_PLAY["progress"])

    done: int
    total: int | None


class PlayOut(BaseModel):
    model_config = example(_PLAY)

    id: int
    repo: str
    task: Literal["image", "text"]
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    ahead: int | None = Field(description="While it waits: how many are before it.")
    progress: Steps | None
    error: Problem | None
    prompt: str
    negative: str
    seed: int
    adapters: list[StackedOut]
    recipe: dict[str, Any]
    picture: str | None
    base_picture: str | None = Field(description="The same with the base alone.")
    text: str | None
    base_text: str | None
    kept: bool
    preview: int | None = Field(description="Its id in the gallery, once it is kept there.")
    created_at: Time
    url: str


class PlayList(BaseModel):
    items: list[PlayOut]
    next: str | None


@router.post(
    "/repos/{owner}/{name}/plays", summary="Ask the playground for a picture", status_code=201
)
async def ask_for_play(request: Request, owner: Owner, name: RepoName, wish: WishIn) -> PlayOut:
    """Or for a text, of a language model's adapter. Ask `GET /plays/{id}` until its state is
    `done`, `failed` or `cancelled`. Only you see it.

    What was made before with the same recipe is there at once and counts for no limit.
    """
    picks = tuple(Pick(**one.model_dump()) for one in wish.stack)
    wanted = Wish(**wish.model_dump(exclude={"stack"}), stack=picks)
    play_id = await asked(request, owner, name, wanted)
    return await reading(request, lambda tx: _shown(request, tx, play_id))


@router.get("/plays", summary="List what you asked the playground for")
def list_plays(
    request: Request,
    tx: ReadTx,
    repo: Annotated[Text | None, Query(description="Of this repository, owner/name.")] = None,
    cursor: Cursor = None,
    limit: Limit = 30,
) -> PlayList:
    """The newest first."""
    there = None
    if repo is not None:
        owner, _, name = repo.partition("/")
        there = service.get_repo(tx, owner, name)
    page = playground.plays(tx, there, cursor, limit)
    return PlayList(items=[_out(request, one) for one in page.items], next=page.next_cursor)


@router.get("/plays/{play_id}", summary="Show a wish and how it stands")
def show_play(request: Request, tx: ReadTx, play_id: RowId) -> PlayOut:
    """Its place in the queue, then its steps, then addresses of the pictures."""
    return _shown(request, tx, play_id)


@router.post("/plays/{play_id}/cancel", summary="Cancel a wish")
def cancel_play(request: Request, tx: WriteTx, play_id: RowId) -> PlayOut:
    """What is made already stays."""
    playground.cancel(tx, playground.of_id(tx, play_id))
    return _shown(request, tx, play_id)


@router.post("/plays/{play_id}/keep", summary="Keep what the playground made")
def keep_play(request: Request, tx: WriteTx, play_id: RowId) -> PlayOut:
    """In the repository's gallery, if you may write there; else in your own list."""
    playground.keep(tx, playground.of_id(tx, play_id))
    return _shown(request, tx, play_id)


@router.delete("/plays/{play_id}", summary="Delete a wish", status_code=204)
def delete_play(tx: WriteTx, play_id: RowId) -> None:
    """Cancels it first. What was kept in a gallery stays there."""
    playground.delete(tx, playground.of_id(tx, play_id))


@router.get(
    "/plays/{play_id}/{which}",
    summary="Download a picture of the playground",
    response_class=Response,
    responses=BYTES,
)
def play_picture(
    request: Request,
    tx: ReadTx,
    play_id: RowId,
    which: Literal["picture", "base"],
    size: Annotated[
        Literal["full", "small"], Query(description="`small`: WebP, at most 480 pixels wide.")
    ] = "full",
) -> Response:
    """`base` is the same with the base model alone, if that was asked for."""
    play = playground.standing(tx, play_id)
    made = play.base if which == "base" else play.made
    return picture_answer(
        request,
        tx,
        None if made is None else made.picture,
        f"{play.name}-play-{play.id}{'-base' if which == 'base' else ''}",
        SMALL if size == "small" else None,
        is_public=False,
    )


def _shown(request: Request, tx: Tx, play_id: int) -> PlayOut:
    return _out(request, playground.standing(tx, play_id))


def _out(request: Request, play: Shown) -> PlayOut:
    base = base_url(request)
    made, alone = play.made, play.base
    has_picture = made.picture is not None
    has_base = alone is not None and alone.picture is not None
    return PlayOut(
        id=play.id,
        repo=f"{play.owner}/{play.name}",
        task="text" if play.task == "text" else "image",
        state=play.state,
        ahead=play.ahead,
        progress=None if play.done is None else Steps(done=play.done, total=play.total),
        error=None if play.error is None else Problem(**play.error),
        prompt=play.prompt,
        negative=play.negative,
        seed=play.seed,
        adapters=[
            StackedOut(repo=one.repo, path=one.path, sha256=one.sha256, strength=one.strength)
            for one in play.adapters
        ],
        recipe=play.recipe,
        picture=base + links.play_picture(play.id) if has_picture else None,
        base_picture=base + links.play_picture(play.id, "base") if has_base else None,
        text=made.text,
        base_text=None if alone is None else alone.text,
        kept=play.is_kept,
        preview=play.preview_id,
        created_at=play.created_at,
        url=base + links.playground(play.owner, play.name, play.id),
    )
