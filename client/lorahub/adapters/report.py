"""Everything about an adapter file in one JSON-able object: what `lorahub inspect --json` prints
and the hub's API returns. Its keys are described in inspection.schema.json.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lorahub.adapters import limits
from lorahub.adapters.arrays import Tensors, open_tensors
from lorahub.adapters.config import beside
from lorahub.adapters.declared import differing, other_method
from lorahub.adapters.description import describe
from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.hashes import FileHashes
from lorahub.adapters.measure.bases import base_parameters
from lorahub.adapters.measure.health import SOUND, overflows, states_of, verdicts_of
from lorahub.adapters.measure.places import Place, place_of
from lorahub.adapters.measure.run import Measured, measure_modules
from lorahub.adapters.measure.totals import Total, by_place, smaller_ranks, total_of
from lorahub.adapters.modules import read_modules
from lorahub.adapters.remake.files import find_files
from lorahub.adapters.report_header import checked, header_report
from lorahub.adapters.report_warnings import Warned, refused_config, warnings_of
from lorahub.adapters.sameness import content_hashes
from lorahub.adapters.sketch import sketch_of
from lorahub.adapters.summary import Summary, summarise

_CHUNK = 4 * 1024 * 1024
_MOST_VALUES = 512

Progress = Callable[[int, int], None]


def inspect_file(
    path: str | os.PathLike[str],
    config: Mapping[str, object] | None = None,
    *,
    hashes: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Read, hash and measure a file on this machine. Raises AdapterFileError, OSError.

    `path` may be a folder with one adapter, such as PEFT writes; then the adapter_config.json in it
    is read. Of a file nothing beside it is looked at: give the fields of its configuration as
    `config`. `hashes`: those of FileHashes and `data_sha256`, if they are known already; else the
    file is hashed beside the measuring. `progress(done, total)` is told bytes; what it raises ends
    the work.
    """
    if Path(path).is_dir():
        return _inspect_folder(Path(path), config, hashes=hashes, progress=progress)
    with open_tensors(path) as tensors, ThreadPoolExecutor(1, "hashes") as pool:
        start = tensors.header.data_start
        hashing = None if hashes else pool.submit(hash_file, path, start)
        content = pool.submit(content_hashes, tensors)
        try:
            summary = summarise(tensors.header, config)
            modules = read_modules(tensors.header, checked(config)[0])
            measured = measure_modules(modules, tensors, progress=progress)
            norms = {each.module.name: each.figures.frobenius for each in measured if each.figures}
            sketch = sketch_of(modules, tensors, summary.family, norms)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        known = dict(hashes or {}) if hashing is None else hashing.result()
        report = report_of(summary, measured, tensors, config=config, hashes=known)
        report["content"] = asdict(content.result())
        report["sketch"] = sketch.to_text() if sketch else None
        return report


def _inspect_folder(
    folder: Path,
    config: Mapping[str, object] | None,
    *,
    hashes: Mapping[str, str] | None,
    progress: Progress | None,
) -> dict[str, Any]:
    parts = find_files(folder)
    if len(parts) > 1:
        raise AdapterFileError(
            "no_single_adapter",
            f"{folder.name or folder} holds {len(parts)} adapter files.",
            hint="Name the file that is meant.",
        )
    file, refused = parts[0][0], None
    if config is None:
        config, refused = beside(file)
    report = inspect_file(file, config, hashes=hashes, progress=progress)
    if refused:
        report["warnings"].insert(0, refused_config(refused))
    return report


def hash_file(path: str | os.PathLike[str], data_start: int) -> dict[str, str]:
    """The hashes of a file and `data_sha256`, the hash of what follows its header."""
    hashes = FileHashes()
    with Path(path).open("rb") as file:
        hashes.feed(memoryview(file.read(data_start)))
        hashes.start_data(b"")
        while chunk := file.read(_CHUNK):
            hashes.feed(memoryview(chunk))
    return {**hashes.finish(), "data_sha256": hashes.data_sha256}


