"""Two files tensor by tensor, as they lie there."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lorahub.adapters.remake.compare import changed, trigger_changes
from lorahub.adapters.remake.source import Part, open_parts
from lorahub.adapters.tensors import TensorInfo


def difference(one: Path, other: Path) -> dict[str, Any]:
    """Tensors that are in one alone, that have another dtype or shape, or other numbers; and the
    metadata and trigger words that differ. Raises AdapterFileError, OSError.
    """
    first, second = _open(one), _open(other)
    try:
        before, after = _tensors(first), _tensors(second)
        shared = [name for name in before if name in after]
        unlike = {
            name: [_form(before[name][1]), _form(after[name][1])]
            for name in shared
            if _form(before[name][1]) != _form(after[name][1])
        }
        values = [
            name
            for name in shared
            if name not in unlike and _hash(*before[name]) != _hash(*after[name])
        ]
        metadata = [part[0].tensors.header.metadata for part in (first, second)]
        tensors: dict[str, Any] = {
            "removed": [name for name in before if name not in after],
            "added": [name for name in after if name not in before],
            "changed": unlike,
            "values": values,
        }
        found = {
            "tensors": tensors,
            "metadata": changed(metadata[0], metadata[1]),
            "triggers": trigger_changes(metadata[0], metadata[1]),
        }
    finally:
        for part in (*first, *second):
            part.tensors.close()
    same = not any(tensors.values()) and not found["metadata"]
    return {"same": same, **found}


def _open(path: Path) -> list[Part]:
    return open_parts(path)


def _tensors(parts: list[Part]) -> Mapping[str, tuple[Part, TensorInfo, str]]:
    several = len(parts) > 1
    return {
        f"{part.component or ''}:{name}" if several else name: (part, info, name)
        for part in parts
        for name, info in part.tensors.header.tensors.items()
    }


def _form(info: TensorInfo) -> str:
    return f"{info.dtype} {list(info.shape)}"


def _hash(part: Part, _: TensorInfo, name: str) -> bytes:
    return hashlib.sha256(part.tensors.raw(name)).digest()
