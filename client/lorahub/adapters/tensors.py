"""One tensor as a header describes it, and the rules for its dtype, shape and name."""

import unicodedata
from typing import NamedTuple

from lorahub.adapters import limits
from lorahub.adapters.errors import AdapterFileError, shown

DTYPE_BITS = {
    "F64": 64,
    "F32": 32,
    "F16": 16,
    "BF16": 16,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F4": 4,
    "C64": 64,
    "I64": 64,
    "I32": 32,
    "I16": 16,
    "I8": 8,
    "U64": 64,
    "U32": 32,
    "U16": 16,
    "U8": 8,
    "BOOL": 8,
}

# What no adapter needs and many readers can't read: parts of bytes, exponents alone, complex.
_USELESS = frozenset({"F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64"})

DAMAGED = "Save the adapter again with an up-to-date safetensors library and compare the sizes."
PAIR = 2
U64 = 2**64


class TensorInfo(NamedTuple):
    """One tensor. `begin` and `end` are byte offsets from the start of the data section."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def elements(self) -> int:
        count = 1
        for size in self.shape:
            count *= size
        return count


def tensor_info(name: str, dtype: str, shape: list[int], offsets: list[int]) -> TensorInfo:
    bits = DTYPE_BITS.get(dtype)
    if bits is None or dtype in _USELESS:
        what = "unknown" if bits is None else "not for adapters"
        raise AdapterFileError(
            "bad_dtype",
            f"Tensor {shown(name)} has the dtype {shown(dtype)}, which is {what}.",
            hint="Save the weights as F16, BF16 or F32.",
            key=name,
        )
    if len(offsets) != PAIR or offsets[1] < offsets[0]:
        raise AdapterFileError(
            "bad_offsets",
            f"The data_offsets of tensor {shown(name)} are not [begin, end].",
            hint=DAMAGED,
            key=name,
        )
    for size in shape:
        if size == 0:
            raise AdapterFileError(
                "empty_tensor",
                f"Tensor {shown(name)} is empty: its shape is {shape}.",
                hint="DeepSpeed ZeRO-3 leaves such placeholders: gather the weights, then save.",
                key=name,
            )
        if size > limits.MAX_DIM:
            raise AdapterFileError(
                "bad_shape",
                f"Tensor {shown(name)} has a dimension of {size}.",
                hint=DAMAGED,
                key=name,
            )
    info = TensorInfo(dtype, tuple(shape), offsets[0], offsets[1])
    # Python integers do not overflow; the reference works in 64 bits and refuses what does.
    total_bits = info.elements * bits
    if total_bits >= U64 or total_bits != (info.end - info.begin) * 8:
        raise AdapterFileError(
            "size_mismatch",
            f"Tensor {shown(name)} is {dtype} {shape} but occupies {info.end - info.begin} bytes.",
            hint=DAMAGED,
            key=name,
        )
    return info


def check_name(name: str) -> None:
    if not name or len(name) > limits.MAX_NAME_CHARS or not _printable(name):
        raise AdapterFileError(
            "bad_name",
            f"{shown(name)} cannot be the name of a tensor: 1 to {limits.MAX_NAME_CHARS} "
            "printable characters are allowed.",
            hint=DAMAGED,
            key=name[:100],
        )


def _printable(name: str) -> bool:
    # isprintable refuses control, format (zero-width, bidirectional) and unassigned characters.
    return name.isprintable() and unicodedata.is_normalized("NFC", name)
