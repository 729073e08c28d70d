"""Keeping factors where a narrow dtype has its numbers."""

from dataclasses import replace

import numpy as np

from lorahub.adapters.arrays import Array
from lorahub.adapters.remake.factors import Factors

# (largest number, below this largest entry the small ones are in danger), as exponents of two.
_RANGES = {"F16": (15, -8), "F8_E4M3": (8, -1), "F8_E5M2": (15, -4)}


def ranged(factors: Factors, dtype: str, *, free_scale: bool) -> Factors:
    """The same ΔW with factors that the dtype holds well, moved by powers of two: exact.

    Only what would lose is touched. With `free_scale` the layout keeps a scale, and both factors
    come to lie around one; else they share what there is evenly.
    """
    limits = _RANGES.get(dtype)
    if limits is None:
        return factors
    most, least = limits
    up, down = _exponent(factors.up), _exponent(factors.down)
    if up is None or down is None or (least <= up <= most and least <= down <= most):
        return factors
    if free_scale:
        scale = float(np.ldexp(factors.scale, up + down))
        return replace(
            factors, up=_moved(factors.up, -up), down=_moved(factors.down, -down), scale=scale
        )
    shift = (down - up) // 2
    if shift == 0:
        return factors
    return replace(factors, up=_moved(factors.up, shift), down=_moved(factors.down, -shift))


def _exponent(array: Array) -> int | None:
    """The exponent of the largest number, None for zeros."""
    largest = float(np.max(np.abs(array), initial=0.0))
    return int(np.frexp(largest)[1]) if 0 < largest < np.inf else None


def _moved(array: Array, power: int) -> Array:
    wide = array if array.dtype.itemsize > np.dtype("f4").itemsize else array.astype(np.float32)
    moved: Array = np.ldexp(wide, power)
    return moved
