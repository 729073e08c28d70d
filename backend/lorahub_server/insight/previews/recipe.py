"""The recipe of a preview: everything that decides what comes out, and its name.

Shared with the worker, so nothing here knows a database. Strengths, seeds and sizes mean what they
mean in diffusers; a text recipe is greedy at temperature 0.
"""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

SEED_MAX = 2**63 - 1
MAX_ADAPTERS = 3
PROMPT_MAX = 2000
_SHA256 = r"^[0-9a-f]{64}$"


class _Exact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class BaseUse(_Exact):
    """A base model: its name in the registry, and the hash of its weights."""

    id: str = Field(max_length=64)
    digest: str = Field(pattern=_SHA256)


class AdapterUse(_Exact):
    """An adapter file, how strongly it acts, and the configuration that was found beside it."""

    sha256: str = Field(pattern=_SHA256)
    strength: float = Field(1.0, ge=-8, le=8)
    layout: str | None = Field(None, max_length=32)
    config: dict[str, Any] | None = None


class _Recipe(_Exact):
    version: Literal[1] = 1
    base: BaseUse
    adapters: tuple[AdapterUse, ...] = Field((), max_length=MAX_ADAPTERS)
    prompt: str = Field(max_length=PROMPT_MAX)
    seed: int = Field(0, ge=0, le=SEED_MAX)

    @model_validator(mode="before")
    @classmethod
    def _without_idle_ones(cls, values: Any) -> Any:
        # At strength 0 an adapter does nothing: this is the recipe of the base alone.
        if isinstance(values, dict) and values.get("adapters"):
            found = [AdapterUse.model_validate(one) for one in values["adapters"]]
            return {**values, "adapters": tuple(one for one in found if one.strength != 0)}
        return values


class ImageRecipe(_Recipe):
    task: Literal["image"] = "image"
    negative: str = Field("", max_length=PROMPT_MAX)
    steps: int = Field(20, ge=1, le=150)
    guidance: float = Field(5.0, ge=0, le=30)
    guidance_rescale: float = Field(0.0, ge=0, le=1)
    scheduler: str = Field("", max_length=32)  # "": the base's own
    width: int = Field(512, ge=64, le=2048, multiple_of=8)
    height: int = Field(512, ge=64, le=2048, multiple_of=8)


class TextRecipe(_Recipe):
    task: Literal["text"] = "text"
    max_new_tokens: int = Field(96, ge=1, le=512)
    temperature: float = Field(0.0, ge=0, le=2)


Recipe = Annotated[ImageRecipe | TextRecipe, Field(discriminator="task")]
_any_recipe: TypeAdapter[ImageRecipe | TextRecipe] = TypeAdapter(Recipe)


def read(document: Any) -> ImageRecipe | TextRecipe:
    """Return the recipe of a JSON document. Raises pydantic's ValidationError."""
    return _any_recipe.validate_python(document)


def recipe_id(recipe: ImageRecipe | TextRecipe) -> str:
    """Return the SHA-256 of the recipe's canonical JSON: the same recipe has the same name."""
    text = json.dumps(recipe.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def of_base(recipe: ImageRecipe | TextRecipe) -> ImageRecipe | TextRecipe:
    """Return the same recipe with the base alone."""
    return recipe.model_copy(update={"adapters": ()})
