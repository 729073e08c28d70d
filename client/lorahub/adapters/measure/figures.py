"""What a list of singular values says."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ENERGIES = (0.9, 0.95, 0.99)
# Below this part of the largest the Gram matrices know no more; such values count as zero.
FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class Figures:
    """`singular_values` falls; `effective_rank` is the exponential of the entropy of the values
    over their sum; `stable_rank` is ‖ΔW‖² over the square of the largest; `keeps[e]` is the
    smallest rank that keeps the part e of ‖ΔW‖². Both norms are known even where the values are
    not.
    """

    frobenius: float
    spectral: float
    effective_rank: float | None = None
    stable_rank: float | None = None
    singular_values: Floats | None = None
    keeps: dict[float, int] | None = None


def figures_of(values: Floats, scales: Sequence[float]) -> list[Figures]:
    """Figures of many modules: a row of falling values of ΔW/scale, and the scale, for each."""
    values = values * np.abs(np.asarray(scales))[:, None]
    largest = values[:, :1]
    values = np.where(values < FLOOR * largest, 0.0, values)
    # Scaled by the largest, so that squares of very small or large values neither vanish nor grow.
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(largest > 0, values / largest, 0.0)
        energy = np.cumsum(unit * unit, axis=1)
        total = energy[:, -1]
        share = unit / unit.sum(axis=1, keepdims=True)
        terms = np.where(share > 0, -share * np.log(share), 0.0)
    effective = np.exp(terms.sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = energy / total[:, None]
    # The first rank at which the part is reached; a rounding below it counts.
    keeps = [(parts < level * (1 - 1e-12)).sum(axis=1) + 1 for level in ENERGIES]
    made = []
    for index, sigma in enumerate(values):
        top = float(sigma[0]) if sigma.size else 0.0
        if not top:
            made.append(Figures(0.0, 0.0, 0.0, 0.0, sigma, dict.fromkeys(ENERGIES, 0)))
            continue
        made.append(
            Figures(
                frobenius=top * float(np.sqrt(total[index])),
                spectral=top,
                effective_rank=float(effective[index]),
                stable_rank=float(total[index]),
                singular_values=sigma,
                keeps={
                    level: int(ranks[index]) for level, ranks in zip(ENERGIES, keeps, strict=True)
                },
            )
        )
    return made


def energy_kept(values: Floats, rank: int) -> float:
    """The part of ‖ΔW‖² that the best approximation of `rank` keeps."""
    squares = values * values
    total = float(squares.sum())
    return float(squares[:rank].sum()) / total if total else 1.0
