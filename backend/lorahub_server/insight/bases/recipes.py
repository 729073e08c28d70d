"""Recipes with a base's own defaults."""

from collections.abc import Sequence
from typing import Any

from lorahub_server.insight.bases.service import Held
from lorahub_server.insight.previews.recipe import AdapterUse, BaseUse, ImageRecipe, TextRecipe


def image_recipe(
    held: Held,
    adapters: Sequence[AdapterUse],
    prompt: str,
    seed: int,
    negative: str | None = None,
    **overrides: Any,
) -> ImageRecipe:
    base = held.base
    fields: dict[str, Any] = {
        "negative": base.negative if negative is None else negative,
        "steps": base.steps,
        "guidance": base.guidance,
        "guidance_rescale": base.guidance_rescale,
        "scheduler": base.scheduler,
        "width": base.width,
        "height": base.height,
    }
    return ImageRecipe(
        base=BaseUse(id=base.id, digest=held.digest),
        adapters=tuple(adapters),
        prompt=prompt,
        seed=seed,
        **{**fields, **overrides},
    )


def text_recipe(
    held: Held, adapters: Sequence[AdapterUse], prompt: str, seed: int, **overrides: Any
) -> TextRecipe:
    return TextRecipe(
        base=BaseUse(id=held.base.id, digest=held.digest),
        adapters=tuple(adapters),
        prompt=prompt,
        seed=seed,
        **overrides,
    )
