"""Opening an adapter with the names of its family."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.modules import Module
from lorahub.adapters.remake.naming import Scheme, scheme_for
from lorahub.adapters.remake.naming.choice import scheme_among
from lorahub.adapters.remake.naming.schemes import language
from lorahub.adapters.remake.source import PLAIN, Part, Source, make_source, open_parts

_LISTED = 3


def open_source(
    path: Path,
    *,
    family: str | None = None,
    config: Mapping[str, Any] | None = None,
    methods: frozenset[str] = PLAIN,
    keep_names: bool = False,
) -> Source:
    """Raises AdapterFileError, OSError. With `keep_names` modules are called as the file does."""
    parts = open_parts(path, config)
    try:
        scheme = None if keep_names else find_scheme(parts, family)
        return make_source(parts, scheme, methods=methods)
    except BaseException:
        for part in parts:
            part.tensors.close()
        raise


def find_scheme(parts: list[Part], family: str | None = None) -> Scheme | None:
    """The names of the family that the file is of, or that the caller says it is of."""
    candidates = _candidates(parts)
    if family is not None:
        if candidates and not any(_related(family, one) for one in candidates):
            raise AdapterFileError(
                "family_conflict",
                f"The weights are those of {' or '.join(candidates)}, not of {family[:40]}.",
                hint="Leave the family out, or name the right one.",
            )
        scheme = scheme_for(family)
        if scheme is None and family in candidates:
            return language(family)
        return scheme
    is_language = all(part.summary.layout == "peft" for part in parts)
    return scheme_among(candidates, is_language=is_language)


def is_peft(path: Path) -> bool:
    """Whether an adapter is one of PEFT with its configuration, which comes out as a folder."""
    parts = open_parts(path)
    for part in parts:
        part.tensors.close()
    return parts[0].summary.layout == "peft"


def _candidates(parts: list[Part]) -> list[str]:
    """What every part can be of; the families of text encoders alone are many."""
    common: list[str] | None = None
    for part in parts:
        found = [part.summary.family] if _sure(part) else part.summary.family_candidates
        names = [name for name in found if name]
        if not names or (len(parts) > 1 and part.component and "text" in part.component):
            continue
        common = names if common is None else [name for name in common if name in names]
    return common or []


def _sure(part: Part) -> bool:
    return part.summary.family is not None and part.summary.family_confidence in ("high", "medium")


def _related(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def require_names(source: Source, layout: str) -> Scheme:
    """The scheme, or the reason why the adapter cannot get another layout."""
    scheme = source.scheme
    if scheme is None:
        family = source.parts[0].summary.family or "this model"
        raise AdapterFileError(
            "no_map",
            f"There is no map between the names of {family} in {source.layout} and in {layout}.",
            hint="The dtype and the rank can be changed without another layout.",
        )
    if source.unknown:
        names = ", ".join(shown(module.name, 80) for module in source.unknown[:_LISTED])
        more = len(source.unknown) - _LISTED
        raise AdapterFileError(
            "unknown_modules",
            f"{scheme.family} has no modules called {names}"
            + (f" (and {more} more)." if more > 0 else "."),
            hint="Name the right family with --family, or keep the layout.",
            key=source.unknown[0].name,
        )
    return scheme


def leave_out(source: Source, layout: str) -> list[str]:
    """Notes about what has no place in the layout and does nothing. Raises for what does."""
    empty = []
    for part, module in source.others:
        if not _all_zero(part, module):
            raise AdapterFileError(
                "not_factors",
                f"{shown(module.name)} is {module.method}, which {layout} cannot say without loss.",
                hint="`lorahub resize --rank N` makes a LoRA that comes near, and says how near."
                if module.method in ("loha", "lokr", "adalora", "full")
                else "Keep the layout; the dtype can still be changed.",
                key=module.name,
            )
        empty.append(module.name)
    if source.extras:
        key = source.extras[0][1]
        raise AdapterFileError(
            "extra_tensors",
            f"{shown(key)} is a whole tensor, for which {layout} has no place.",
            hint="Keep the layout; the dtype and the rank can still be changed.",
            key=key,
        )
    if not source.entries:
        raise AdapterFileError(
            "not_factors", "There are no two-factor modules in this file.", hint="Keep the layout."
        )
    return [f"{len(empty)} modules that are all zeros were left out."] if empty else []


def _all_zero(part: Part, module: Module) -> bool:
    """Whether a difference, or one of the factors, is zeros throughout: it changes nothing."""
    roles = {"diff", "bias", "down", "up"} & module.factors.keys()
    if module.method not in ("full", "norm", "lora") or not roles:
        return False
    zero = [not np.any(part.tensors[module.factors[role]]) for role in sorted(roles)]
    return all(zero)
