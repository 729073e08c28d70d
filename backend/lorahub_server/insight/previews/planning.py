"""From a base, adapter files and prompts to the previews of a repository. No database here."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lorahub_server.insight.bases.recipes import image_recipe, text_recipe
from lorahub_server.insight.bases.service import Held
from lorahub_server.insight.previews.prompts import Prompt
from lorahub_server.insight.previews.recipe import (
    AdapterUse,
    ImageRecipe,
    TextRecipe,
    of_base,
    recipe_id,
)

SWEEP = (0.0, 0.3, 0.6, 0.9, 1.2)
STRENGTH = 1.0
# Further files of a repository: its epochs, its ranks.
_SAMPLES_OF_OTHERS = 2
# The fields of adapter_config.json that decide what the weights mean.
_MEANING = (
    "peft_type", "r", "lora_alpha", "alpha", "rank_pattern", "alpha_pattern", "use_rslora",
    "use_dora", "lora_bias", "fan_in_fan_out", "target_modules", "modules_to_save",
    "init_lora_weights", "bias",
)  # fmt: skip
_CONFIG_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class File:
    """An adapter file that previews are made of; `config` is what lies beside it."""

    path: str
    sha256: str
    layout: str | None
    config: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A preview to be: `base` is the same recipe with the base alone."""

    group: str
    position: int
    path: str
    sha256: str
    strength: float
    caption: str
    recipe: ImageRecipe | TextRecipe
    base: ImageRecipe | TextRecipe | None

    @property
    def render_id(self) -> str:
        return recipe_id(self.recipe)

    @property
    def base_render_id(self) -> str | None:
        return None if self.base is None else recipe_id(self.base)


def plan(held: Held, files: Sequence[File], prompts: Sequence[Prompt]) -> list[Slot]:
    """Return the previews in the order in which they are to be made."""
    return (
        _texts(held, files, prompts)
        if held.base.task == "text"
        else _pictures(held, files, prompts)
    )


def made_from(slots: Sequence[Slot]) -> str:
    """Name what slots are made from: the same name, the same previews."""
    facts = [
        [one.group, one.position, one.path, one.caption, one.render_id, one.base_render_id]
        for one in slots
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def recipes_of(slots: Sequence[Slot]) -> dict[str, ImageRecipe | TextRecipe]:
    """Return all recipes by their ids, those to be seen first in front."""
    found: dict[str, ImageRecipe | TextRecipe] = {}
    for one in slots:
        found.setdefault(one.render_id, one.recipe)
        if one.base is not None:
            found.setdefault(recipe_id(one.base), one.base)
    return found


def meaning(config: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what of a configuration belongs into a recipe: no names, no paths, no essays."""
    if not config:
        return None
    kept = {name: config[name] for name in _MEANING if config.get(name) not in (None, {}, [])}
    return kept if kept and len(json.dumps(kept)) <= _CONFIG_MAX else None


def use(file: File, strength: float = STRENGTH) -> AdapterUse:
    return AdapterUse(sha256=file.sha256, strength=strength, layout=file.layout, config=file.config)


def _pictures(held: Held, files: Sequence[File], prompts: Sequence[Prompt]) -> list[Slot]:
    slots: list[Slot] = []
    for number, file in enumerate(files):
        chosen = prompts if number == 0 else prompts[:_SAMPLES_OF_OTHERS]
        for prompt in chosen:
            recipe = _image(held, file, prompt, STRENGTH)
            slots.append(
                Slot("samples", len(slots), file.path, file.sha256, STRENGTH, prompt.caption,
                     recipe, of_base(recipe))
            )  # fmt: skip
    if files and prompts:
        first = files[0]
        slots += [
            Slot("sweep", at, first.path, first.sha256, strength, "",
                 _image(held, first, prompts[0], strength), None)
            for at, strength in enumerate(SWEEP)
        ]  # fmt: skip
    return slots


def _texts(held: Held, files: Sequence[File], prompts: Sequence[Prompt]) -> list[Slot]:
    slots: list[Slot] = []
    for file in files[:1]:
        for prompt in prompts:
            recipe = text_recipe(held, [use(file)], prompt.text, prompt.seed)
            slots.append(
                Slot("texts", len(slots), file.path, file.sha256, STRENGTH, prompt.caption,
                     recipe, of_base(recipe))
            )  # fmt: skip
    return slots


def _image(held: Held, file: File, prompt: Prompt, strength: float) -> ImageRecipe:
    uses = [use(file, strength)]
    return image_recipe(held, uses, prompt.text, prompt.seed, negative=prompt.negative)
