"""The same tensors under the same names in another dtype: for every method, without its meaning."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lorahub.adapters.arrays import Tensors
from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.remake import headers
from lorahub.adapters.remake.casting import encode
from lorahub.adapters.remake.configs import as_text
from lorahub.adapters.remake.encode import Tally, check_losses
from lorahub.adapters.remake.files import PEFT_FILE
from lorahub.adapters.remake.report import Report
from lorahub.adapters.remake.run import Progress, check_free, named
from lorahub.adapters.remake.source import Part, open_parts
from lorahub.adapters.remake.spool import Spool
from lorahub.adapters.remake.words import FLOATS

_ALPHA = ".alpha"


def recast(
    path: Path,
    out: Path,
    *,
    dtype: str | None,
    config: Mapping[str, Any] | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Raises AdapterFileError, OSError. A PEFT folder comes out as a folder."""
    parts = open_parts(path, config)
    try:
        if len(parts) != 1:
            raise AdapterFileError(
                "no_single_adapter",
                f"{path} holds {len(parts)} files; only one at a time can change its dtype.",
                hint="Name one of the files.",
            )
        return _recast(parts[0], out, dtype, force=force, progress=progress)
    finally:
        for part in parts:
            part.tensors.close()


def _recast(
    part: Part, out: Path, dtype: str | None, *, force: bool, progress: Progress | None
) -> Report:
    folder = part.summary.layout == "peft"
    check_free(out, folder=folder, force=force)
    tally = Tally()
    files = []
    if folder:
        out.mkdir(exist_ok=True)
    target = out / PEFT_FILE if folder else out
    with named(target), Spool(target) as spool:
        for done, name in enumerate(part.tensors):
            _add(spool, part.tensors, name, dtype, tally)
            if progress:
                progress(done + 1, len(part.tensors))
        spool.finish(lambda sha: _metadata(part, dtype, sha))
    files.append(target)
    if folder and part.fields:
        place = out / "adapter_config.json"
        place.write_text(as_text(part.fields, indent=2) + "\n")
        files.append(place)
    summary = part.summary
    return Report(
        operation="convert",
        layout=summary.layout,
        family=summary.family,
        dtypes=sorted(tally.dtypes),
        count=summary.modules,
        files=files,
        notes=tally.notes(),
        rank=summary.rank,
        ranks=summary.ranks,
        size=sum(file.stat().st_size for file in files),
    )


def _add(spool: Spool, tensors: Tensors, name: str, dtype: str | None, tally: Tally) -> None:
    info = tensors.header.tensors[name]
    small = info.elements == 1 and name.endswith(_ALPHA)
    code = dtype if dtype and info.dtype in FLOATS and not small else info.dtype
    if code not in FLOATS or code == info.dtype:
        spool.add(name, info.dtype, info.shape, np.frombuffer(tensors.raw(name), "u1"))
        return
    data, losses = encode(tensors[name], code)
    check_losses(losses, name, code)
    if losses.underflow:
        tally.underflows[name] = losses.underflow
    tally.dtypes.add(code)
    spool.add(name, code, info.shape, data)


def _metadata(part: Part, dtype: str | None, data_sha256: str) -> dict[str, str]:
    made = headers.recipe("convert", [{"sha256": part.sha256}], {"dtype": dtype})
    return headers.kept(part.tensors.header.metadata, made, data_sha256)
