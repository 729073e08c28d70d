"""Measures what an adapter costs: time to load, to switch to, to draw with; memory."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from lorahub_server.insight.bases import service as base_models
from lorahub_server.insight.previews.recipe import BaseUse, ImageRecipe, TextRecipe
from lorahub_server.insight.speed import service as speed
from lorahub_server.jobs import JobContext, JobFailed, handler
from lorahub_server.kit.clock import now
from lorahub_server.storage import ObjectMissing
from lorahub_worker import bases
from lorahub_worker.engines.spec import AdapterFile, BaseSpec, RenderError
from lorahub_worker.local import local_copy, workshop
from lorahub_worker.studios import studio

_PARTS = 1000


@handler(speed.KIND, queue="gpu", max_attempts=2, lease_s=60, max_run_s=3600)
def run(ctx: JobContext, args: dict[str, Any]) -> Callable[[Session], None]:
    """Measure the blob `args["sha256"]` with the base `args["base"]`."""
    sha256, base_id = str(args["sha256"]), str(args["base"])
    ctx.progress(0, None, "loading the base model")
    spec = bases.open_base(ctx, base_id)
    recipe = _recipe(ctx, spec)

    def on_part(share: float) -> None:
        ctx.progress(int(share * _PARTS), _PARTS, "measuring")

    try:
        with workshop() as folder:
            path = local_copy(ctx, sha256, folder, f"{sha256}.safetensors")
            file = AdapterFile(sha256, path, args.get("config"))
            figures = studio().measure(spec, file, recipe, on_part=on_part)
    except RenderError as error:
        raise JobFailed(error.code, error.message) from error
    except ObjectMissing as error:
        raise JobFailed("file_gone", "The adapter file is no longer on the hub.") from error
    told = figures.to_dict()
    device = str(told["setting"].pop("device"))
    return lambda session: speed.record(session, sha256, base_id, device, told, now())


def _recipe(ctx: JobContext, spec: BaseSpec) -> ImageRecipe | TextRecipe:
    """The base's own setting, so that adapters of one base are measured alike."""
    use = BaseUse(id=spec.id, digest=spec.digest)
    if spec.task == "text":
        return TextRecipe(base=use, prompt="Tell me about this place.")
    with ctx.db.read() as session:
        row = base_models.find(session, spec.id)
        if row is None:
            raise JobFailed("base_gone", "The base model was taken from the hub's registry.")
        return ImageRecipe(
            base=use,
            prompt="a picture of a red circle",
            steps=row.steps,
            guidance=row.guidance,
            scheduler=row.scheduler,
            width=row.width,
            height=row.height,
        )
