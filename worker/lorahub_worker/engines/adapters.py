"""An adapter's file as tensors for the layers of a model, read by our own strict reader.

No library sees the file or its configuration: names, scales and shapes are understood here.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.remake.factors import Factors
from lorahub.adapters.remake.open import find_scheme, leave_out
from lorahub.adapters.remake.source import PRODUCTS, Part, Source, make_source, open_parts
from lorahub_worker.engines.spec import AdapterFile, AdapterRefused

# What a product of factors may be wide before it is no longer what a worker should carry.
_MOST_RANK = 1024
_WRONG = frozenset({"family_conflict", "unknown_modules"})


class Change(NamedTuple):
    """ΔW = scale · up · down of one module, as torch tensors on the CPU."""

    down: Any
    up: Any
    scale: float
    magnitude: Any = None
    bias: Any = None
    embedding: bool = False


@dataclass(slots=True)
class Weights:
    """What an adapter changes: component -> path of the module -> change."""

    sha256: str
    parts: dict[str, dict[str, Change]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of the tensors as they lie here."""
        return sum(
            tensor.numel() * tensor.element_size()
            for changes in self.parts.values()
            for change in changes.values()
            for tensor in (change.down, change.up, change.magnitude, change.bias)
            if tensor is not None
        )

    def __iter__(self) -> Iterator[tuple[str, str, Change]]:
        for component, changes in self.parts.items():
            for path, change in changes.items():
                yield component, path, change


def read(file: AdapterFile, family: str) -> Weights:
    """Read the adapter as one of a base of this family. Raises AdapterRefused."""
    try:
        with _open(file, family) as source:
            leave_out(source, "the engine")
            return _weights(file.sha256, source)
    except AdapterFileError as error:
        code = "wrong_family" if error.code in _WRONG else error.code
        raise AdapterRefused(code, str(error), sha256=file.sha256) from error


def _open(file: AdapterFile, family: str) -> Source:
    # An empty configuration, so that what happens to lie beside the file is not taken for its own.
    parts = open_parts(file.path, file.config or {})
    try:
        _same_family(parts, family)
        scheme = find_scheme(parts, family)
        source = make_source(parts, scheme, methods=PRODUCTS)
    except BaseException:
        for part in parts:
            part.tensors.close()
        raise
    # Of names that the family's map lacks the base itself decides.
    return make_source(parts, None, methods=PRODUCTS) if source.unknown else source


def _same_family(parts: list[Part], family: str) -> None:
    for part in parts:
        found = part.summary.family
        sure = part.summary.family_confidence == "high"
        if found and sure and not (family.startswith(found) or found.startswith(family)):
            raise AdapterFileError(
                "family_conflict",
                f"The adapter is for {found}, and this base is {family}.",
                hint="Choose an adapter of the base's own family.",
            )


def _weights(sha256: str, source: Source) -> Weights:
    made = Weights(sha256)
    for name in source.entries:
        factors = source.load(name)
        if factors.rank > _MOST_RANK:
            raise AdapterFileError(
                "rank_too_large",
                f"{name} has rank {factors.rank}; previews go up to {_MOST_RANK}.",
                hint="Make a smaller one with `lorahub resize`.",
            )
        made.parts.setdefault(name.component, {})[name.path] = _change(factors)
    return made


def _change(factors: Factors) -> Change:
    return Change(
        _tensor(factors.down),
        _tensor(factors.up),
        float(factors.scale),
        None if factors.magnitude is None else _tensor(factors.magnitude),
        None if factors.bias is None else _tensor(factors.bias),
        factors.embedding,
    )


def _tensor(array: Any) -> Any:
    """A copy that outlives the mapped file: half precision stays so, all else becomes float32."""
    import numpy as np
    import torch

    kept = np.float16 if array.dtype == np.float16 else np.float32
    return torch.from_numpy(np.array(array, dtype=kept))


class Cache:
    """The adapters read last, as long as they fit into `limit` bytes together."""

    def __init__(self, limit: int = 2 * 1024**3) -> None:
        self._limit = limit
        self._kept: OrderedDict[tuple[str, str, str], Weights] = OrderedDict()

    def get(self, file: AdapterFile, family: str) -> Weights:
        key = (file.sha256, family, repr(sorted((file.config or {}).items(), key=str)))
        found = self._kept.pop(key, None) or read(file, family)
        self._kept[key] = found
        total = sum(weights.size for weights in self._kept.values())
        while total > self._limit and len(self._kept) > 1:
            total -= self._kept.popitem(last=False)[1].size
        return found

    def clear(self) -> None:
        self._kept.clear()
