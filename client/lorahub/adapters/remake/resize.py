"""A smaller rank: the best one there is, by the singular values of each module's product."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lorahub.adapters.arrays import Array
from lorahub.adapters.remake.convert import remarks
from lorahub.adapters.remake.factors import Factors
from lorahub.adapters.remake.linear import dense_svd, thin_svd, work_dtype
from lorahub.adapters.remake.naming import Scheme
from lorahub.adapters.remake.open import leave_out, open_source, require_names
from lorahub.adapters.remake.report import Report
from lorahub.adapters.remake.run import Made, Progress, Work, run
from lorahub.adapters.remake.source import PLAIN, PRODUCTS, Source
from lorahub.adapters.remake.targets import Target, Unit, make_target, same_target
from lorahub.adapters.remake.words import check_amount, check_layout, dtype_code

_NOISY = 16
_TIE = 1e-12


def resize(
    path: Path,
    out: Path,
    *,
    rank: int | None = None,
    energy: float | None = None,
    layout: str | None = None,
    dtype: str | None = None,
    family: str | None = None,
    config: Mapping[str, Any] | None = None,
    keep_alpha: bool = False,
    force: bool = False,
    prove: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Write the adapter with at most `rank`, or with the smallest rank of each module that keeps
    the share `energy` of its squared norm; with both, `rank` is the limit.

    LoHa, LoKr, AdaLoRA and full differences become LoRA on the way. Raises AdapterFileError,
    OSError.
    """
    check_amount(rank, energy)
    code = dtype_code(dtype) if dtype else None
    with open_source(
        path, family=family, config=config, methods=PRODUCTS, keep_names=layout is None
    ) as source:
        target, scheme = choose_target(source, layout, keep_alpha=keep_alpha)
        notes = leave_out(source, target.layout) if layout or source.others else []
        notes += remarks(source, target) + _remarks(source)
        work = Work(
            operation="resize",
            sources=[source],
            target=target,
            dtype=code,
            family=scheme.family if scheme else source.parts[0].summary.family,
            combine=lambda unit, parts: shrink(_only(unit, parts), rank, energy),
            options={"rank": rank, "energy": energy, "layout": layout, "dtype": code},
            read=scheme,
            metadata=source.metadata,
            notes=notes,
            lossy=True,
            progress=progress,
        )
        report = run(work, out, force=force, prove=prove)
        report.lossy = any(each["energy"] != 1.0 for each in report.modules)
        return report


def choose_target(
    source: Source, layout: str | None, *, keep_alpha: bool
) -> tuple[Target, Scheme | None]:
    """The target of the layout, or of the file's own names; and the scheme to read it with."""
    if layout is None:
        return same_target(source), None
    check_layout(layout)
    scheme = require_names(source, layout)
    return make_target(layout, scheme, keep_alpha=keep_alpha), scheme


def _only(unit: Unit, parts: Sequence[Factors | None]) -> Factors:
    factors = parts[0]
    if factors is None:
        raise ValueError(unit.key)
    return factors


def _remarks(source: Source) -> list[str]:
    methods = {entry.module.method for entry in source.entries.values()}
    found = []
    if "dora" in methods:
        found.append("DoRA's magnitudes stay as they are, though the directions change a little.")
    if methods - PLAIN:
        found.append(f"Written as LoRA: {', '.join(sorted(methods - PLAIN))}.")
    return found


def shrink(factors: Factors, rank: int | None, energy: float | None) -> Made:
    """The factors at the rank asked for, and what they keep."""
    work = work_dtype(factors)
    up, down = (side.astype(work) for side in factors.flat)
    if min(up.shape[0], down.shape[1]) <= up.shape[1] // 2:
        matrix = up @ down
        u, sigma, vt = dense_svd(matrix, min(matrix.shape))
    else:
        u, sigma, vt = thin_svd(up, down)
    return truncate(factors, u, sigma, vt, rank=rank, energy=energy)


def truncate(
    factors: Factors, u: Array, sigma: Array, vt: Array, *, rank: int | None, energy: float | None
) -> Made:
    """Made of the first singular triples; each factor gets the root of the singular values, so
    that neither becomes too small for its dtype.
    """
    weights = sigma.astype(np.float64) * abs(factors.scale)
    # What lies below the rounding of the numbers, stored or computed, is noise and no content.
    eps = float(np.finfo(np.float64 if factors.dtype == "F64" else np.float32).eps)
    noise = eps * max(factors.rank, _NOISY)
    count = choose_rank(weights, rank, energy, noise)
    total, tail = float(np.sum(weights**2)), float(np.sum(weights[count:] ** 2))
    root = np.sqrt(weights[:count]).astype(sigma.dtype)
    sign = sigma.dtype.type(-1 if factors.scale < 0 else 1)
    made = factors.with_matrices(u[:, :count] * (root * sign), vt[:count] * root[:, None], 1.0)
    lost = float(np.sum(weights[count:][weights[count:] > weights[0] * noise] ** 2))
    return Made(
        replace(made, dtype=factors.dtype),
        tail=float(np.sqrt(tail)),
        facts={
            "rank": count,
            "rank_before": factors.rank,
            "energy": 1.0 - lost / total if total else 1.0,
            "norm": float(np.sqrt(total)),
        },
    )


def choose_rank(sigma: Array, rank: int | None, energy: float | None, noise: float) -> int:
    """The smallest rank that keeps what is asked for, at least one."""
    if sigma.size == 0 or sigma[0] == 0:
        return 1
    count = int(np.count_nonzero(sigma > sigma[0] * noise))
    if energy is not None:
        squares = sigma[:count] ** 2
        tails = np.append(np.cumsum(squares[::-1])[::-1], 0.0)
        allowed = (1 - energy) * tails[0]
        count = int(np.argmax(tails <= allowed * (1 + _TIE)))
    return max(min(count, rank or count), 1)
