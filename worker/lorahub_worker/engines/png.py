"""Pictures as PNG files that say how they were made, as A1111 writes it and as a recipe."""

import hashlib
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lorahub_server.insight.previews.recipe import ImageRecipe
from lorahub_worker.engines import schedulers
from lorahub_worker.engines.spec import BaseSpec

if TYPE_CHECKING:
    from PIL.Image import Image

PARAMETERS = "parameters"
RECIPE = "lorahub"


def texts(
    recipe: ImageRecipe, spec: BaseSpec, names: Mapping[str, str], sampler: str = ""
) -> dict[str, str]:
    """The texts of a picture: what A1111 calls its parameters, and the recipe as JSON.

    `names`: what people call the adapters, by SHA-256; `sampler`: where the recipe names none.
    """
    document = recipe.model_dump(mode="json")
    return {
        PARAMETERS: parameters(recipe, spec, names, sampler),
        RECIPE: json.dumps(document, sort_keys=True, separators=(",", ":")),
    }


def parameters(
    recipe: ImageRecipe, spec: BaseSpec, names: Mapping[str, str], sampler: str = ""
) -> str:
    """Prompt, negative and settings in the form that A1111, Forge and ComfyUI's readers know."""
    called = {use.sha256: _name(use.sha256, names) for use in recipe.adapters}
    tags = [f"<lora:{called[use.sha256]}:{use.strength:g}>" for use in recipe.adapters]
    lines = [" ".join(part for part in (recipe.prompt, *tags) if part)]
    if recipe.negative:
        lines.append(f"Negative prompt: {recipe.negative}")
    settings = {
        "Steps": recipe.steps,
        "Sampler": sampler or schedulers.label(recipe.scheduler),
        "CFG scale": f"{recipe.guidance:g}",
        "Seed": recipe.seed,
        "Size": f"{recipe.width}x{recipe.height}",
        "Model hash": (spec.digest or recipe.base.digest)[:10],
        "Model": _plain(spec.title or spec.id),
    }
    if recipe.guidance_rescale:
        settings["CFG Rescale"] = f"{recipe.guidance_rescale:g}"
    if recipe.adapters:
        hashes = ", ".join(f"{called[use.sha256]}: {use.sha256[:12]}" for use in recipe.adapters)
        settings["Lora hashes"] = f'"{hashes}"'
    settings["Version"] = "LoRAHub"
    lines.append(", ".join(f"{name}: {value}" for name, value in settings.items()))
    return "\n".join(lines)


def encode(picture: "Image") -> bytes:
    """The picture as PNG with the texts that its `info` holds; the same each time."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for name in (PARAMETERS, RECIPE):
        text = picture.info.get(name)
        if isinstance(text, str):
            info.add_itxt(name, text) if not text.isascii() else info.add_text(name, text)
    out = io.BytesIO()
    picture.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def pixels_sha256(picture: "Image") -> str:
    """A hash of what is seen, whatever the file's texts and compression."""
    return hashlib.sha256(picture.convert("RGB").tobytes()).hexdigest()


def _name(sha256: str, names: Mapping[str, str]) -> str:
    return _plain(names.get(sha256) or "") or sha256[:12]


def _plain(name: str) -> str:
    """A name without what the form uses as its own marks."""
    return "".join("_" if c in ':<>,"\n' else c for c in name).strip()
