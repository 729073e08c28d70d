"""Factors as the tensors of a layout: scale folded where the layout has no place for it."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from lorahub.adapters.arrays import Array
from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.remake.casting import Losses, encode
from lorahub.adapters.remake.factors import Factors
from lorahub.adapters.remake.spool import Spool
from lorahub.adapters.remake.targets import NOWHERE, TENSOR, Target, Unit

_DIGITS = 12
_LISTED = 20
_MOST_F32 = float(np.finfo("f4").max)


@dataclass(slots=True)
class Tally:
    """What happened while encoding. `underflows` counts numbers by module."""

    folded: int = 0
    rounded_scales: set[float] = field(default_factory=set)
    underflows: dict[str, int] = field(default_factory=dict)
    fused: list[str] = field(default_factory=list)
    dtypes: set[str] = field(default_factory=set)
    ranks: dict[str, int] = field(default_factory=dict)

    def notes(self) -> list[str]:
        found = []
        if self.folded:
            found.append(f"The scale was multiplied into the factors of {self.folded} modules.")
        if self.rounded_scales:
            scales = ", ".join(f"{scale:.6g}" for scale in sorted(self.rounded_scales)[:_LISTED])
            found.append(f"Scales that are no power of two were rounded once: {scales}.")
        if self.underflows:
            lost = sum(self.underflows.values())
            found.append(
                f"{lost} numbers in {len(self.underflows)} modules are too small for the dtype and "
                "became zero."
            )
        return found


def clean(value: float) -> float:
    """The number without the last digits, in which arithmetic leaves its traces."""
    return float(f"{value:.{_DIGITS}g}")


def alpha_of(factors: Factors) -> float:
    """The alpha that gives the factors their scale."""
    return clean(factors.scale * factors.rank)


def fold(factors: Factors) -> tuple[Factors, bool]:
    """The same ΔW with a scale of one, and whether it took a rounding.

    Powers of two are shared out between both factors, which costs nothing but range.
    """
    if factors.scale == 0.0:
        return replace(factors, up=np.zeros_like(factors.up), scale=1.0), False
    mantissa, exponent = math.frexp(factors.scale)
    mantissa, exponent = mantissa * 2, exponent - 1
    half = exponent // 2
    up, down = _wide(factors.up), _wide(factors.down)
    up = np.ldexp(up * up.dtype.type(mantissa), exponent - half)
    down = np.ldexp(down, half)
    return replace(factors, up=up, down=down, scale=1.0), abs(mantissa) != 1.0


def _wide(array: Array) -> Array:
    return array.astype(np.float64 if array.dtype.itemsize > np.dtype("f4").itemsize else "f4")


def write_unit(
    spool: Spool, target: Target, unit: Unit, factors: Factors, dtype: str | None, tally: Tally
) -> Factors:
    """Add the tensors of one module. Returns the factors with the scale that is left over.

    Raises AdapterFileError for numbers that the dtype cannot hold.
    """
    code = dtype or factors.dtype
    style = target.style
    if target.scale == NOWHERE and factors.scale != 1.0:
        tally.folded += 1
        scale = factors.scale
        factors, rounded = fold(factors)
        if rounded:
            tally.rounded_scales.add(scale)
    ends = (style.down, style.up)
    if factors.embedding:
        ends = (".lora_embedding_A", ".lora_embedding_B")
    for end, array in zip(ends, (factors.down, factors.up), strict=True):
        _add(spool, unit.key + end, array, code, tally)
    if factors.magnitude is not None:
        _add(spool, unit.key + style.magnitude, _shaped(factors, target), code, tally)
    if factors.bias is not None:
        bias = factors.bias
        if style.bias_inside and factors.scale != 1.0:
            bias = bias.astype(np.float64) / factors.scale
        _add(spool, unit.key + style.bias, bias, code, tally)
    if target.scale == TENSOR:
        alpha = alpha_of(factors)
        if not abs(alpha) <= _MOST_F32:
            raise AdapterFileError(
                "overflow",
                f"The scale of {shown(unit.key)} is too large to be written as an alpha.",
                hint="Take an earlier save of the training.",
                key=unit.key,
            )
        spool.add(unit.key + style.alpha, "F32", (), np.asarray(alpha, "<f4"))
    tally.ranks[unit.key] = factors.rank
    return factors


def _shaped(factors: Factors, target: Target) -> Array:
    """The magnitudes in the shape that the layout gives them."""
    found = factors.magnitude
    if found is None:
        raise ValueError("no magnitudes")
    kernel = factors.down.ndim - 2
    if target.style.bias_inside:
        return found.reshape(1, -1, *(1,) * kernel) if kernel else found.reshape(-1)
    return found.reshape(-1, 1, *(1,) * kernel)


def _add(spool: Spool, key: str, array: Array, dtype: str, tally: Tally) -> None:
    data, losses = encode(array, dtype)
    check_losses(losses, key, dtype)
    if losses.underflow:
        tally.underflows[key] = losses.underflow
    tally.dtypes.add(dtype)
    spool.add(key, dtype, tuple(array.shape), data)


def check_losses(losses: Losses, key: str, dtype: str) -> None:
    """Raises AdapterFileError for numbers that the dtype cannot hold."""
    if losses.overflow:
        raise AdapterFileError(
            "overflow",
            f"{shown(key)} holds {losses.overflow} numbers that are too large for {dtype}.",
            hint="Take bf16, which has the range of fp32.",
            key=key,
        )
