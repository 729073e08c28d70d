"""What the playground tells the doors: plain facts, detached from the database."""

from dataclasses import dataclass, replace
from datetime import datetime
from secrets import randbelow
from typing import Any, Literal

from lorahub_server.insight.previews.model import Made

# Seeds that fit into every other program's field.
_SEEDS = 2**32

State = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Pick:
    """An adapter to stack: a repository as owner/name; without a path its first file."""

    repo: str
    path: str | None = None
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of the playground of a repository. None: as the base is used to.

    `path` and `strength` are about the repository's own adapter, `stack` are the others.
    """

    prompt: str
    negative: str | None = None
    seed: int | None = None
    path: str | None = None
    strength: float = 1.0
    stack: tuple[Pick, ...] = ()
    steps: int | None = None
    guidance: float | None = None
    with_base: bool = False

    def seeded(self) -> "Wish":
        """Return the wish with a seed, one by chance unless it has one."""
        return self if self.seed is not None else replace(self, seed=randbelow(_SEEDS))


@dataclass(frozen=True, slots=True)
class Stacked:
    """An adapter of a play; `repo` is None where the caller may not know it any more."""

    repo: str | None
    path: str | None
    sha256: str
    strength: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A play and how it stands."""

    id: int
    owner: str
    name: str
    state: State
    adapters: list[Stacked]
    made: Made
    base: Made | None
    # Of one that waits: how many are before it. Of one that runs: the steps.
    ahead: int | None
    done: int | None
    total: int | None
    error: dict[str, str] | None
    is_kept: bool
    preview_id: int | None
    created_at: datetime

    @property
    def is_open(self) -> bool:
        return self.state in ("waiting", "running")

    @property
    def recipe(self) -> dict[str, Any]:
        return self.made.recipe

    @property
    def task(self) -> str:
        return str(self.made.recipe["task"])

    @property
    def prompt(self) -> str:
        return str(self.made.recipe["prompt"])

    @property
    def negative(self) -> str:
        return str(self.made.recipe.get("negative") or "")

    @property
    def seed(self) -> int:
        return int(self.made.recipe["seed"])
