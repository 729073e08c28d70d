"""Figures of blocks, parts and the whole file, from those of its modules."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lorahub.adapters.measure.figures import ENERGIES, energy_kept
from lorahub.adapters.measure.places import Place
from lorahub.adapters.measure.run import Measured

_RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
_METHODS = ("lora", "dora", "adalora", "loha", "lokr")


@dataclass(slots=True)
class Total:
    """`rms` is ‖ΔW‖ over the root of the number of weights it changes: it compares parts of
    different width. `covered` counts these weights. Unmeasured modules count as parameters only.
    """

    modules: int = 0
    parameters: int = 0
    covered: int = 0
    measured: int = 0
    squares: float = 0.0
    largest: float = 0.0
    ranks: list[float] = field(default_factory=list)

    def add(self, each: Measured) -> None:
        self.modules += 1
        self.parameters += each.parameters
        shape = each.module.shape
        if shape:
            self.covered += math.prod(shape)
        if each.figures and shape:
            self.measured += math.prod(shape)
            self.squares += each.figures.frobenius**2
            self.largest = max(self.largest, each.figures.spectral)
            if each.figures.effective_rank is not None:
                self.ranks.append(each.figures.effective_rank)

    @property
    def frobenius(self) -> float:
        return math.sqrt(self.squares)

    @property
    def rms(self) -> float:
        return math.sqrt(self.squares / self.measured) if self.measured else 0.0

    @property
    def effective_rank(self) -> float | None:
        """The mean over the modules."""
        return sum(self.ranks) / len(self.ranks) if self.ranks else None


def total_of(measured: Iterable[Measured]) -> Total:
    total = Total()
    for each in measured:
        total.add(each)
    return total


def by_place(
    measured: Sequence[Measured], places: Sequence[Place]
) -> tuple[dict[Place, Total], dict[str, Total], dict[str, Total]]:
    """Totals of blocks in the order of the model, of parts, and of components."""
    blocks: dict[Place, Total] = {}
    parts: dict[str, Total] = {}
    components: dict[str, Total] = {}
    first: dict[tuple[str, str], Place] = {}
    for each, place in zip(measured, places, strict=True):
        key = first.setdefault((place.component, place.block), place)
        blocks.setdefault(key, Total()).add(each)
        parts.setdefault(place.part, Total()).add(each)
        components.setdefault(place.component, Total()).add(each)
    ordered = sorted(blocks.items(), key=lambda item: _order(item[0]))
    return dict(ordered), parts, components


_GROUPS = ("other", "down", "mid", "up", "noise refiner", "context refiner", "refiner", "double")


def _order(place: Place) -> tuple[bool, str, int, str, tuple[int, ...]]:
    """Text encoders last; the stretches of a model as data passes through them."""
    text = place.component.startswith("text_encoder")
    known = _GROUPS.index(place.group) if place.group in _GROUPS else len(_GROUPS)
    return text, place.component, known, place.group, place.index


@dataclass(frozen=True, slots=True)
class Smaller:
    """What a resize would keep: of ‖ΔW‖² in all, in the worst module, and the bytes it takes."""

    rank: int
    energy: float
    worst: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Enough:
    """The ranks that keep a part of each module's ‖ΔW‖²: the largest, the mean, and the bytes."""

    energy: float
    largest_rank: int
    mean_rank: float
    bytes: int


def smaller_ranks(measured: Sequence[Measured]) -> tuple[list[Smaller], list[Enough]]:
    """What smaller ranks would keep; nothing where the values are not known."""
    able = [each for each in measured if _resizable(each)]
    whole = sum(each.figures.frobenius**2 for each in able if each.figures)
    if not whole:
        return [], []
    largest = max(each.module.rank or 0 for each in able)
    rest = sum(each.bytes for each in measured) - sum(each.bytes for each in able)
    ranks = []
    for rank in _RANKS:
        if rank < largest:
            kept = [(_kept(each, rank), each) for each in able]
            energy = sum(part * _square(each) for part, each in kept) / whole
            worst = min(part for part, each in kept if _square(each))
            size = rest + sum(_size(each, rank) for each in able)
            ranks.append(Smaller(rank, energy, worst, size))
    levels = []
    for level in ENERGIES:
        needed = [_needs(each, level) for each in able]
        size = rest + sum(_size(each, n) for each, n in zip(able, needed, strict=True))
        levels.append(Enough(level, max(needed), sum(needed) / len(needed), size))
    return ranks, levels


def _resizable(each: Measured) -> bool:
    figures, module = each.figures, each.module
    known = figures is not None and figures.singular_values is not None
    return known and module.method in _METHODS and bool(module.rank and module.shape)


def _square(each: Measured) -> float:
    return each.figures.frobenius**2 if each.figures else 0.0


def _kept(each: Measured, rank: int) -> float:
    values = each.figures.singular_values if each.figures else None
    return 1.0 if values is None else energy_kept(values, rank)


def _needs(each: Measured, level: float) -> int:
    keeps = each.figures.keeps if each.figures else None
    return max(keeps[level], 1) if keeps else 1


def _size(each: Measured, rank: int) -> int:
    """Bytes of the two factors of a rank, never more than the module takes now."""
    shape = each.module.shape or (0, 0)
    width = max((_BYTES.get(dtype, 4) for dtype in each.dtypes), default=4)
    return min((shape[0] + math.prod(shape[1:])) * rank * width, each.bytes)
