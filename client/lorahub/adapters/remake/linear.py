"""Singular values of products of thin factors, and how far apart such products are."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lorahub.adapters.arrays import Array
from lorahub.adapters.products import inner as product
from lorahub.adapters.remake.factors import Factors

# Above this a dense matrix is not decomposed whole.
_EXACT_SIDE = 512
_EXTRA, _ROUNDS = 16, 4
_CLOSE = 0.1

Term = tuple[float, Factors]


def work_dtype(factors: Factors) -> Any:
    """Double for what was stored in 32 bits or more, else float32, which has bits to spare."""
    return np.float64 if factors.dtype in ("F64", "F32") else np.float32


def thin_svd(up: Array, down: Array) -> tuple[Array, Array, Array]:
    """The singular values and vectors of up·down, never making the product."""
    left, left_core = np.linalg.qr(up)
    right, right_core = np.linalg.qr(down.T)
    u, sigma, vt = _svd(left_core @ right_core.T)
    return left @ u, sigma, vt @ right.T


def _svd(matrix: Array) -> tuple[Array, Array, Array]:
    """Raises LinAlgError for numbers that are none, on which LAPACK may never end."""
    if not np.isfinite(matrix).all():
        raise np.linalg.LinAlgError("not finite")
    u, sigma, vt = np.linalg.svd(matrix, full_matrices=False)
    return u, sigma, vt


def dense_svd(matrix: Array, rank: int) -> tuple[Array, Array, Array]:
    """The first singular triples of a matrix: exact for small ones, else by iterating a subspace
    that is larger than asked for. The start is fixed, so that the same comes out every time.
    """
    height, width = matrix.shape
    if min(height, width) <= max(_EXACT_SIDE, rank):
        u, sigma, vt = _svd(matrix)
        return u[:, :rank], sigma[:rank], vt[:rank]
    columns = min(rank + _EXTRA, height, width)
    raw = np.random.Philox(key=columns).random_raw((width * columns + 63) // 64)
    signs = np.unpackbits(raw.astype("<u8").view("u1"))[: width * columns]
    basis = matrix @ (signs.astype(matrix.dtype) * 2 - 1).reshape(width, columns)
    for _ in range(_ROUNDS):
        basis, _ = np.linalg.qr(basis)
        other, _ = np.linalg.qr(matrix.T @ basis)
        basis = matrix @ other
    left, core = np.linalg.qr(basis)
    u, sigma, vt = _svd(core)
    return (left @ u)[:, :rank], sigma[:rank], (vt @ other.T)[:rank]


def norm(factors: Factors) -> float:
    """‖ΔW‖, from the Gram matrices of both factors in double."""
    up, down = factors.flat
    square = np.sum(product(up.T, up, np.float64) * product(down, down.T, np.float64))
    return abs(factors.scale) * float(np.sqrt(max(square, 0.0)))


def inner(one: Factors, other: Factors) -> float:
    """⟨ΔW₁, ΔW₂⟩."""
    (up1, down1), (up2, down2) = one.flat, other.flat
    grams = product(up1.T, up2, np.float64) * product(down1, down2.T, np.float64)
    return one.scale * other.scale * float(np.sum(grams))


def gap(before: Sequence[Term], after: Factors) -> tuple[float, float]:
    """(‖Σ w·ΔW - ΔW'‖, ‖Σ w·ΔW‖)."""
    if len(before) == 1:
        weight, one = before[0]
        same = one.up is after.up and one.down is after.down
        if same or (_equal(one.up, after.up) and _equal(one.down, after.down)):
            size = norm(one)
            apart = abs(weight * one.scale - after.scale)
            return (size / abs(one.scale) * apart if one.scale else 0.0), abs(weight) * size
        if one.rank == after.rank:
            size = abs(weight) * norm(one)
            found = _near(weight, one, after)
            if found <= _CLOSE * size:
                return found, size
    terms = [*before, (-1.0, after)]
    return _of_sum(terms), _of_sum(before)


def _equal(one: Array, other: Array) -> bool:
    return one.shape == other.shape and np.array_equal(one, other)


def _near(weight: float, one: Factors, after: Factors) -> float:
    """The same for factors that correspond one to one: from their differences, so that nothing
    cancels.
    """
    up1, down1 = (side.astype(np.float64) for side in one.flat)
    up2, down2 = (side.astype(np.float64) for side in after.flat)
    size1, size2 = np.linalg.norm(down1), np.linalg.norm(down2)
    turn = size1 / size2 if size1 and size2 else 1.0
    down2 *= turn
    up1 *= weight * one.scale
    up2 *= after.scale / turn
    left = np.concatenate([up1 - up2, up2], axis=1)
    right = np.concatenate([down1, down1 - down2])
    grams = product(left.T, left, np.float64) * product(right, right.T, np.float64)
    return float(np.sqrt(max(np.sum(grams), 0.0)))


def _of_sum(terms: Sequence[Term]) -> float:
    left = np.concatenate([f.flat[0].astype(np.float64) * (w * f.scale) for w, f in terms], axis=1)
    right = np.concatenate([f.flat[1].astype(np.float64) for _, f in terms])
    cores = [np.asarray(np.linalg.qr(side, mode="r")) for side in (left, right.T)]
    return float(np.linalg.norm(cores[0] @ cores[1].T))
