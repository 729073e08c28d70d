"""Numbers into the bytes of another dtype: rounded to the nearest, ties to even, losses counted.

BF16 and the 8-bit floats are made by bit operations, since NumPy does not know them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Half the distance between neighbours, relative to the number.
PRECISION = {
    "F64": 2.0**-53, "F32": 2.0**-24, "F16": 2.0**-11, "BF16": 2.0**-8, "F8_E4M3": 2.0**-4,
    "F8_E5M2": 2.0**-3,
}  # fmt: skip
_NATIVE = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
# (bits of the mantissa, smallest normal exponent, largest number, code of infinity or NaN)
_SMALL = {"F8_E4M3": (3, -6, 448.0, 0x7F), "F8_E5M2": (2, -14, 57344.0, 0x7C)}
_NAN8 = 0x7F
_BF16_INFINITY = 0x7F80
_F32_INFINITY = 0x7F80_0000
_F32_SIGNLESS = 0x7FFF_FFFF


@dataclass(slots=True)
class Losses:
    """`overflow`: finite numbers that have no place in the dtype; `underflow`: numbers other than
    zero that became zero.
    """

    overflow: int = 0
    underflow: int = 0


def encode(array: Array, dtype: str) -> tuple[Array, Losses]:
    """The numbers of a float array in `dtype`, as an array of its bytes' width, and the losses."""
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    if dtype in _NATIVE:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            made: Array = array.astype(_NATIVE[dtype])
        losses = Losses(_count(np.isinf(made), array), _zeroed(array, made == 0))
    elif dtype == "BF16":
        made = _bf16(_f32_to_odd(array))
        signless = made & np.uint16(0x7FFF)
        losses = Losses(_count(signless == _BF16_INFINITY, array), _zeroed(array, signless == 0))
    else:
        made, over = _eight_bits(array, *_SMALL[dtype])
        losses = Losses(over, _zeroed(array, (made & np.uint8(0x7F)) == 0))
    return np.ascontiguousarray(made), losses


def _count(infinite: Array, array: Array) -> int:
    return int((infinite & np.isfinite(array)).sum()) if infinite.any() else 0


def _zeroed(array: Array, zeros: Array) -> int:
    return int(np.count_nonzero(zeros)) - (array.size - int(np.count_nonzero(array)))


def _f32_to_odd(array: Array) -> Array:
    """float32, where what was rounded off float64 leaves a mark in the last bit: a second rounding
    to fewer bits then comes out as if it had been the only one.
    """
    if array.dtype.itemsize <= np.dtype("f4").itemsize:
        return np.ascontiguousarray(array, dtype="<f4")
    with np.errstate(over="ignore", under="ignore"):
        near = array.astype("<f4")
    back = near.astype(np.float64)
    inexact = (back != array) & np.isfinite(array)
    bits = near.view("<u4").copy()
    # A step back to the number just below in size, where rounding went up.
    bits -= (inexact & (np.abs(back) > np.abs(array))).astype("<u4")
    bits |= inexact.astype("<u4")
    made: Array = bits.view("<f4")
    return made


def _bf16(array: Array) -> Array:
    bits = array.view("<u4")
    nan = (bits & np.uint32(_F32_SIGNLESS)) > _F32_INFINITY
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    rounded >>= np.uint32(16)
    if nan.any():
        rounded[nan] = (bits[nan] >> np.uint32(16)) | np.uint32(0x40)
    made: Array = rounded.astype("<u2")
    return made


def _eight_bits(
    array: Array, mantissa: int, smallest: int, largest: float, beyond: int
) -> tuple[Array, int]:
    size = np.abs(array.astype(np.float64))
    nan = np.isnan(size)
    size[nan] = 0
    exponent = np.maximum(np.frexp(size)[1] - 1, smallest)
    exponent[~np.isfinite(size) | (size == 0)] = smallest
    steps = np.rint(np.ldexp(size, mantissa - exponent))
    value = np.ldexp(steps, exponent - mantissa)
    over = value > largest
    # Codes of positive numbers count up evenly: a step more is the next number, across exponents.
    with np.errstate(invalid="ignore"):
        codes = np.where(over, 0, (exponent - smallest) * 2.0**mantissa + steps)
    made = codes.astype("u1")
    made[over] = beyond
    made[nan] = _NAN8
    made |= np.signbit(array).astype("u1") << np.uint8(7)
    return made, int((over & np.isfinite(size)).sum())
