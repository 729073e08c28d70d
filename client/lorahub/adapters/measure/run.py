"""Measures every module of an open file, in pieces that fit the processor's caches."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lorahub.adapters.arrays import Tensors
from lorahub.adapters.delta import flat, load_delta
from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.measure.figures import Figures, Floats, figures_of
from lorahub.adapters.measure.spectrum import (
    DENSE_SIDE,
    by_qr,
    from_grams,
    gram_of_columns,
    gram_of_rows,
    measure,
)
from lorahub.adapters.modules import Module, read_alpha, scale_of

# Modules at a time: enough for batched linear algebra, few enough for progress.
_BATCH = 32
# Numbers of Gram matrices at a time; high ranks have large ones.
_MOST_GRAMS = 1_000_000
# The largest number of F16; a file with larger ones can't be stored in it.
F16_MAX = 65504.0

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Measured:
    """One module's figures. `figures` is None where ΔW is not known; `note` then says why.

    `nan` and `inf` count numbers in all tensors of the module; with any there are no figures.
    `largest` is the largest magnitude of a stored factor (an upper bound where it is small).
    """

    module: Module
    alpha: float | None
    scale: float | None
    parameters: int
    bytes: int
    figures: Figures | None = None
    note: str = ""
    nan: int = 0
    inf: int = 0
    largest: float = 0.0
    dtypes: tuple[str, ...] = field(default=())


def measure_modules(
    modules: Sequence[Module], tensors: Tensors, *, progress: Progress | None = None
) -> list[Measured]:
    """Figures of all modules, in their order. Memory: a few windows of numbers, and ΔW of a module
    only where nothing smaller says it.

    `progress(done, total)` is told bytes now and then; what it raises ends the work.
    """
    total = sum(_bytes(module, tensors) for module in modules)
    found: list[Measured] = []
    done = 0
    for begin in range(0, len(modules), _BATCH):
        # Of numbers that are none the verdicts tell.
        with np.errstate(over="ignore", invalid="ignore"):
            batch = _measure_batch(modules[begin : begin + _BATCH], tensors)
        found += batch
        done += sum(each.bytes for each in batch)
        if progress:
            progress(done, total)
    return found


def _bytes(module: Module, tensors: Tensors) -> int:
    infos = (tensors.header.tensors[key] for key in module.factors.values())
    return sum(info.end - info.begin for info in infos)


@dataclass(slots=True)
class _Plain:
    """A module of two factors, and their Gram matrices."""

    measured: Measured
    left: Floats
    right: Floats


def _measure_batch(modules: Sequence[Module], tensors: Tensors) -> list[Measured]:
    found = []
    plain: list[_Plain] = []
    for module in modules:
        measured = _start(module, tensors)
        found.append(measured)
        try:
            grams = _grams(module, tensors)
            if grams is None:
                _measure_other(measured, tensors)
            else:
                plain.append(_Plain(measured, *grams))
        except (AdapterFileError, ValueError, IndexError) as error:
            measured.note = f"It can't be measured: {error}."
        if sum(one.left.size for one in plain) > _MOST_GRAMS:
            for group in _by_rank(plain):
                _measure_plain(group, tensors)
            plain = []
    for group in _by_rank(plain):
        _measure_plain(group, tensors)
    return found


def _start(module: Module, tensors: Tensors) -> Measured:
    infos = {key: tensors.header.tensors[key] for key in module.factors.values()}
    alpha = read_alpha(module, tensors)
    broken = alpha is not None and not math.isfinite(alpha)
    weights = [
        info for role, key in module.factors.items() if role != "alpha" for info in [infos[key]]
    ]
    return Measured(
        module=module,
        alpha=alpha,
        scale=scale_of(module, alpha),
        parameters=sum(info.elements for info in weights),
        bytes=sum(info.end - info.begin for info in infos.values()),
        dtypes=tuple(sorted({info.dtype for info in weights})),
        nan=int(broken and math.isnan(alpha or 0.0)),
        inf=int(broken and math.isinf(alpha or 0.0)),
    )


def _grams(module: Module, tensors: Tensors) -> tuple[Floats, Floats] | None:
    """BᵀB and A·Aᵀ of a module that has just these factors."""
    roles = module.factors
    if module.method not in ("lora", "dora") or "mid" in roles or module.groups != 1:
        return None
    if "up" not in roles or "down" not in roles:
        return None
    up, down = flat(tensors[roles["up"]]), flat(tensors[roles["down"]])
    rank = up.shape[1]
    if rank != down.shape[0] or rank > min(up.shape[0], down.shape[1], DENSE_SIDE):
        return None
    return gram_of_columns(up), gram_of_rows(down)


def _by_rank(plain: Sequence[_Plain]) -> Iterator[list[_Plain]]:
    groups: dict[int, list[_Plain]] = {}
    for one in plain:
        groups.setdefault(len(one.left), []).append(one)
    yield from groups.values()


def _measure_plain(group: Sequence[_Plain], tensors: Tensors) -> None:
    """The figures of modules of one rank."""
    left = np.stack([one.left for one in group])
    right = np.stack([one.right for one in group])
    values, hidden = from_grams(left, right)
    for index in np.flatnonzero(hidden).tolist():
        found = by_qr(*load_delta(group[index].measured.module, tensors).factors)
        values[index] = 0
        values[index, : len(found)] = found
    figures = figures_of(values, [_scale(one.measured) for one in group])
    diagonals = [np.diagonal(gram, axis1=1, axis2=2).max(axis=1) for gram in (left, right)]
    largest = np.sqrt(np.maximum(*diagonals))
    for one, figure, bound in zip(group, figures, largest.tolist(), strict=True):
        measured = one.measured
        measured.largest = bound
        # Sums of squares are finite exactly if all numbers are: no float32 overflows a double.
        if not np.isfinite(bound) or bound > F16_MAX:
            _look_closely(measured, tensors)
        if not measured.nan and not measured.inf:
            measured.figures = figure
            measured.note = _note(measured)


def _measure_other(measured: Measured, tensors: Tensors) -> None:
    _look_closely(measured, tensors)
    if measured.nan or measured.inf:
        return
    delta = load_delta(measured.module, tensors)
    measured.figures = measure(delta)
    measured.note = delta.note


def _look_closely(measured: Measured, tensors: Tensors) -> None:
    """Count what is not a number, and find the largest one, in every tensor of the module."""
    measured.largest = 0.0
    for role, key in measured.module.factors.items():
        values = tensors[key]
        if role == "alpha" or values.dtype.kind != "f":
            continue
        finite = np.isfinite(values)
        if not finite.all():
            nan = int(np.isnan(values).sum())
            measured.nan += nan
            measured.inf += int(values.size - finite.sum()) - nan
            continue
        measured.largest = max(measured.largest, float(np.abs(values).max()))


def _scale(measured: Measured) -> float:
    return 1.0 if measured.scale is None else measured.scale


def _note(measured: Measured) -> str:
    notes = []
    if measured.scale is None:
        notes.append("The scale is unknown; 1 is assumed.")
    if "dora" in measured.module.factors:
        notes.append("DoRA's magnitudes need the base model; this is B·A alone.")
    return " ".join(notes)
