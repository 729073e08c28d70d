"""Two adapters side by side: what their weights do, their metadata, their trigger words."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.remake.factors import Factors
from lorahub.adapters.remake.linear import gap, inner, norm
from lorahub.adapters.remake.naming import Name
from lorahub.adapters.remake.open import open_source
from lorahub.adapters.remake.run import Progress
from lorahub.adapters.remake.source import PRODUCTS, Source
from lorahub.adapters.triggers import trigger_words

# Below this relative difference two products are the same but for the rounding of a narrow dtype.
SAME = 1e-2
_EXACT = 1e-6
_MOST = 1.0


@dataclass(frozen=True, slots=True)
class Pair:
    """`state`: "same", "rounded", "changed", "added" or "removed". `ratio` is the second norm by
    the first; `difference` is relative to the first.
    """

    name: str
    state: str
    cosine: float | None = None
    ratio: float | None = None
    difference: float | None = None
    ranks: tuple[int | None, int | None] = (None, None)


@dataclass(slots=True)
class Comparison:
    """`cosine` is that of all of ΔW, where a missing module counts as zeros."""

    modules: list[Pair]
    cosine: float
    ratio: float | None
    difference: float | None
    counts: dict[str, int]
    metadata: dict[str, list[str | None]] = field(default_factory=dict)
    triggers: dict[str, list[str]] = field(default_factory=dict)
    facts: dict[str, list[object]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON knows them."""
        return asdict(self)


def compare(
    one: Path, other: Path, *, family: str | None = None, progress: Progress | None = None
) -> Comparison:
    """What changed from one adapter to the other, whatever their layouts, ranks and dtypes.

    Raises AdapterFileError, OSError.
    """
    with _open(one, family) as first, _open(other, family) as second:
        if first.scheme is None or second.scheme is None:
            first.close()
            second.close()
            return _compare_names(one, other, progress)
        return _compare(first, second, progress)


def _open(path: Path, family: str | None) -> Source:
    return open_source(path, family=family, methods=PRODUCTS)


def _compare_names(one: Path, other: Path, progress: Progress | None) -> Comparison:
    """For families without a vocabulary: by the names in the files."""
    with (
        open_source(one, methods=PRODUCTS, keep_names=True) as first,
        open_source(other, methods=PRODUCTS, keep_names=True) as second,
    ):
        return _compare(first, second, progress)


def _compare(first: Source, second: Source, progress: Progress | None) -> Comparison:
    names = list(dict.fromkeys([*first.entries, *second.entries]))
    pairs = []
    sums = [0.0, 0.0, 0.0]
    for done, name in enumerate(names):
        pair, (product, square1, square2) = _pair(first, second, name)
        pairs.append(pair)
        for index, value in enumerate((product, square1, square2)):
            sums[index] += value
        if progress:
            progress(done + 1, len(names))
    product, square1, square2 = sums
    counts: dict[str, int] = {}
    for pair in pairs:
        counts[pair.state] = counts.get(pair.state, 0) + 1
    return Comparison(
        modules=pairs,
        cosine=_cosine(product, math.sqrt(square1), math.sqrt(square2)) or 0.0,
        ratio=math.sqrt(square2 / square1) if square1 else None,
        difference=_difference(sums) if square1 else None,
        counts=counts,
        metadata=changed(first.metadata, second.metadata),
        triggers=trigger_changes(first.metadata, second.metadata),
        facts=_facts(first, second),
        notes=_notes(first, second),
    )


def _pair(first: Source, second: Source, name: Name) -> tuple[Pair, tuple[float, float, float]]:
    one = first.load(name) if name in first.entries else None
    other = second.load(name) if name in second.entries else None
    if one is None or other is None:
        only = one or other
        square = norm(only) ** 2 if only else 0.0
        pair = Pair(
            str(name),
            "added" if one is None else "removed",
            ranks=(one.rank if one else None, other.rank if other else None),
        )
        return pair, (0.0, 0.0 if one is None else square, square if one is None else 0.0)
    if (one.height, one.width) != (other.height, other.width):
        raise AdapterFileError(
            "shapes_differ",
            f"{name} has another size in each file.",
            hint="Only adapters of the same base model can be compared.",
            key=str(name),
        )
    return _both(name, one, other)


def _both(name: Name, one: Factors, other: Factors) -> tuple[Pair, tuple[float, float, float]]:
    apart, size1 = gap([(1.0, one)], other)
    size2 = norm(other)
    difference = apart / size1 if size1 else (0.0 if not size2 else None)
    same = difference is not None and difference <= _EXACT
    state = "same" if same else "rounded" if (difference or _MOST) <= SAME else "changed"
    # Of two almost equal products the difference is known to more digits than the angle.
    product = (size1**2 + size2**2 - apart**2) / 2 if state != "changed" else inner(one, other)
    pair = Pair(
        str(name),
        state,
        cosine=_cosine(product, size1, size2),
        ratio=size2 / size1 if size1 else None,
        difference=difference,
        ranks=(one.rank, other.rank),
    )
    return pair, (product, size1**2, size2**2)


def _cosine(product: float, size1: float, size2: float) -> float | None:
    if not size1 or not size2:
        return None
    return max(-1.0, min(1.0, product / (size1 * size2)))


def _difference(sums: list[float]) -> float:
    product, square1, square2 = sums
    return math.sqrt(max(square1 + square2 - 2 * product, 0.0) / square1)


def changed(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, list[str | None]]:
    """The metadata keys with different values: [before, after]."""
    keys = sorted(one.keys() | other.keys())
    return {key: [one.get(key), other.get(key)] for key in keys if one.get(key) != other.get(key)}


def trigger_changes(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, list[str]]:
    """The trigger words that both have, and those that one has alone."""
    before, after = trigger_words(one), trigger_words(other)
    return {
        "kept": [word for word in before if word in after],
        "removed": [word for word in before if word not in after],
        "added": [word for word in after if word not in before],
    }


def _facts(first: Source, second: Source) -> dict[str, list[object]]:
    """What the headers tell, where it differs."""
    one, other = (source.parts[0].summary.to_dict() for source in (first, second))
    names = ("layout", "method", "family", "rank", "ranks", "alpha", "dtypes", "tensors", "modules",
             "parameters", "size")  # fmt: skip
    return {name: [one[name], other[name]] for name in names if one[name] != other[name]}


def _notes(first: Source, second: Source) -> list[str]:
    found = []
    for source in (first, second):
        names = [module.name for _, module in source.others]
        names += [module.name for module in source.unknown]
        if names:
            found.append(f"{len(names)} modules of {source.parts[0].path.name} were not compared.")
    return found
