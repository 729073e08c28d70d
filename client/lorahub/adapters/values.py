"""Whether stored numbers are sound, looked at in windows so that memory stays small.

Values are judged by their bits as unsigned integers: no conversion, and dtypes that NumPy does not
know (BF16, F8) cost the same as those it does.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# dtype -> (integer of the same width, bits without the sign, bits of infinity or None).
# Above infinity everything is NaN; F8_E4M3 has no infinity and one NaN.
_BITS: dict[str, tuple[str, int, int | None, int]] = {
    "F64": ("<u8", 0x7FFF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000, 0x7FF0_0000_0000_0001),
    "F32": ("<u4", 0x7FFF_FFFF, 0x7F80_0000, 0x7F80_0001),
    "F16": ("<u2", 0x7FFF, 0x7C00, 0x7C01),
    "BF16": ("<u2", 0x7FFF, 0x7F80, 0x7F81),
    "F8_E5M2": ("u1", 0x7F, 0x7C, 0x7D),
    "F8_E4M3": ("u1", 0x7F, None, 0x7F),
}
FLOAT_BYTES = {dtype: np.dtype(bits[0]).itemsize for dtype, bits in _BITS.items()}
_WINDOW = 4 * 1024 * 1024

_PLAIN = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2"}


@dataclass(slots=True)
class Findings:
    """`zero` stays true while every value seen is zero."""

    nan: bool = False
    inf: bool = False
    zero: bool = True


def scan(piece: memoryview, dtype: str, findings: Findings) -> None:
    """Look at whole values of `dtype` in `piece` and note what is wrong."""
    bits = _BITS.get(dtype)
    if bits is None:
        return
    integer, mask, infinity, first_nan = bits
    for start in range(0, len(piece), _WINDOW):
        values: npt.NDArray[np.unsignedinteger] = np.frombuffer(
            piece[start : start + _WINDOW], dtype=integer
        )
        magnitude = values & values.dtype.type(mask)
        largest = int(magnitude.max())
        if largest:
            findings.zero = False
        if largest >= first_nan:
            findings.nan = True
        if infinity is not None and not findings.inf and largest >= infinity:
            findings.inf = bool((magnitude == infinity).any())


def scalar(piece: memoryview, dtype: str) -> float | None:
    """The single number in `piece`, None for a dtype that holds no plain number."""
    if dtype == "BF16":
        wide = np.frombuffer(b"\0\0" + bytes(piece), dtype="<f4")
        return float(wide[0])
    plain = _PLAIN.get(dtype)
    if plain is None or len(piece) != np.dtype(plain).itemsize:
        return None
    return float(np.frombuffer(piece, dtype=plain)[0])
