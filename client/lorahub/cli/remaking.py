"""What the commands that make files out of adapters share."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lorahub.adapters.errors import AdapterFileError
from lorahub.adapters.remake.words import DTYPES, LAYOUTS
from lorahub.cli.common import facts, print_json, reporter
from lorahub.errors import FileMissing, LorahubError, UsageError, VerificationFailed
from lorahub.progress import plain, size

if TYPE_CHECKING:
    from lorahub.adapters.remake.report import Report
    from lorahub.adapters.remake.run import Progress

Result = TypeVar("Result")

# The matrices are small: one thread each is fastest. NumPy reads this when it is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def add_form(parser: argparse.ArgumentParser) -> None:
    """The options that say what comes out."""
    parser.add_argument(
        "-o", "--out", metavar="OUT", help="what to write; named for you if not given"
    )
    layouts = ", ".join(LAYOUTS)
    parser.add_argument("--to", "--layout", choices=LAYOUTS, metavar="LAYOUT", help=layouts)
    names = ("fp16", "bf16", "fp32", "fp8_e4m3", "fp8_e5m2")
    parser.add_argument("--dtype", choices=sorted(DTYPES), metavar="DTYPE", help=", ".join(names))
    parser.add_argument(
        "--family", metavar="NAME", help="the base model's family, where the weights don't tell"
    )
    parser.add_argument("--force", action="store_true", help="overwrite OUT")


def add_amount(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rank", type=int, metavar="N", help="at most this rank")
    parser.add_argument(
        "--energy", type=share, metavar="SHARE", help="keep this share of each module: 0.95 or 95%%"
    )


def share(text: str) -> float:
    """A share between 0 and 1, from "0.95" or "95%"."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no share such as 0.95") from None
    return value


def out_of(options: argparse.Namespace, source: Path, label: str) -> Path:
    """The place that was named, or one beside the source that tells what it is."""
    if options.out:
        return Path(options.out)
    folder = options.to == "peft" or (options.to is None and _is_peft(source))
    stem = source.name if source.is_dir() else source.stem
    if stem == "adapter_model":
        stem = source.absolute().parent.name
    place = (Path() if source.is_dir() else source.parent) / f"{stem}-{label}"
    return place if folder else place.with_name(f"{place.name}.safetensors")


def _is_peft(source: Path) -> bool:
    from lorahub.adapters.remake.open import is_peft

    return is_peft(source)


def attempt(call: "Callable[[], Result]") -> Result:
    """Do it; what goes wrong comes out as an error of the command line."""
    try:
        return call()
    except AdapterFileError as error:
        if error.code == "not_proven":
            raise VerificationFailed(str(error), code=error.code) from error
        raise LorahubError(str(error), code=error.code) from error
    except ImportError as error:
        raise LorahubError(
            f"Working on weights needs {error.name}. Run: pip install 'lorahub[adapters]'"
        ) from error
    except FileNotFoundError as error:
        raise FileMissing(f"{error.filename} is not there.") from error
    except OSError as error:
        raise LorahubError(f"{error.filename or 'A file'}: {error.strerror}.") from error


def needs(path: str) -> Path:
    """An adapter file or folder that exists."""
    place = Path(path)
    if not place.exists():
        raise FileMissing(f"{path} is not there.")
    return place


class Bar:
    """Shows progress through the modules as bytes of the source."""

    def __init__(self, options: argparse.Namespace, label: str, paths: list[Path]) -> None:
        self._reporter = reporter(options)
        self._total = sum(_bytes(path) for path in paths)
        self._shown = 0
        self._reporter.start(label, self._total)

    @property
    def progress(self) -> "Progress":
        return self._step

    def _step(self, done: int, count: int) -> None:
        now = self._total * done // max(count, 1)
        self._reporter.add(now - self._shown)
        self._shown = now

    def stop(self) -> None:
        self._reporter.stop()


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.glob("**/*.safetensors"))
    return path.stat().st_size


def tell(report: "Report", options: argparse.Namespace) -> int:
    """Print what was made."""
    if options.json:
        print_json(report.to_dict())
        return 0
    if options.quiet:
        print("\n".join(plain(str(path)) for path in report.files))
        return 0
    rank: object = report.rank
    if report.ranks and report.ranks[0] != report.ranks[1]:
        rank = f"{report.ranks[0]} to {report.ranks[1]}, mostly {report.rank}"
    pairs: list[tuple[str, object]] = [
        ("wrote", ", ".join(str(path) for path in report.files)),
        ("size", size(report.size)),
        ("layout", f"{report.layout}{f' ({report.family})' if report.family else ''}"),
        ("weights", ", ".join(report.dtypes)),
        ("modules", report.count),
        ("rank", rank),
        ("energy", f"{report.energy:.2%} kept" if report.energy is not None else None),
        ("proof", _proof(report)),
    ]
    print(facts(pairs))
    for note in report.notes:
        print(f"note: {plain(note)}", file=sys.stderr)
    return 0


def _proof(report: "Report") -> str:
    if report.error is None:
        return ""
    if report.error == 0:
        return "every module has the same effect, bit for bit"
    what = "what was planned" if report.lossy else "rounding alone"
    return f"largest difference of a module {report.error:.1e}, {what}"


def require_something(options: argparse.Namespace, names: tuple[str, ...], what: str) -> None:
    if all(getattr(options, name) is None for name in names):
        raise UsageError(what)