def report_of(
    summary: Summary,
    measured: Sequence[Measured],
    tensors: Tensors,
    *,
    config: Mapping[str, object] | None = None,
    hashes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The object, from what was read and measured; `content` and `sketch` are left out."""
    header = tensors.header
    states = states_of(measured)
    places = [place_of(each.module) for each in measured]
    known, (settings, refused) = hashes or {}, checked(config)
    warned = Warned(
        summary=summary,
        description=describe(header.metadata, settings, data_sha256=known.get("data_sha256")),
        differs=differing(
            header.metadata,
            summary,
            settings,
            {rank for each in measured if (rank := each.module.rank)},
            {each.alpha for each in measured if each.alpha and np.isfinite(each.alpha)},
        ),
        other_method=other_method(summary, settings),
        refused=refused,
        verdicts=verdicts_of(measured, states),
        overflowing=overflows(measured),
        unknown_scales=[each.module.name for each in measured if _scale_is_unknown(each)],
    )
    return {
        **header_report(header, summary, config, known),
        "measured": True,
        "alpha": _usual_alpha(measured, summary),
        "warnings": warnings_of(warned),
        **_measures(summary, measured, places, states),
    }


def _usual_alpha(measured: Sequence[Measured], summary: Summary) -> float | int | None:
    """The alpha that most modules have; the stored numbers win over declared ones."""
    alphas = Counter(each.alpha for each in measured if each.alpha is not None)
    return plain(alphas.most_common(1)[0][0]) if alphas else summary.alpha


def _scale_is_unknown(each: Measured) -> bool:
    return each.scale is None and each.figures is not None


def _measures(
    summary: Summary,
    measured: Sequence[Measured],
    places: Sequence[Place],
    states: Sequence[str],
) -> dict[str, Any]:
    blocks, parts, components = by_place(measured, places)
    ranks, levels = smaller_ranks(measured)
    whole = total_of(measured)
    counts = Counter(states)
    return {
        "strength": _total(whole),
        "health": {
            "sound": counts.keys() <= {SOUND, "unmeasured"},
            "counts": {state: count for state, count in counts.items() if state != SOUND},
            "modules": {verdict.state: verdict.names for verdict in verdicts_of(measured, states)},
        },
        "by_component": [
            {
                "name": name,
                **_total(total),
                "base_parameters": base_parameters(summary.family, name),
            }
            for name, total in components.items()
        ],
        "by_part": [{"name": name, **_total(total)} for name, total in parts.items()],
        "blocks": [
            {
                "name": place.block,
                "component": place.component,
                "group": place.group,
                **_total(total),
            }
            for place, total in blocks.items()
        ],
        "smaller": {
            "ranks": [
                {**asdict(each), "energy": plain(each.energy), "worst": plain(each.worst)}
                for each in ranks
            ],
            "energies": [{**asdict(each), "mean_rank": plain(each.mean_rank)} for each in levels],
        },
        "modules": [
            _module(each, place, state)
            for each, place, state in zip(measured, places, states, strict=True)
        ],
    }


def _total(total: Total) -> dict[str, Any]:
    return {
        "modules": total.modules,
        "parameters": total.parameters,
        "covered": total.covered,
        "frobenius": plain(total.frobenius),
        "rms": plain(total.rms),
        "spectral": plain(total.largest),
        "effective_rank": plain(total.effective_rank),
    }


def _module(each: Measured, place: Place, state: str) -> dict[str, Any]:
    module, figures = each.module, each.figures
    values = figures.singular_values if figures else None
    return {
        "name": module.name,
        "component": module.component,
        "block": place.block,
        "part": place.part,
        "kind": module.kind,
        "method": module.method,
        "rank": module.rank,
        "alpha": plain(each.alpha),
        "scale": plain(each.scale),
        "shape": list(module.shape) if module.shape else None,
        "dtypes": list(each.dtypes),
        "parameters": each.parameters,
        "bytes": each.bytes,
        "state": state,
        "note": each.note,
        "nan": each.nan,
        "inf": each.inf,
        "frobenius": plain(figures.frobenius) if figures else None,
        "spectral": plain(figures.spectral) if figures else None,
        "effective_rank": plain(figures.effective_rank) if figures else None,
        "stable_rank": plain(figures.stable_rank) if figures else None,
        "keeps": {f"{level:g}": rank for level, rank in figures.keeps.items()}
        if figures and figures.keeps
        else None,
        "singular_values": [] if values is None else rounded(values[:_MOST_VALUES]),
    }


def plain(value: float | None) -> float | int | None:
    """A finite number of six digits for JSON; None for what is none."""
    if value is None or not np.isfinite(value):
        return None
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() and abs(short) < limits.MAX_ALPHA else short


def rounded(values: Any) -> list[float]:
    return [float(f"{value:.6g}") for value in values.tolist()]
