"""Renders recipes: pictures and texts, each recorded as soon as it is made.

A render is named by its recipe and recorded once. A job that was killed goes on with what is
missing; one that takes long goes back to the queue, so that other accounts get their turn.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.insight.previews import rendering
from lorahub_server.insight.previews.limits import TURN_S
from lorahub_server.insight.previews.recipe import ImageRecipe, TextRecipe, read
from lorahub_server.jobs import JobContext, handler
from lorahub_server.storage.keys import blob_key
from lorahub_worker import bases, keeping
from lorahub_worker.engines.spec import AdapterFile, BaseSpec, Rendered, RenderError
from lorahub_worker.local import local_copy, workshop
from lorahub_worker.studios import studio

_MAX_RUN_S = 4 * 3600.0


@dataclass(slots=True)
class _Work:
    """What is left of a job, by the recipes' ids."""

    base_id: str
    left: dict[str, ImageRecipe | TextRecipe]
    # Why what was given up will never come: (code, sentence).
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)
    until: float = 0.0


@handler(rendering.KIND, queue="gpu", max_attempts=5, lease_s=60, max_run_s=_MAX_RUN_S)
def run(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    """Make the renders `args["renders"]` with the base `args["base"]`."""
    ids = [str(one) for one in args["renders"]]
    with ctx.db.read() as session:
        wanted = rendering.wanted(session, ids)
        recipes = {one.id: read(one.recipe) for one in wanted}
    work = _Work(str(args["base"]), recipes, until=time.monotonic() + TURN_S)
    if recipes:
        ctx.progress(0, None, "loading the base model")
        spec = bases.open_base(ctx, work.base_id)
        _refuse_other_digests(ctx, work, spec)
        with workshop() as folder:
            files = _files(ctx, work, folder)
            _render_all(ctx, work, spec, files)
    left = list(work.left)
    return lambda session: rendering.go_on(session, args, left)


def _render_all(
    ctx: JobContext, work: _Work, spec: BaseSpec, files: Mapping[str, AdapterFile]
) -> None:
    """Render until nothing is left or others should have their turn."""
    while work.left:
        wanted = list(work.left.values())
        try:
            with closing(_rendered(ctx, spec, wanted, files)) as results:
                for one in results:
                    keeping.keep(ctx, work.left.pop(one.recipe_id), one)
                    if work.left and time.monotonic() > work.until:
                        return
        except RenderError as error:
            refused = [one for one in error.recipes if one in work.left] or list(work.left)
            _give_up(ctx, work, refused, error.code, error.message)
        else:
            _give_up(ctx, work, list(work.left), "not_rendered", "Nothing came of this recipe.")


def _rendered(
    ctx: JobContext,
    spec: BaseSpec,
    recipes: Sequence[ImageRecipe | TextRecipe],
    files: Mapping[str, AdapterFile],
) -> Generator[Rendered]:
    note = "drawing" if spec.task == "image" else "writing"

    def on_step(done: int, total: int) -> None:
        ctx.progress(done, total, note)

    yield from studio().render(spec, recipes, files, on_step=on_step)


def _refuse_other_digests(ctx: JobContext, work: _Work, spec: BaseSpec) -> None:
    """Give up recipes for weights that this base no longer has; planning makes new ones."""
    old = [key for key, one in work.left.items() if one.base.digest != spec.digest]
    message = (
        f"The weights of the base model {spec.title or spec.id} changed since this was asked for. "
        "Ask for it again."
    )
    _give_up(ctx, work, old, "base_changed", message)


def _files(ctx: JobContext, work: _Work, folder: Path) -> dict[str, AdapterFile]:
    """Return the adapters of the recipes as files here; what is gone is given up."""
    uses = {use.sha256: use for one in work.left.values() for use in one.adapters}
    gone = {sha256 for sha256 in uses if ctx.store.size(blob_key(sha256)) is None}
    lost = [
        key for key, one in work.left.items() if any(use.sha256 in gone for use in one.adapters)
    ]
    _give_up(ctx, work, lost, "file_gone", "The adapter file is no longer on the hub.")
    return {
        sha256: AdapterFile(
            sha256,
            local_copy(ctx, sha256, folder, f"{sha256}.safetensors"),
            use.config,
            use.layout,
        )
        for sha256, use in uses.items()
        if sha256 not in gone
    }


def _give_up(ctx: JobContext, work: _Work, ids: Sequence[str], code: str, message: str) -> None:
    for key in ids:
        work.left.pop(key)
        with ctx.db.write() as session:
            rendering.record_failure(session, key, code, message)
