"""The numbers of an adapter file as NumPy arrays, read from the mapped file on demand.

F16, F32, F64 and the integers are views of the file. BF16 and the 8-bit floats, which NumPy does
not know, are widened to float32 by their bits; nothing is rounded.
"""

import mmap
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lorahub.adapters.container import Header, parse_header, read_header
from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.tensors import TensorInfo

Array = npt.NDArray[Any]
Array32 = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]

_NATIVE = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?", "C64": "<c8",
}  # fmt: skip
# (bits of the exponent, bits of the mantissa, bias, whether the largest exponent is infinity)
_SMALL = {"F8_E4M3": (4, 3, 7, False), "F8_E5M2": (5, 2, 15, True)}
_LAST_CODE = 0x7F


class Tensors(Mapping[str, Array]):
    """The tensors of a file by name, in the order of the data. Close it, or use it in a `with`.

    `tensors[name]` has the stored dtype where NumPy knows it, else float32; read-only views of the
    file where possible, so they must not be used after `close`. A copy (`f32(..., copy=True)`) may.
    """

    def __init__(self, header: Header, data: memoryview, mapped: mmap.mmap | None = None) -> None:
        self.header = header
        self._data = data
        self._mapped = mapped

    def __getitem__(self, name: str) -> Array:
        info = self.header.tensors[name]
        return decode(self.raw(name), info)

    def __iter__(self) -> Iterator[str]:
        return iter(self.header.tensors)

    def __len__(self) -> int:
        return len(self.header.tensors)

    def raw(self, name: str) -> memoryview:
        """The stored bytes of a tensor."""
        info = self.header.tensors[name]
        start = self.header.data_start
        return self._data[start + info.begin : start + info.end]

    def f32(self, name: str, *, copy: bool = False) -> Array32:
        """The tensor in float32 (F64 is rounded); a view of the file if it is stored so."""
        return self[name].astype(np.float32, copy=copy)

    def f64(self, name: str) -> Array64:
        return self[name].astype(np.float64)

    def scalar(self, name: str) -> float:
        """The one number of a tensor such as alpha."""
        found = self[name]
        if found.size != 1:
            raise AdapterFileError(
                "bad_alpha", f"{name} should hold one number, it has {found.size}.", key=name
            )
        return float(found.reshape(-1)[0])

    def close(self) -> None:
        """Let go of the file. Arrays that are still around keep it mapped until they go too."""
        mapped, self._mapped = self._mapped, None
        try:
            self._data.release()
            if mapped is not None:
                mapped.close()
        except BufferError:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_tensors(path: str | os.PathLike[str]) -> Tensors:
    """Open a safetensors file. Raises AdapterFileError for what is none, OSError."""
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        header = read_header(file, size)
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return Tensors(header, memoryview(mapped), mapped)


def load_tensors(content: bytes | bytearray | memoryview) -> Tensors:
    """The same for a file that is in memory."""
    data = memoryview(content)
    return Tensors(parse_header(bytes(data), len(data)), data)


def decode(data: memoryview, info: TensorInfo) -> Array:
    """The array of stored bytes: a view if NumPy knows the dtype, else float32."""
    native = _NATIVE.get(info.dtype)
    if native is not None:
        return np.frombuffer(data, dtype=native).reshape(info.shape)
    if info.dtype == "BF16":
        wide = np.frombuffer(data, dtype="<u2").astype("<u4")
        wide <<= 16
        floats: Array = wide.view("<f4").reshape(info.shape)
        return floats
    if info.dtype in _SMALL:
        small: Array = _table(info.dtype)[np.frombuffer(data, dtype="u1")].reshape(info.shape)
        return small
    raise AdapterFileError(
        "unsupported_dtype",
        f"Numbers of the type {info.dtype} can't be read.",
        hint="Save the weights as F16, BF16 or F32.",
    )


@lru_cache
def _table(dtype: str) -> Array32:
    """The value of each of the 256 codes of an 8-bit float."""
    _, mantissa_bits, bias, has_infinity = _SMALL[dtype]
    codes = np.arange(256)
    mantissa = codes & ((1 << mantissa_bits) - 1)
    exponent = (codes & _LAST_CODE) >> mantissa_bits
    largest = _LAST_CODE >> mantissa_bits
    part = mantissa / (1 << mantissa_bits)
    size = np.where(exponent > 0, 1 + part, part) * 2.0 ** (np.maximum(exponent, 1) - bias)
    if has_infinity:
        size[exponent == largest] = np.where(mantissa == 0, np.inf, np.nan)[exponent == largest]
    else:
        size[[_LAST_CODE, -1]] = np.nan
    signed: Array32 = np.where(codes > _LAST_CODE, -size, size).astype(np.float32)
    return signed
