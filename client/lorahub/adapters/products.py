"""Products of long, thin matrices, in pieces that one thread multiplies.

BLAS wakes a thread for each core above a certain size. For the many small products of an adapter,
on a machine that has other work, waiting for those threads costs several times what they save.
"""

from typing import Any

import numpy as np

from lorahub.adapters.arrays import Array

# Multiplications in one piece; OpenBLAS takes more threads above 262 144.
_PIECE = 250_000
# A shorter piece is slow even in one thread.
_SHORTEST = 64


def inner(left: Array, right: Array, dtype: Any = np.float32) -> Array:
    """left·right in `dtype`, a window of the side that they share at a time, summed in double."""
    height, length = left.shape
    width = right.shape[1]
    step = window(height * width)
    total = np.zeros((height, width))
    for begin in range(0, length, step):
        part = left[:, begin : begin + step].astype(dtype, copy=False)
        total += part @ right[begin : begin + step].astype(dtype, copy=False)
    return total


def window(size: int) -> int:
    """How much of the shared side to take at a time for a result of `size` numbers."""
    return max(_PIECE // size, _SHORTEST)
