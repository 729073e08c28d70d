"""Several adapters as one, with weights."""

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.remake import headers
from lorahub.adapters.remake.combine import METHODS, Mix
from lorahub.adapters.remake.naming import Scheme
from lorahub.adapters.remake.open import open_source
from lorahub.adapters.remake.report import Report
from lorahub.adapters.remake.resize import choose_target
from lorahub.adapters.remake.run import Progress, Work, run
from lorahub.adapters.remake.source import PRODUCTS, Source
from lorahub.adapters.remake.words import LAYOUTS, check_amount, dtype_code

_MOST = 16
# Far beyond any use; larger ones leave the range of the numbers that weights are stored in.
_MOST_WEIGHT = 1e6
_DENSE = frozenset({"ties", "dare", "dare_ties"})


@dataclass(frozen=True, slots=True)
class Ingredient:
    path: Path
    weight: float = 1.0


def merge(
    ingredients: Sequence[Ingredient],
    out: Path,
    *,
    method: str = "concat",
    rank: int | None = None,
    energy: float | None = None,
    density: float = 0.5,
    seed: int = 0,
    layout: str | None = None,
    dtype: str | None = None,
    family: str | None = None,
    force: bool = False,
    prove: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Write the weighted sum of several adapters of one family.

    "concat" is exact and adds up the ranks. "linear" is the same sum, cut to `rank` or `energy`.
    "ties" and "dare" thin ΔW out first and always end with a cut to `rank`, the largest of the
    inputs if none is given. Raises AdapterFileError, OSError.
    """
    _check(ingredients, method, rank, energy, density)
    code = dtype_code(dtype) if dtype else None
    weights = tuple(each.weight for each in ingredients)
    mix = Mix(method, weights, rank, energy, density, seed)
    with contextlib.ExitStack() as stack:
        sources = [
            stack.enter_context(open_source(each.path, family=family, methods=PRODUCTS))
            for each in ingredients
        ]
        scheme = _common_scheme(sources)
        layout = layout or _usual(sources[0], scheme)
        if scheme is None:
            sources = [
                stack.enter_context(open_source(each.path, methods=PRODUCTS, keep_names=True))
                for each in ingredients
            ]
        target, scheme = choose_target(sources[0], layout if scheme else None, keep_alpha=False)
        for source in sources:
            _only_factors(source)
        work = Work(
            operation="merge",
            sources=sources,
            target=target,
            dtype=code,
            family=scheme.family if scheme else sources[0].parts[0].summary.family,
            combine=mix,
            options=_options(mix, layout, code),
            read=scheme,
            metadata=headers.merged(
                [source.metadata for source in sources],
                [source.parts[0].path.stem for source in sources],
            ),
            weights=weights,
            lossy=method != "concat" or rank is not None or energy is not None,
            progress=progress,
        )
        return run(work, out, force=force, prove=prove)


def _options(mix: Mix, layout: str | None, dtype: str | None) -> dict[str, object]:
    return {
        "method": mix.method,
        "rank": mix.rank,
        "energy": mix.energy,
        "density": mix.density if mix.method in _DENSE else None,
        "seed": mix.seed if mix.method.startswith("dare") else None,
        "layout": layout,
        "dtype": dtype,
    }


def _check(
    ingredients: Sequence[Ingredient],
    method: str,
    rank: int | None,
    energy: float | None,
    density: float,
) -> None:
    if not 1 <= len(ingredients) <= _MOST:
        raise AdapterFileError(
            "bad_count",
            f"From 1 to {_MOST} adapters can be merged at once.",
            hint="Merge in turns.",
        )
    if method not in METHODS:
        raise AdapterFileError(
            "unknown_method",
            f"{method[:40]!r} is no way of merging.",
            hint=f"Take {', '.join(METHODS)}.",
        )
    for each in ingredients:
        if not math.isfinite(each.weight) or abs(each.weight) > _MOST_WEIGHT:
            raise AdapterFileError(
                "bad_weight",
                f"The weight {each.weight} is no number between -1000000 and 1000000.",
                hint="Write 0.5.",
            )
    if rank is not None or energy is not None:
        check_amount(rank, energy)
    if method == "linear" and rank is None and energy is None:
        raise AdapterFileError(
            "no_amount", "A linear merge ends with a cut.", hint="Give a rank, or take concat."
        )
    if method in _DENSE and energy is not None:
        raise AdapterFileError(
            "bad_energy",
            f"What {method} makes has no thin form to cut by energy.",
            hint="Give a rank.",
        )
    if method in _DENSE and not 0 < density <= 1:
        raise AdapterFileError(
            "bad_density", f"The density {density} is no share between 0 and 1.", hint="Write 0.5."
        )


def _common_scheme(sources: Sequence[Source]) -> Scheme | None:
    first = sources[0].scheme
    for source in sources[1:]:
        other = source.scheme
        same = (first is None) == (other is None)
        if first is not None and other is not None:
            same = first.names is other.names and (
                first.names is not None or _alike(sources[0], source)
            )
        if not same:
            families = [s.parts[0].summary.family or "unknown" for s in (sources[0], source)]
            raise AdapterFileError(
                "families_differ",
                f"These are adapters of different models: {families[0]} and {families[1]}.",
                hint="Only adapters of one family can be merged.",
            )
    for source in sources:
        if source.scheme is not None and source.unknown:
            return None
    return first


def _alike(one: Source, other: Source) -> bool:
    """Language models have no vocabulary; they match where the same names have the same sizes."""
    shared = one.entries.keys() & other.entries.keys()
    return bool(shared) and all(
        one.entries[name].module.shape == other.entries[name].module.shape for name in shared
    )


def _usual(source: Source, scheme: Scheme | None) -> str | None:
    if scheme is None:
        return None
    if source.layout in LAYOUTS:
        return source.layout
    return "peft" if scheme.names is None else "diffusers"


def _only_factors(source: Source) -> None:
    for part, module in source.others:
        raise AdapterFileError(
            "not_factors",
            f"{module.name[:120]!r} in {part.path.name} is {module.method}: no sum of it exists.",
            hint="Leave that adapter out.",
            key=module.name,
        )
    for part, key in source.extras:
        raise AdapterFileError(
            "extra_tensors",
            f"{key[:120]!r} in {part.path.name} is a whole tensor, which cannot be added up.",
            hint="Leave that adapter out.",
            key=key,
        )
