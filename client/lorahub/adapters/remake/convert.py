"""Another layout, another dtype, the same ΔW."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lorahub.adapters.remake.factors import Factors
from lorahub.adapters.remake.open import leave_out, open_source, require_names
from lorahub.adapters.remake.recast import recast
from lorahub.adapters.remake.report import Report
from lorahub.adapters.remake.run import Made, Progress, Work, run
from lorahub.adapters.remake.source import Source
from lorahub.adapters.remake.targets import Target, Unit, make_target
from lorahub.adapters.remake.words import check_layout, dtype_code

_NOT_FOLLOWED = {
    "kohya": "diffusers drops DoRA magnitudes of this layout; ComfyUI and kohya's tools use them.",
    "comfyui": "Older versions of ComfyUI ignore DoRA magnitudes of this layout.",
}


def convert(
    path: Path,
    out: Path,
    *,
    layout: str | None = None,
    dtype: str | None = None,
    family: str | None = None,
    config: Mapping[str, Any] | None = None,
    keep_alpha: bool = False,
    force: bool = False,
    prove: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Write the adapter at `path` in another layout or dtype. Nothing is lost but the rounding of
    the dtype; what cannot be said without loss is refused.

    Without `layout` every tensor keeps its name, whatever the method; so it does where an adapter
    of another method is in that layout already. `keep_alpha` writes scales into the header for
    diffusers instead of multiplying them into the factors.
    Raises AdapterFileError, OSError.
    """
    code = dtype_code(dtype) if dtype else None
    if layout is None:
        return recast(path, out, dtype=code, config=config, force=force, progress=progress)
    check_layout(layout)
    with open_source(path, family=family, config=config) as source:
        if source.layout == layout and (source.others or source.extras):
            # What other layouts have no place for has its place here.
            report = recast(path, out, dtype=code, config=config, force=force, progress=progress)
            report.notes.insert(0, f"The layout is {layout} already: every name stays.")
            return report
        scheme = require_names(source, layout)
        target = make_target(layout, scheme, keep_alpha=keep_alpha)
        work = Work(
            operation="convert",
            sources=[source],
            target=target,
            dtype=code,
            family=scheme.family,
            combine=keep,
            options={"layout": layout, "dtype": code, "keep_alpha": keep_alpha or None},
            read=scheme,
            metadata=source.metadata,
            notes=leave_out(source, layout) + remarks(source, target),
            progress=progress,
        )
        return run(work, out, force=force, prove=prove)


def keep(unit: Unit, parts: Sequence[Factors | None]) -> Made:
    """The combination that changes nothing."""
    factors = parts[0]
    if factors is None:
        raise ValueError(unit.key)
    return Made(factors)


def remarks(source: Source, target: Target) -> list[str]:
    """What an author should know about the layout and this adapter."""
    found = []
    modules = [entry.module for entry in source.entries.values()]
    if any(module.method == "dora" for module in modules) and target.layout in _NOT_FOLLOWED:
        found.append(_NOT_FOLLOWED[target.layout])
    if any("mid" in module.factors for module in modules):
        found.append("Tucker factors were multiplied into plain convolutions.")
    components = {name.component for name in source.entries}
    scheme = source.scheme
    flux = scheme is not None and scheme.family in ("flux1", "chroma")
    if flux and target.layout == "diffusers" and "text_encoder_2" in components:
        found.append("diffusers does not load the part for T5; ComfyUI does, from kohya's layout.")
    return found
