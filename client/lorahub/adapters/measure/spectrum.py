"""Singular values of ΔW from its factors, without making ΔW.

With A = right and B = left, the squares are the eigenvalues of Lᵀ·(BᵀB)·L where A·Aᵀ = L·Lᵀ: a
matrix of the size of the rank. In double precision this is right to 1e-9 for values down to
1e-3 of the largest; below 1e-6 nothing is left (see figures.FLOOR). Where the factors hide a
small product behind large numbers, the slower QR is used.
"""

import numpy as np

from lorahub.adapters.arrays import Array
from lorahub.adapters.delta import Delta
from lorahub.adapters.measure.figures import Figures, Floats, figures_of
from lorahub.adapters.products import inner
from lorahub.adapters.products import window as step_for

# A larger side would take minutes; then only both norms are told.
DENSE_SIDE = 2048
_HIDDEN = 1e6
_SHIFT = 1e-15
_ITERATIONS = 60
_MOST_PRODUCTS = 4_000_000


def measure(delta: Delta) -> Figures | None:
    """The figures of one module, None where ΔW is not known. The values must be finite."""
    if not delta.known:
        return None
    if delta.form == "thin":
        left, right = delta.factors
        most = delta.rank
        if left.shape[1] > most:
            # More rank than ΔW can have: it is smaller than its factors.
            return _dense(inner(left, right, np.float64), delta.scale)
        if most > DENSE_SIDE:
            raise ValueError(f"its rank of {most} is too large")
        values, hidden = from_grams(gram_of_columns(left)[None], gram_of_rows(right)[None])
        if hidden[0]:
            values = by_qr(left, right)[None]
        return figures_of(values[:, :most], [delta.scale])[0]
    if delta.form == "kron":
        return _kron(delta)
    return _dense(delta.matrix, delta.scale)


def gram_of_rows(array: Array) -> Floats:
    """array·arrayᵀ in double precision, a window of columns at a time."""
    height, width = array.shape
    step = step_for(height * height)
    wide = np.empty((height, min(step, width)))
    gram = np.zeros((height, height))
    for begin in range(0, width, step):
        part = array[:, begin : begin + step]
        window = wide[:, : part.shape[1]]
        np.copyto(window, part)
        gram += window @ window.T
    return gram


def gram_of_columns(array: Array) -> Floats:
    """arrayᵀ·array in double precision, a window of rows at a time."""
    height, width = array.shape
    step = step_for(width * width)
    wide = np.empty((min(step, height), width))
    gram = np.zeros((width, width))
    for begin in range(0, height, step):
        part = array[begin : begin + step]
        window = wide[: part.shape[0]]
        np.copyto(window, part)
        gram += window.T @ window
    return gram


def from_grams(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Falling singular values of the products B·A, from BᵀB and A·Aᵀ of each: (b, r, r) twice.

    Also tells which of them (a mask) lose too much this way and need `by_qr`. Where a Gram matrix
    is not finite the values are zero: look for such modules first.
    """
    eye = np.eye(left.shape[1])
    traces = np.stack([np.trace(gram, axis1=1, axis2=2) for gram in (left, right)])
    sound = np.isfinite(traces).all(axis=0) & (traces > 0).all(axis=0)
    scales = np.where(sound, traces, 1.0)
    # Both are brought to the trace 1, so that no product leaves the range of doubles.
    unit_left, unit_right = (
        np.where(sound[:, None, None], gram / scale[:, None, None], eye)
        for gram, scale in zip((left, right), scales, strict=True)
    )
    # A factor with dependent rows has no Cholesky root; so small a shift is below our floor.
    root = np.linalg.cholesky(unit_right + _SHIFT * eye)
    squares = np.linalg.eigvalsh(root.transpose(0, 2, 1) @ unit_left @ root)
    values = np.sqrt(np.maximum(squares[:, ::-1], 0.0))
    hidden = sound & (values[:, 0] ** 2 * len(eye) ** 2 * _HIDDEN < 1.0)
    return values * (np.sqrt(scales[0]) * np.sqrt(scales[1]) * sound)[:, None], hidden


def by_qr(left: Array, right: Array) -> Floats:
    """The same by QR of both factors: four times slower, right to the last digit."""
    left, right = left.astype(np.float64), right.astype(np.float64)
    upper = np.linalg.qr(left, mode="r") if left.shape[0] > left.shape[1] else left
    lower = np.linalg.qr(right.T, mode="r") if right.shape[1] > right.shape[0] else right.T
    found: Floats = np.linalg.svd(upper @ np.transpose(lower), compute_uv=False)
    return found


def _kron(delta: Delta) -> Figures:
    if any(min(factor.shape) > DENSE_SIDE for factor in delta.factors):
        norms = [_dense(factor, 1.0) for factor in delta.factors]
        return Figures(
            norms[0].frobenius * norms[1].frobenius * abs(delta.scale),
            norms[0].spectral * norms[1].spectral * abs(delta.scale),
        )
    left, right = (_values(factor) for factor in delta.factors)
    if left.size * right.size > _MOST_PRODUCTS:
        norm = float(np.linalg.norm(left) * np.linalg.norm(right)) * abs(delta.scale)
        return Figures(norm, float(left[0] * right[0]) * abs(delta.scale))
    products = np.sort(np.outer(left, right).ravel())[::-1]
    return figures_of(products[None], [delta.scale])[0]


def _dense(matrix: Array, scale: float) -> Figures:
    if min(matrix.shape) <= DENSE_SIDE:
        return figures_of(_values(matrix)[None], [scale])[0]
    squares = (np.square(row.astype(np.float64)).sum() for row in matrix)
    return Figures(float(np.sqrt(sum(squares))) * abs(scale), _largest(matrix) * abs(scale))


def _values(matrix: Array) -> Floats:
    lying = matrix.shape[0] <= matrix.shape[1]
    squares = np.linalg.eigvalsh(gram_of_rows(matrix) if lying else gram_of_columns(matrix))
    found: Floats = np.sqrt(np.maximum(squares[::-1], 0.0))
    return found


def _largest(matrix: Array) -> float:
    """σ₁ by a block power iteration from a fixed start."""
    start = np.cos(np.arange(matrix.shape[1] * 8, dtype=np.float64) ** 1.5)
    block = start.reshape(-1, 8).astype(np.float32)
    narrow = matrix.astype(np.float32, copy=False)
    for _ in range(_ITERATIONS):
        block = np.linalg.qr(narrow.T @ (narrow @ block))[0]
    return float(np.linalg.svd(narrow @ block, compute_uv=False)[0])
