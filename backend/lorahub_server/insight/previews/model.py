"""What the previews tell the doors: plain facts, detached from the database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from lorahub_server.insight.previews.limits import TALLEST

MATURITIES = ("none", "soft", "mature", "explicit", "unrated")
# Made by the hub and made anew when their prompts change; the others are people's.
RENDERED = ("samples", "sweep", "texts")
GROUPS = (*RENDERED, "uploaded", "kept")
# What stands for a repository in lists without anybody having chosen it.
MILD = ("none", "soft", "unrated")

RenderState = Literal["waiting", "done", "failed"]
SetState = Literal["planned", "no_base", "refused", "none", "off"]


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """A picture in the store. `parameters`: what an uploaded file says about its making.

    `copies`: the bytes of its WebP copies by their widths at most, in pixels.
    """

    sha256: str
    media_type: str
    size: int
    width: int
    height: int
    parameters: dict[str, Any] | None = None
    copies: Mapping[int, int] = field(default_factory=dict)

    # False where earlier hubs made one copy only, or none are made yet.
    has_all_copies: bool = False

    @property
    def has_small(self) -> bool:
        return bool(self.copies)

    def nearest(self, width: int) -> int | None:
        """Return the width of the copy to show so wide; None: there are no copies yet."""
        wide = sorted(self.copies)
        return next((one for one in wide if one >= width), wide[-1] if wide else None)

    def true_width(self, width: int) -> int:
        """Return how many pixels wide the copy of that width is: none is wider than the picture."""
        tallest = TALLEST * width * self.width // self.height if self.height else width
        return max(1, min(width, self.width, tallest))


@dataclass(frozen=True, slots=True)
class Made:
    """A recipe and what came of it."""

    id: str
    state: RenderState
    recipe: dict[str, Any]
    picture: PictureFacts | None = None
    text: str | None = None
    facts: dict[str, Any] | None = None
    rating: dict[str, Any] | None = None
    error: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview. `made` is missing of uploads, `base` (the base alone) of what stands by itself."""

    id: int
    group: str
    position: int
    path: str | None
    sha256: str | None
    strength: float | None
    caption: str
    maturity: str
    rated_by: str
    account: str | None
    created_at: datetime
    made: Made | None
    base: Made | None
    own_picture: PictureFacts | None
    is_cover: bool = False

    @property
    def picture(self) -> PictureFacts | None:
        if self.made is not None:
            return self.made.picture
        return self.own_picture

    @property
    def base_picture(self) -> PictureFacts | None:
        return None if self.base is None else self.base.picture

    @property
    def text(self) -> str | None:
        return None if self.made is None else self.made.text

    @property
    def state(self) -> RenderState:
        return "done" if self.made is None else self.made.state

    @property
    def recipe(self) -> dict[str, Any] | None:
        return None if self.made is None else self.made.recipe

    @property
    def prompt(self) -> str:
        return str(self._told("prompt") or "")

    @property
    def negative(self) -> str:
        return str(self._told("negative") or "")

    @property
    def seed(self) -> int | None:
        found = self._told("seed")
        return found if isinstance(found, int) else None

    def _told(self, name: str) -> Any:
        if self.made is not None:
            return self.made.recipe.get(name)
        told = self.own_picture.parameters if self.own_picture is not None else None
        return (told or {}).get(name)


@dataclass(frozen=True, slots=True)
class Progress:
    """The job that renders what is missing. `done` of `total` are steps, None before it runs.

    `pictures` of `all_pictures` are made; texts count as such.
    """

    state: Literal["waiting", "running", "stopped"]
    done: int | None
    total: int | None
    note: str
    pictures: int
    all_pictures: int
    # Why nothing goes on, of a stopped one.
    error: dict[str, str] | None = None

    @property
    def share(self) -> float:
        """How much is done, from 0 to 1."""
        if self.done is not None and self.total:
            return min(1.0, self.done / self.total)
        return self.pictures / self.all_pictures if self.all_pictures else 0.0


@dataclass(frozen=True, slots=True)
class BaseFacts:
    id: str
    title: str
    family: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """All previews of a repository, and how it stands with them."""

    state: SetState
    family: str | None
    base: BaseFacts | None
    # Those of the family that some worker holds, for the owner to choose from.
    bases: list[BaseFacts] = field(default_factory=list)
    # Why there are none, as a sentence; None when there is nothing to say.
    message: str | None = None
    code: str | None = None
    samples: list[Shown] = field(default_factory=list)
    sweep: list[Shown] = field(default_factory=list)
    texts: list[Shown] = field(default_factory=list)
    uploaded: list[Shown] = field(default_factory=list)
    kept: list[Shown] = field(default_factory=list)
    cover: Shown | None = None
    progress: Progress | None = None
    # The owner's prompts; None: the hub chooses. `used` are those of the samples or texts.
    prompts: list[dict[str, Any]] | None = None
    chosen_base: str | None = None
    may_edit: bool = False
    # Whether there is a set of previews, or any of them.
    has_any: bool = False

    @property
    def all(self) -> list[Shown]:
        return [*self.samples, *self.sweep, *self.texts, *self.uploaded, *self.kept]

    @property
    def pictures(self) -> list[Shown]:
        """Those with a picture to show."""
        return [one for one in self.all if one.picture is not None]

    @property
    def is_working(self) -> bool:
        return self.progress is not None and self.progress.state != "stopped"

    @property
    def used(self) -> list[dict[str, Any]]:
        shown = self.samples or self.texts
        return [{"prompt": one.prompt, "negative": one.negative, "seed": one.seed} for one in shown]
