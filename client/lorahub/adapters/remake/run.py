"""The way from opened sources to files in place: module by module, proven, then shown."""

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.remake import configs, headers
from lorahub.adapters.remake.casting import encode
from lorahub.adapters.remake.encode import Tally, alpha_of, write_unit
from lorahub.adapters.remake.factors import Factors
from lorahub.adapters.remake.gather import gather, units_of
from lorahub.adapters.remake.naming import Scheme
from lorahub.adapters.remake.range import ranged
from lorahub.adapters.remake.report import Report
from lorahub.adapters.remake.source import Source
from lorahub.adapters.remake.spool import Spool
from lorahub.adapters.remake.targets import CONFIG, NOWHERE, Target, Unit

# (done, all): called after each module.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A module after the operation. `tail` is ‖ΔW wanted - ΔW made‖ as predicted, None where only
    the norm can be checked: then `norm` is what it should be.
    """

    factors: Factors
    tail: float | None = 0.0
    norm: float | None = None
    facts: Mapping[str, object] | None = None


Combine = Callable[[Unit, Sequence[Factors | None]], Made]


@dataclass(slots=True)
class Work:
    """One operation. `read` opens what was written, for the proof; `weights` belong to sources."""

    operation: str
    sources: list[Source]
    target: Target
    dtype: str | None
    family: str | None
    combine: Combine
    options: Mapping[str, Any]
    read: Scheme | None
    metadata: Mapping[str, str]
    weights: Sequence[float] = (1.0,)
    lossy: bool = False
    notes: list[str] = field(default_factory=list)
    progress: Progress | None = None
    # For the proof: the tail and the norm of each module, without its numbers.
    expected: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)


def run(work: Work, out: Path, *, force: bool = False, prove: bool = True) -> Report:
    """Make the files in a folder beside `out`, prove them, and move them into place."""
    check_free(out, folder=work.target.file is not None, force=force)
    with named(out), _staging(out) as stage:
        report = _write(work, stage)
        if prove:
            from lorahub.adapters.remake.verify import prove_work

            report.error = prove_work(work, stage)
        report.files = _place(stage, work.target, out)
        report.size = sum(path.stat().st_size for path in report.files)
    return report


def check_free(out: Path, *, folder: bool, force: bool) -> None:
    """Raises AdapterFileError where `out` must not be written."""
    if out.exists() and not force:
        raise AdapterFileError(
            "already_there", f"{out} is already there.", hint="Name another, or use --force."
        )
    if out.exists() and out.is_dir() != folder:
        kind = "a folder" if folder else "a file"
        raise AdapterFileError(
            "wrong_place",
            f"This layout is written as {kind}, and {out} is none.",
            hint="Name another place.",
        )
    if not out.parent.is_dir():
        raise AdapterFileError(
            "no_folder", f"The folder {out.parent} is not there.", hint="Make it first."
        )


@contextlib.contextmanager
def named(out: Path) -> Iterator[None]:
    """Errors of writing name the place that was asked for, not the one that is written to first."""
    try:
        yield
    except OSError as error:
        hidden = error.filename is None or f".{out.name}." in str(error.filename)
        if not hidden:
            raise
        raise type(error)(error.errno, error.strerror, str(out)) from error


@contextlib.contextmanager
def _staging(out: Path) -> Iterator[Path]:
    stage = out.with_name(f".{out.name}.{secrets.token_hex(4)}.making")
    stage.mkdir()
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _place(stage: Path, target: Target, out: Path) -> list[Path]:
    placed = []
    for path in sorted(item for item in stage.rglob("*") if item.is_file()):
        place = out if target.file is None else out / path.relative_to(stage)
        place.parent.mkdir(exist_ok=True, parents=True)
        path.replace(place)
        placed.append(place)
    return placed


def _write(work: Work, stage: Path) -> Report:
    units = units_of(work.target, work.sources)
    groups: dict[str, list[Unit]] = {}
    backbone = work.read.backbone if work.read else "model"
    for unit in units:
        inside = work.target.folders and unit.component not in (backbone, "model", "unet")
        groups.setdefault(unit.component if inside else "", []).append(unit)
    tally = Tally()
    facts: list[dict[str, object]] = []
    made_recipe = headers.recipe(work.operation, _origins(work), work.options)
    done = 0
    for folder, members in groups.items():
        place = stage / folder
        place.mkdir(exist_ok=True)
        with Spool(place / (work.target.file or "adapter.safetensors")) as spool:
            written: dict[str, list[configs.Written]] = {}
            alphas: list[float] = []
            for unit in members:
                made = _combined(work, unit)
                key = unit.key if not folder else f"{folder}:{unit.key}"
                work.expected[key] = (made.tail, made.norm)
                left = _encode(spool, work, unit, made.factors, tally)
                written.setdefault(unit.component, []).append(configs.Written.of(unit.path, left))
                alphas.append(alpha_of(left))
                if made.facts is not None:
                    facts.append({"name": unit.key, **made.facts})
                done += 1
                if work.progress:
                    work.progress(done, len(units))
            _copy_extras(spool, work, folder)
            _finish(spool, work, made_recipe, written, alphas)
        if work.target.layout == "peft":
            _write_config(place, work, [each for some in written.values() for each in some])
    return _report(work, tally, facts)


def _combined(work: Work, unit: Unit) -> Made:
    """The module as the operation makes it. Numbers that run out of range are refused by name."""
    parts = [gather(source, unit) for source in work.sources]
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            made = work.combine(unit, parts)
        sound = all(np.isfinite(side).all() for side in made.factors.flat)
    except np.linalg.LinAlgError:
        sound = False
    if not sound:
        raise AdapterFileError(
            "not_finite",
            f"{shown(unit.key)} has numbers so large that what is asked for has none.",
            hint="Take an earlier save of the training, or a smaller weight.",
            key=unit.key,
        )
    return made


def _encode(spool: Spool, work: Work, unit: Unit, factors: Factors, tally: Tally) -> Factors:
    dtype = work.dtype or factors.dtype
    free = work.target.scale != NOWHERE
    return write_unit(
        spool, work.target, unit, ranged(factors, dtype, free_scale=free), dtype, tally
    )


def _origins(work: Work) -> list[dict[str, Any]]:
    weighted = len(work.sources) > 1 or work.weights[0] != 1.0
    found = []
    for source, weight in zip(work.sources, work.weights, strict=True):
        for part in source.parts:
            entry: dict[str, Any] = {"sha256": part.sha256}
            if weighted:
                entry["weight"] = weight
            found.append(entry)
    return found


def _copy_extras(spool: Spool, work: Work, folder: str) -> None:
    """Whole tensors that come along, where the target keeps the source's names."""
    if folder or len(work.sources) > 1:
        return
    for part, key in work.sources[0].extras:
        info = part.tensors.header.tensors[key]
        data, _ = encode(part.tensors[key], info.dtype)
        spool.add(key, info.dtype, info.shape, data)


