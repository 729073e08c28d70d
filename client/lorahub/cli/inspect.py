"""`lorahub inspect`: what an adapter file on this machine is."""

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lorahub.adapters import AdapterFileError, is_weight_name, read_header, summarise
from lorahub.adapters.config import beside
from lorahub.adapters.report_header import header_report
from lorahub.adapters.report_warnings import refused_config
from lorahub.cli.common import Parser, add_output, print_json, reporter
from lorahub.cli.page import Ink, page
from lorahub.errors import FileMissing, LorahubError, VerificationFailed
from lorahub.progress import Reporter

_INSTALL = "pip install 'lorahub[adapters]'"


def run(words: Sequence[str]) -> int:
    parser = Parser(
        "inspect",
        "Read an adapter file on this machine, or all in a folder, and say what it is: family,\n"
        "strength by block, what a smaller rank would keep, what is wrong with it, which programs\n"
        "load it. Nothing is sent anywhere. Reading the weights needs numpy\n"
        f"({_INSTALL}); without it the header alone is read.",
    )
    parser.add_argument("path", metavar="FILE|FOLDER")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--header", action="store_true", help="read the header alone; at once")
    how.add_argument("--full", action="store_true", help="fail if the weights can't be read")
    add_output(parser)
    options = parser.parse(words)
    told = reporter(options)
    whole = not options.header and _can_measure(told, needed=options.full)
    folder = Path(options.path).is_dir()
    found = [_inspect(path, told, whole=whole) for path in _files(Path(options.path))]
    if options.json:
        print_json(found if folder else found[0])
        return 0
    ink = Ink()
    print("\n\n\n".join(page(report, ink) for report in found))
    return 0


def _can_measure(told: Reporter, *, needed: bool) -> bool:
    lacking = [name for name in ("numpy", "blake3") if not _importable(name)]
    if lacking and needed:
        raise LorahubError(f"Reading the weights needs {lacking[0]}. Run: {_INSTALL}")
    if lacking:
        told.note(f"Only the header is read: {lacking[0]} is missing. Run: {_INSTALL}")
    return not lacking


def _importable(name: str) -> bool:
    # Many small products: the threads of BLAS would wait for each other more than they compute.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if name not in sys.modules and importlib.util.find_spec(name) is None:
        return False
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        hint = ""
        if str(path).count("/") == 1:
            hint = f" `lorahub info {path}` shows a repository of the hub."
        raise FileMissing(f"{path} is not there.{hint}")
    found = sorted(item for item in path.rglob("*") if is_weight_name(item.name) and item.is_file())
    if not found:
        raise FileMissing(f"{path} holds no adapter files.")
    return found


def _inspect(path: Path, told: Reporter, *, whole: bool) -> dict[str, Any]:
    try:
        config, refused = beside(path)
        report = _whole(path, config, told) if whole else _header(path, config)
    except AdapterFileError as error:
        raise VerificationFailed(f"{path}: {error}", code=error.code) from error
    except OSError as error:
        raise LorahubError(f"{path} can't be read: {error.strerror}.") from error
    if refused:
        report["warnings"].insert(0, refused_config(refused))
    return {"file": str(path), **report}


def _header(path: Path, config: Mapping[str, object] | None) -> dict[str, Any]:
    with path.open("rb") as file:
        header = read_header(file, path.stat().st_size)
    return header_report(header, summarise(header, config), config)


def _whole(path: Path, config: Mapping[str, object] | None, told: Reporter) -> dict[str, Any]:
    from lorahub.adapters.report import inspect_file

    told.start(path.name, path.stat().st_size)
    before = 0

    def progress(done: int, _total: int) -> None:
        nonlocal before
        told.add(done - before)
        before = done

    try:
        return inspect_file(path, config, progress=progress)
    finally:
        told.stop()
