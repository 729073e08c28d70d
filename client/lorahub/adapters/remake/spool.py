"""Writing a safetensors file whose tensors come one at a time and in any order.

Their bytes are first laid into a nameless neighbour of the target, then copied in the order of the
reference library: widest dtype first, then by name. So memory holds one tensor, and the file is the
one that the library would write. It appears under its name only when it is complete.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy.typing as npt

from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.tensors import DTYPE_BITS, TensorInfo
from lorahub.adapters.writing import encode_header

# The reference library's own order.
_ORDER = (
    "U64", "I64", "F64", "C64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16", "F8_E5M2FNUZ",
    "F8_E4M3FNUZ", "F8_E8M0", "F8_E4M3", "F8_E5M2", "I8", "U8", "F6_E3M2", "F6_E2M3", "F4", "BOOL",
)  # fmt: skip
_PLACE = {dtype: place for place, dtype in enumerate(_ORDER)}
_PIECE = 4 * 1024 * 1024


class Spool:
    """Use it in a `with`: what was not finished is removed."""

    def __init__(self, target: Path) -> None:
        self.target = target
        mark = secrets.token_hex(4)
        self._data = target.with_name(f".{target.name}.{mark}.data")
        self._part = target.with_name(f".{target.name}.{mark}.part")
        self._file = self._data.open("xb+")
        self._end = 0
        self._tensors: dict[str, TensorInfo] = {}

    def add(self, name: str, dtype: str, shape: tuple[int, ...], data: npt.NDArray[Any]) -> None:
        """One tensor; `data` is contiguous, of any type, and has the bytes to be stored."""
        if name in self._tensors:
            raise AdapterFileError(
                "name_clash",
                f"Two tensors would both be called {shown(name)}.",
                hint="The file holds one module under two spellings: remove one of them.",
                key=name,
            )
        raw = data.reshape(-1).view("u1").data
        if len(raw) * 8 != TensorInfo(dtype, shape, 0, 0).elements * DTYPE_BITS[dtype]:
            raise ValueError(f"{name}: {len(raw)} bytes for {dtype} {shape}")
        self._file.write(raw)
        self._tensors[name] = TensorInfo(dtype, shape, self._end, self._end + len(raw))
        self._end += len(raw)

    def __len__(self) -> int:
        return len(self._tensors)

    def finish(self, metadata: Callable[[str], Mapping[str, str]]) -> str:
        """Write the file and give it its name. Returns the SHA-256 of its data section.

        `metadata` is asked for the header's metadata with that hash.
        """
        order = sorted(self._tensors.items(), key=lambda item: (_PLACE[item[1].dtype], item[0]))
        digest = hashlib.sha256()
        self._file.flush()
        for _, info in order:
            self._copy(info, digest.update)
        placed: dict[str, TensorInfo] = {}
        at = 0
        for name, info in order:
            placed[name] = info._replace(begin=at, end=at + info.end - info.begin)
            at = placed[name].end
        with self._part.open("xb") as file:
            file.write(encode_header(placed, metadata(digest.hexdigest())))
            for _, info in order:
                self._copy(info, file.write)
            file.flush()
            os.fsync(file.fileno())
        self._part.replace(self.target)
        return digest.hexdigest()

    def _copy(self, info: TensorInfo, take: Callable[[bytes], object]) -> None:
        self._file.seek(info.begin)
        left = info.end - info.begin
        while left:
            piece = self._file.read(min(left, _PIECE))
            take(piece)
            left -= len(piece)

    def close(self) -> None:
        self._file.close()
        self._data.unlink(missing_ok=True)
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
