"""What an adapter comes from, what came of it, and what else is made for its base."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lorahub_server.access import Tx, passes_gate, require_read
from lorahub_server.kit import names
from lorahub_server.library import queries_relatives, vocabulary
from lorahub_server.library.queries_relatives import Row
from lorahub_server.repos.tables import Repository

SHOWN = 6
_BASES = 5
_RELATIONS = ("adapter", "finetune", "merge", "quantized")
# Other relatives are shown in their own places and make no room for siblings.
_FETCHED = 2 * SHOWN


@dataclass(frozen=True, slots=True)
class Relative:
    """A repository of this hub. `relation`: how what is derived came of it, such as merge."""

    owner: str
    name: str
    title: str
    family: str | None
    license: str | None
    revision: str | None
    cover: str | None
    cover_preview: int | None
    has_open_files: bool
    relation: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class BaseModel:
    """What the card builds on. `here` is its repository, if it is on this hub and may be seen."""

    name: str
    here: Relative | None = None


@dataclass(frozen=True, slots=True)
class Relatives:
    """Each list has SHOWN at most, the liveliest first."""

    bases: list[BaseModel] = field(default_factory=list)
    siblings: list[Relative] = field(default_factory=list)
    forks: list[Relative] = field(default_factory=list)
    merges: list[Relative] = field(default_factory=list)
    derived: list[Relative] = field(default_factory=list)

    @property
    def base_license(self) -> str | None:
        """Return what the first base's own card says, if it is here."""
        first = self.bases[0].here if self.bases else None
        return first.license if first else None


def of(tx: Tx, repo: Repository, base_models: Sequence[str]) -> Relatives:
    """Return the relatives that the caller may see; one statement, whatever the base's fame."""
    require_read(tx.caller, repo)
    bases = list(base_models)[:_BASES]
    own = repo.full_name
    rows = queries_relatives.relatives(
        tx.session,
        tx.caller,
        repo.id,
        bases=[pair for pair in map(_pair, bases) if pair],
        derived=vocabulary.folded(f"base_model:{kind}:{own}" for kind in _RELATIONS),
        base_term=next(iter(vocabulary.folded(f"base_model:{name}" for name in bases[:1])), None),
        limit=_FETCHED,
    )
    here = {row.term: _relative(tx, row) for row in rows if row.kind == "base"}
    forks = [_relative(tx, row) for row in rows if row.kind == "fork"]
    derived = {row.repo.id: _relative(tx, row) for row in rows if row.kind == "derived"}
    taken = {one.full_name for one in [*here.values(), *forks, *derived.values()]}
    siblings = [_relative(tx, row) for row in rows if row.kind == "sibling"]
    return Relatives(
        bases=[BaseModel(name, here.get("/".join(_pair(name) or ()))) for name in bases],
        siblings=[one for one in siblings if one.full_name not in taken][:SHOWN],
        forks=forks[:SHOWN],
        merges=[one for one in derived.values() if one.relation == "merge"][:SHOWN],
        derived=[one for one in derived.values() if one.relation != "merge"][:SHOWN],
    )


def _pair(name: str) -> tuple[str, str] | None:
    owner, slash, rest = name.partition("/")
    if not slash or not owner or not rest or "/" in rest:
        return None
    return names.lower(owner), names.lower(rest)


def _relative(tx: Tx, row: Row) -> Relative:
    entry, repo = row.entry, row.repo
    return Relative(
        owner=repo.owner.name,
        name=repo.name,
        title=entry.title,
        family=entry.family or entry.family_declared,
        license=entry.license,
        revision=entry.revision,
        cover=entry.cover,
        cover_preview=entry.cover_preview,
        has_open_files=passes_gate(tx.caller, repo),
        relation=row.term.split(":")[1] if row.kind == "derived" else "",
    )
