"""What the library tells the doors: plain facts, detached from the database."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from lorahub_server.library.card import Card

State = Literal["waiting", "running", "done", "failed"]
Level = Literal["error", "warning", "info"]


@dataclass(slots=True)
class RepoCard:
    """A repository in a list."""

    id: int
    owner: str
    name: str
    private: bool
    default_branch: str
    revision: str | None
    title: str
    summary: str
    license: str | None
    base_model: str | None
    family: str | None
    family_declared: str | None
    layout: str | None
    method: str | None
    rank: int | None
    size: int
    adapters: int
    trigger_words: list[str]
    tags: list[str]
    health: str
    cover: str | None  # a path in the repository
    cover_size: int | None  # bytes of that file
    cover_picture: str | None  # its SHA-256, if there are small copies of it
    stars: int
    downloads: int
    starred: bool
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    trending: float = 0.0
    gated: str | None = None
    # False where its pictures and other files wait for an accepted request.
    has_open_files: bool = True
    # What it is a fork of, if the caller may see that.
    forked_from: str | None = None
    # The preview that stands for it in place of `cover`; shown to whoever sees the repository.
    cover_preview: int | None = None
    # What models of its family make; what its licence permits; for whom it is.
    task: str | None = None
    permits: tuple[str, ...] = ()
    maturity: int = 0
    # How many near-identical uploads a list that folds them has behind this one.
    alike: int = 0
    # Of one repository asked for by its id; None in lists. Whether there are previews, or will be;
    # evaluation results; a base of its family on the hub, held by a worker or not.
    has_previews: bool | None = None
    has_results: bool | None = None
    has_base: bool | None = None
    # Git's id of README.md, "" without one; None where the library does not know.
    card_oid: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Conflict:
    """The card says one family and the weights say another."""

    declared: str
    detected: str
    base_model: str
    confidence: str  # of the detection: high, medium, low
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know about the repository or one of its files."""

    level: Level
    code: str
    message: str
    path: str | None = None
    keys: list[str] = field(default_factory=list)


@dataclass(slots=True)
class AdapterDetails:
    """An adapter file and what is known of it.

    `summary` is adapters.Summary.to_dict(), from the inspection if there is one, else from the
    header, with what the adapter_config.json beside it adds.
    """

    path: str
    sha256: str
    size: int
    summary: dict[str, Any]
    state: State = "waiting"
    progress: dict[str, Any] | None = None
    error: dict[str, str] | None = None
    health: dict[str, Any] | None = None
    hashes: dict[str, str] | None = None
    config: dict[str, Any] | None = None  # the known fields of adapter_config.json

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def layout(self) -> str | None:
        return _text(self.summary.get("layout"))

    @property
    def family(self) -> str | None:
        return _text(self.summary.get("family"))

    @property
    def method(self) -> str | None:
        return _text(self.summary.get("method"))

    @property
    def rank(self) -> int | None:
        rank = self.summary.get("rank")
        return rank if isinstance(rank, int) else None


@dataclass(slots=True)
class RepoDetails:
    """Everything that a repository's page and the API show.

    `card` is an empty one, and `has_card` False, where there is no README.md.
    """

    repo: RepoCard
    adapters: list[AdapterDetails]
    conflict: Conflict | None
    notices: list[Notice]
    card: Card = field(default_factory=Card)
    has_card: bool = False

    @property
    def primary(self) -> AdapterDetails | None:
        """The adapter that stands for the repository: its facts are in `repo`."""
        return self.adapters[0] if self.adapters else None


@dataclass(slots=True)
class Snapshot:
    """What one revision holds."""

    card: Card
    adapters: list[AdapterDetails]
    trigger_words: list[str]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
