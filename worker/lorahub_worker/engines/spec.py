"""What an engine is given, what it gives back, and how it refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lorahub_server.insight.previews.recipe import ImageRecipe, TextRecipe

if TYPE_CHECKING:
    from PIL.Image import Image

AnyRecipe = ImageRecipe | TextRecipe


@dataclass(frozen=True, slots=True)
class BaseSpec:
    """A base model on this machine: a folder as its library writes it, or a single file."""

    id: str
    task: Literal["image", "text"]
    family: str
    path: Path
    dtype: str = "auto"  # auto, fp32, fp16, bf16
    scheduler: str = ""  # what the registry says; a recipe has one of its own
    digest: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """An adapter's weights on this machine. `config`: the parsed adapter_config.json, if any."""

    sha256: str
    path: Path
    config: Mapping[str, Any] | None = None
    layout: str | None = None
    name: str = ""  # what people call it, for the text in pictures


@dataclass(frozen=True, slots=True)
class Rendered:
    """What came of a recipe: a picture or a text, and the facts of its making."""

    recipe_id: str
    picture: "Image | None"
    text: str | None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpeedFigures:
    """What an adapter costs: medians in ms, and the bytes that it adds."""

    load_ms: float
    swap_ms: float
    base_ms: float
    unfused_ms: float
    fused_ms: float | None
    memory: int
    setting: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class RenderError(Exception):
    """Something that is not rendered, and why: a code for programs, a sentence for people.

    `recipes`: the ids that are meant; the others can be asked for again.
    """

    def __init__(self, code: str, message: str, recipes: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.recipes = tuple(recipes)


class AdapterRefused(RenderError):
    """The adapter `sha256` does not fit the base, or its file holds what can't be applied."""

    def __init__(self, code: str, message: str, *, sha256: str = "") -> None:
        super().__init__(code, message)
        self.sha256 = sha256


class BaseRefused(RenderError):
    """The base can't be loaded: a strange class, no safetensors, not enough memory."""


class RecipeRefused(RenderError):
    """The recipe asks for what this base or engine does not have, such as a scheduler."""
