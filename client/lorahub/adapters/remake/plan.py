"""What is to be made of an adapter, as one line that names it: the same wish, the same line.

This module needs the standard library alone until something is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.remake.words import (
    SPELLED,
    check_amount,
    check_family,
    check_layout,
    dtype_code,
)

if TYPE_CHECKING:
    from lorahub.adapters.remake.report import Report
    from lorahub.adapters.remake.run import Progress

_FIELDS = ("layout", "dtype", "rank", "energy", "family")
# Energies that differ by less make the same file.
_ENERGY_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Plan:
    """Made by make_plan. `dtype` is spelled as people do: "fp16". `family`: whose names the modules
    have, where the weights fit several; of no use without a layout.
    """

    layout: str | None = None
    dtype: str | None = None
    rank: int | None = None
    energy: float | None = None
    family: str | None = None

    @property
    def recipe(self) -> str:
        """The plan as one line: "layout=kohya dtype=fp16 rank=16"."""
        pairs = [(name, getattr(self, name)) for name in _FIELDS]
        return " ".join(f"{name}={value}" for name, value in pairs if value is not None)

    @property
    def label(self) -> str:
        """A few words for a file name: "kohya-fp16-r16"."""
        parts = [self.layout, self.dtype]
        parts.append(None if self.rank is None else f"r{self.rank}")
        parts.append(None if self.energy is None else f"e{round(self.energy * 100, 2):g}")
        return "-".join(part for part in parts if part)


def make_plan(
    *,
    layout: str | None = None,
    dtype: str | None = None,
    rank: int | None = None,
    energy: float | None = None,
    family: str | None = None,
) -> Plan:
    """Check what is wished for. Raises AdapterFileError."""
    if layout is None and dtype is None and rank is None and energy is None:
        raise AdapterFileError(
            "no_wish",
            "Nothing was asked for.",
            hint="Give a layout, a dtype, a rank or an energy.",
        )
    if layout is not None:
        check_layout(layout)
    if rank is not None or energy is not None:
        check_amount(rank, energy)
    spelled = SPELLED[dtype_code(dtype)] if dtype is not None else None
    share = None if energy is None else round(float(energy), _ENERGY_DIGITS)
    # Names that stay as they are need no family: the same wish gives the same line.
    named = family if layout is not None else None
    if named is not None:
        check_family(named)
    return Plan(layout, spelled, rank, share or energy, named)


def read_recipe(recipe: str) -> Plan:
    """The plan of a line that Plan.recipe gave. Raises AdapterFileError."""
    found: dict[str, Any] = {}
    for word in recipe.split():
        name, _, value = word.partition("=")
        if name not in _FIELDS or name in found:
            raise AdapterFileError(
                "bad_recipe", f"{word[:60]!r} is no part of a recipe.", hint="Make the plan again."
            )
        try:
            found[name] = {"rank": int, "energy": float}.get(name, str)(value)
        except ValueError:
            raise AdapterFileError(
                "bad_recipe", f"{word[:60]!r} has no number.", hint="Make the plan again."
            ) from None
    return make_plan(**found)


def make_variant(
    path: Path,
    config: Mapping[str, Any] | None,
    out_dir: Path,
    plan: Plan,
    *,
    name: str | None = None,
    family: str | None = None,
    progress: "Progress | None" = None,
) -> "tuple[list[Path], Report]":
    """Make what the plan says of the file at `path` in the empty folder `out_dir`.

    `config` is the parsed adapter_config.json that belongs to it, `name` what the made file is
    called where the layout does not say. Returns the files, the weights first, and the report.
    Raises AdapterFileError, OSError.
    """
    from lorahub.adapters.remake.convert import convert
    from lorahub.adapters.remake.open import is_peft
    from lorahub.adapters.remake.resize import resize

    folder = plan.layout == "peft" or (plan.layout is None and is_peft(path))
    out = out_dir if folder else out_dir / (name or f"{path.stem}.safetensors")
    shared: dict[str, Any] = {
        "layout": plan.layout,
        "dtype": plan.dtype,
        "config": config,
        "family": plan.family or family,
        "force": True,
        "progress": progress,
    }
    if plan.rank is None and plan.energy is None:
        report = convert(path, out, **shared)
    else:
        report = resize(path, out, rank=plan.rank, energy=plan.energy, **shared)
    files = sorted(report.files, key=lambda file: (file.suffix != ".safetensors", file))
    return files, report
