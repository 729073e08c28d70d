"""The ways of adding up ΔW of several adapters, one module at a time.

All work on ΔW and never on the factors: a sum of factors has cross terms and changes with the way
in which each ΔW happens to be factored.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lorahub.adapters.arrays import Array
from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.remake.casting import PRECISION
from lorahub.adapters.remake.factors import Factors
from lorahub.adapters.remake.linear import Term, dense_svd, norm, thin_svd, work_dtype
from lorahub.adapters.remake.resize import truncate
from lorahub.adapters.remake.run import Made
from lorahub.adapters.remake.targets import Unit

METHODS = ("concat", "linear", "ties", "dare", "dare_ties")


@dataclass(frozen=True, slots=True)
class Mix:
    """`rank` and `energy` limit what comes out. `density`: the share of numbers that TIES and DARE
    keep. `seed` decides what DARE drops.
    """

    method: str
    weights: tuple[float, ...]
    rank: int | None = None
    energy: float | None = None
    density: float = 0.5
    seed: int = 0

    def __call__(self, unit: Unit, parts: Sequence[Factors | None]) -> Made:
        present = [(weight, part) for weight, part in zip(self.weights, parts, strict=True) if part]
        _check(unit, [part for _, part in present])
        if self.method in ("concat", "linear"):
            return self._sum(present)
        return self._dense(unit, parts)

    def _sum(self, terms: Sequence[Term]) -> Made:
        joined = concatenate(terms)
        if self.rank is None and self.energy is None:
            return Made(joined)
        work = work_dtype(joined)
        up, down = (side.astype(work) for side in joined.flat)
        made = truncate(joined, *thin_svd(up, down), rank=self.rank, energy=self.energy)
        return replace(made, factors=replace(made.factors, bias=joined.bias))

    def _dense(self, unit: Unit, parts: Sequence[Factors | None]) -> Made:
        present = [
            (index, weight, part)
            for index, (weight, part) in enumerate(zip(self.weights, parts, strict=True))
            if part
        ]
        shape = max((part for _, _, part in present), key=lambda part: part.rank)
        matrices = []
        for index, _, part in present:
            up, down = (side.astype(np.float32) for side in part.flat)
            matrix = up @ down
            matrix *= np.float32(part.scale)
            matrices.append(self._thinned(matrix, f"{self.seed}|{index}|{unit.key}"))
        merged = self._elected(matrices, [weight for _, weight, _ in present])
        rank = self.rank or shape.rank
        total = float(np.sum(merged.astype(np.float64) ** 2))
        made = truncate(
            replace(shape, scale=1.0, bias=_bias([(w, p) for _, w, p in present])),
            *dense_svd(merged, min(rank, *merged.shape)),
            rank=rank,
            energy=None,
        )
        kept = norm(made.factors)
        facts = {
            **(made.facts or {}),
            "energy": min(kept**2 / total, 1.0) if total else 1.0,
            "norm": float(np.sqrt(total)),
        }
        return Made(made.factors, tail=None, norm=kept, facts=facts)

    def _thinned(self, matrix: Array, name: str) -> Array:
        if self.method == "ties":
            return keep_largest(matrix, self.density)
        return drop(matrix, self.density, name)

    def _elected(self, matrices: list[Array], weights: Sequence[float]) -> Array:
        if self.method == "dare":
            total = np.zeros_like(matrices[0])
            for weight, matrix in zip(weights, matrices, strict=True):
                total += np.float32(weight) * matrix
            return total
        return elect(matrices, weights)


def concatenate(terms: Sequence[Term]) -> Factors:
    """Σ w·ΔW, exact: the factors side by side, so that the ranks add up."""
    strengths = [weight * factors.scale for weight, factors in terms]
    scale = max((abs(strength) for strength in strengths), default=1.0) or 1.0
    wide = np.result_type(np.float32, *(factors.up for _, factors in terms))
    ups, downs = [], []
    for strength, (_, factors) in zip(strengths, terms, strict=True):
        up, down = factors.flat
        part = strength / scale
        ups.append(up if part == 1.0 else up.astype(wide) * wide.type(part))
        downs.append(down)
    first = terms[0][1]
    dtype = min((factors.dtype for _, factors in terms), key=lambda name: PRECISION[name])
    made = first.with_matrices(np.concatenate(ups, axis=1), np.concatenate(downs), scale)
    return replace(made, dtype=dtype, bias=_bias(terms))


def keep_largest(matrix: Array, density: float) -> Array:
    """Without the smaller numbers: the share `density` of them stays."""
    count = int(density * matrix.size)
    if count >= matrix.size:
        return matrix
    if count == 0:
        return np.zeros_like(matrix)
    sizes = np.abs(matrix).reshape(-1)
    edge = np.partition(sizes, matrix.size - count)[matrix.size - count]
    matrix[np.abs(matrix) < edge] = 0
    return matrix


def drop(matrix: Array, density: float, name: str) -> Array:
    """Each number stays with the probability `density`, grown so that the sum is the same on
    average. The name alone decides which.
    """
    digest = hashlib.sha256(name.encode()).digest()
    bits = np.random.Philox(key=int.from_bytes(digest[:16], "little"))
    edge = np.uint64(min(int(density * 2.0**64), 2**64 - 1))
    step = max(1, 2**20 // matrix.shape[1])
    for row in range(0, matrix.shape[0], step):
        part = matrix[row : row + step]
        part[bits.random_raw(part.size).reshape(part.shape) > edge] = 0
    matrix /= np.float32(density)
    return matrix


def elect(matrices: list[Array], weights: Sequence[float]) -> Array:
    """TIES: where the adapters disagree about the sign, those with the smaller sum do not count;
    the others' weighted numbers are averaged.
    """
    total = np.zeros_like(matrices[0])
    for matrix in matrices:
        total += matrix
    sign = np.where(total >= 0, np.float32(1), np.float32(-1))
    merged = np.zeros_like(total)
    votes = np.zeros(total.shape, np.float32)
    for weight, matrix in zip(weights, matrices, strict=True):
        agrees = (np.sign(matrix) == sign).astype(np.float32)
        merged += np.float32(weight) * matrix * agrees
        votes += agrees
    merged /= np.maximum(votes, 1)
    return merged


def _bias(terms: Sequence[Term]) -> Array | None:
    known = [weight * f.bias.astype(np.float64) for weight, f in terms if f.bias is not None]
    return sum(known[1:], known[0]) if known else None


def _check(unit: Unit, parts: Sequence[Factors]) -> None:
    first = parts[0]
    for part in parts:
        if part.magnitude is not None:
            raise AdapterFileError(
                "dora_not_mergeable",
                f"{shown(unit.key)} is a DoRA, whose effect depends on the base model.",
                hint="Merge the models themselves, or use LoRA without DoRA.",
                key=unit.key,
            )
        if (part.height, part.down.shape[1:]) != (first.height, first.down.shape[1:]):
            if (part.height, part.width) == (first.height, first.width):
                continue
            raise AdapterFileError(
                "shapes_differ",
                f"{shown(unit.key)} is {first.height} x {first.width} in one adapter and "
                f"{part.height} x {part.width} in another.",
                hint="Only adapters of the same base model can be merged.",
                key=unit.key,
            )
