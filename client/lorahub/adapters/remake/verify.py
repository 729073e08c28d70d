"""The proof: what was written is read again, and its ΔW compared with what it should be."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.remake.casting import PRECISION
from lorahub.adapters.remake.gather import gather, units_of
from lorahub.adapters.remake.linear import gap, norm
from lorahub.adapters.remake.source import PRODUCTS, Source, make_source, open_parts
from lorahub.adapters.remake.targets import Unit

if TYPE_CHECKING:
    from lorahub.adapters.remake.run import Work

# Roundings of both factors, in units of half a step of the dtype.
_ROUNDINGS = 4
_TINY = 1e-12


def prove_work(work: "Work", stage: Path) -> float:
    """The largest relative error of a module. Raises AdapterFileError("not_proven")."""
    worst = 0.0
    with make_source(open_parts(_written(stage)), work.read) as made:
        missing = [
            name for source in work.sources for name in source.entries if name not in made.entries
        ]
        if missing:
            raise _wrong(str(missing[0]), "is missing from what was written")
        for unit in units_of(work.target, work.sources):
            worst = max(worst, _prove(work, made, unit))
    return worst


def _written(stage: Path) -> Path:
    single = stage / "adapter.safetensors"
    return single if single.is_file() else stage


def _prove(work: "Work", made: Source, unit: Unit) -> float:
    found = gather(made, unit)
    tail, planned = work.expected.get(unit.key) or work.expected[f"{unit.component}:{unit.key}"]
    if found is None:
        raise _wrong(unit.key, "is missing from what was written")
    allowed = _ROUNDINGS * PRECISION[found.dtype]
    if tail is None:
        size = planned or 0.0
        error = abs(norm(found) - size)
        wanted = 0.0
    else:
        terms = [
            (weight, factors)
            for source, weight in zip(work.sources, work.weights, strict=True)
            if (factors := gather(source, unit)) is not None
        ]
        error, size = gap(terms, found)
        wanted = tail
    # Turned round, so that what is no number proves nothing.
    if not error <= wanted * (1 + 1e-3) + allowed * size + _TINY * size < math.inf:
        raise _wrong(
            unit.key, f"differs by {error / size if size else error:.1e}, more than rounding does"
        )
    return error / size if size else error


def _wrong(name: str, what: str) -> AdapterFileError:
    return AdapterFileError(
        "not_proven",
        f"The result was thrown away: {shown(name)} {what}.",
        hint="Take bf16 or fp32; if that does not help, this is a fault to report.",
        key=name,
    )


def verify(before: Path, after: Path, *, family: str | None = None) -> float:
    """The largest relative difference of ΔW between two adapters of the same modules.

    Raises AdapterFileError where a module is in one alone.
    """
    from lorahub.adapters.remake.open import open_source

    with (
        open_source(before, family=family, methods=PRODUCTS) as one,
        open_source(after, family=family, methods=PRODUCTS) as other,
    ):
        apart = one.entries.keys() ^ other.entries.keys()
        if apart:
            raise _wrong(str(min(apart)), "is in one of the files alone")
        worst = 0.0
        for name in one.entries:
            error, size = gap([(1.0, one.load(name))], other.load(name))
            worst = max(worst, error / size if size else error)
    return worst
