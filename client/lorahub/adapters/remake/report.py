"""What was made, and what it cost."""

from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Report:
    """`lossy` says whether ΔW changed by more than the rounding of the dtype. `error` is the
    largest relative difference of a module that the proof found, None if there was no proof.
    `modules`: for each module of a resize or merge what was kept.
    """

    operation: str
    layout: str
    family: str | None
    dtypes: list[str]
    count: int
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lossy: bool = False
    error: float | None = None
    rank: int | None = None
    ranks: tuple[int, int] | None = None
    energy: float | None = None
    size: int = 0
    modules: list[dict[str, object]] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON knows them."""
        facts = asdict(self)
        facts["files"] = [str(path) for path in self.files]
        facts["ranks"] = list(self.ranks) if self.ranks else None
        return facts
