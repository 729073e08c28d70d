"""The two factors of one module, and taking fused ones apart and together without loss."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lorahub.adapters.arrays import Array
from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.remake.naming.rules import Rule


@dataclass(frozen=True, slots=True)
class Factors:
    """ΔW = scale · up · down. `up` is (m, r) or (m, r, 1, 1), `down` is (r, n) or has a kernel.

    `magnitude`: DoRA's lengths of the m rows. `bias`: what is added to the bias, scale included.
    `dtype` is the container's name of what the numbers were stored in.
    """

    up: Array
    down: Array
    scale: float
    dtype: str
    magnitude: Array | None = None
    bias: Array | None = None
    embedding: bool = False

    @property
    def rank(self) -> int:
        return int(self.down.shape[0])

    @property
    def height(self) -> int:
        return int(self.up.shape[0])

    @property
    def width(self) -> int:
        return int(self.down[0].size)

    @property
    def flat(self) -> tuple[Array, Array]:
        """Both as matrices."""
        return self.up.reshape(self.height, -1), self.down.reshape(self.rank, -1)

    def with_matrices(self, up: Array, down: Array, scale: float) -> "Factors":
        """Other factors in the same place: the kernel is the old one's."""
        rank = down.shape[0]
        return replace(
            self,
            up=up.reshape(up.shape[0], rank, *self.up.shape[2:]),
            down=down.reshape(rank, *self.down.shape[1:]),
            scale=scale,
        )


def swap_halves(factors: Factors) -> Factors:
    """The upper and the lower half of ΔW's rows change places."""
    half = factors.height // 2
    return replace(
        factors,
        up=np.roll(factors.up, half, axis=0),
        magnitude=None if factors.magnitude is None else np.roll(factors.magnitude, half, axis=0),
        bias=None if factors.bias is None else np.roll(factors.bias, half, axis=0),
    )


def split(factors: Factors, sizes: Sequence[int]) -> list[Factors]:
    """A fused projection as one module for each run of rows.

    Where every part uses columns of its own, it gets these alone; else all share the down factor.
    """
    ends = np.cumsum(sizes)
    runs = [slice(int(end) - size, int(end)) for size, end in zip(sizes, ends, strict=True)]
    used = [np.any(factors.flat[0][run] != 0, axis=0) for run in runs]
    apart = len(runs) > 1 and all(u.any() for u in used) and int(np.sum(used, axis=0).max()) == 1
    made = []
    for run, columns in zip(runs, used, strict=True):
        part = replace(
            factors,
            up=factors.up[run],
            magnitude=None if factors.magnitude is None else factors.magnitude[run],
            bias=None if factors.bias is None else factors.bias[run],
        )
        if apart:
            part = replace(part, up=part.up[:, columns], down=part.down[columns])
        made.append(part)
    return made


def fuse(parts: Sequence[Factors | None], rule: Rule, name: str) -> Factors:
    """One module whose rows are those of the parts, one below the other; exact.

    Parts with the same down factor share it, else the ranks add up. A missing part is zeros.
    """
    present = [part for part in parts if part is not None]
    first = present[0]
    sizes = rule.fill([part.height if part else None for part in parts], first.width)
    if sizes is None:
        raise AdapterFileError(
            "cannot_fuse",
            f"The parts of {shown(name)} do not make a whole: the sizes do not fit.",
            hint="Keep the layout that has q, k and v apart, such as diffusers.",
            key=name,
        )
    if any((part.magnitude is None) != (first.magnitude is None) for part in present) or (
        first.magnitude is not None and len(present) < len(parts)
    ):
        raise AdapterFileError(
            "cannot_fuse",
            f"Only some parts of {shown(name)} have DoRA magnitudes.",
            hint="Keep the layout that has q, k and v apart, such as diffusers.",
            key=name,
        )
    shared = len(present) > 1 and all(_same_down(first, part) for part in present[1:])
    ranks = [part.rank if part else 0 for part in parts]
    rank = first.rank if shared else sum(ranks)
    up = np.zeros((sum(sizes), rank), np.result_type(*(part.up for part in present)))
    row = column = 0
    for part, size, own in zip(parts, sizes, ranks, strict=True):
        if part is not None:
            block = part.flat[0]
            if part.scale != first.scale:
                block = block.astype(np.float64) * (part.scale / first.scale)
            at = 0 if shared else column
            up[row : row + size, at : at + own] = block
            column += own
        row += size
    return Factors(
        up=up,
        down=first.down if shared else np.concatenate([part.flat[1] for part in present]),
        scale=first.scale,
        dtype=first.dtype,
        magnitude=_stack([part.magnitude if part else None for part in parts], sizes),
        bias=_stack([part.bias if part else None for part in parts], sizes),
    )


def _same_down(one: Factors, other: Factors) -> bool:
    return one.down is other.down or (
        one.down.shape == other.down.shape and np.array_equal(one.down, other.down)
    )


def _stack(parts: Sequence[Array | None], sizes: Sequence[int]) -> Array | None:
    known = [part for part in parts if part is not None]
    if not known:
        return None
    zero = known[0].dtype
    return np.concatenate(
        [
            np.zeros(size, zero) if part is None else part.reshape(-1)
            for part, size in zip(parts, sizes, strict=True)
        ]
    )