def _finish(
    spool: Spool,
    work: Work,
    made_recipe: Mapping[str, Any],
    written: Mapping[str, list[configs.Written]],
    alphas: Sequence[float],
) -> None:
    ranks = [each.rank for some in written.values() for each in some]

    def describe(data_sha256: str) -> dict[str, str]:
        found = headers.metadata(
            work.metadata,
            made_recipe,
            data_sha256,
            ranks=ranks,
            alphas=alphas,
            kohya=work.target.layout == "kohya",
        )
        asks = work.target.scale == CONFIG or any(map(configs.needs_header, written.values()))
        if work.target.layout == "diffusers" and asks:
            flat = {
                f"{component}.{name}": value
                for component, some in written.items()
                for name, value in configs.header_fields(some).items()
            }
            found["lora_adapter_metadata"] = configs.as_text(flat)
        return found

    spool.finish(describe)


def _write_config(place: Path, work: Work, written: list[configs.Written]) -> None:
    sources = [source.parts[0].config for source in work.sources]
    first = sources[0]
    targets = first.targets if first and len({c and c.targets for c in sources}) == 1 else ()
    fields = configs.peft_fields(written, first, targets)
    (place / "adapter_config.json").write_text(configs.as_text(fields, indent=2) + "\n")


def _report(work: Work, tally: Tally, facts: list[dict[str, object]]) -> Report:
    ranks = list(tally.ranks.values())
    kept = [fact["energy"] for fact in facts if "energy" in fact]
    weights = [fact["norm"] for fact in facts if "energy" in fact]
    total = sum(float(str(w)) ** 2 for w in weights)
    share = sum(float(str(e)) * float(str(w)) ** 2 for e, w in zip(kept, weights, strict=True))
    return Report(
        operation=work.operation,
        layout=work.target.layout,
        family=work.family,
        dtypes=sorted(tally.dtypes),
        count=len(ranks),
        notes=work.notes + tally.notes(),
        lossy=work.lossy,
        rank=max(set(ranks), key=ranks.count),
        ranks=(min(ranks), max(ranks)),
        energy=share / total if total else None,
        modules=facts,
    )
