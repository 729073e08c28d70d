"""`lorahub inspect`: what an adapter file on this machine is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lorahub.adapters import (
    AdapterFileError,
    is_weight_name,
    read_header,
    summarise,
)
from lorahub.cli.common import Parser, add_output, facts, print_json
from lorahub.errors import FileMissing, LorahubError, VerificationFailed
from lorahub.progress import size
from lorahub.transfer.scanning import read_config

_CHUNK_BYTES = 4 * 1024 * 1024
_MOST_SHOWN = 5


def run(words: Sequence[str]) -> int:
    parser = Parser(
        "inspect",
        "Read an adapter file on this machine, or all in a folder, and say what it is. Nothing is\n"
        "sent anywhere. The header alone is read; --full also reads the weights and finds broken\n"
        "ones (needs numpy: pip install 'lorahub[adapters]').",
    )
    parser.add_argument("path", metavar="FILE|FOLDER")
    parser.add_argument("--full", action="store_true", help="read the weights too; slower")
    add_output(parser, quiet=False)
    options = parser.parse(words)
    found = [_inspect(path, full=options.full) for path in _files(Path(options.path))]
    if options.json:
        print_json(found if Path(options.path).is_dir() else found[0])
        return 0
    print("\n\n".join(_shown(facts_of) for facts_of in found))
    return 0


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


def _inspect(path: Path, *, full: bool) -> dict[str, Any]:
    config = read_config(path.with_name("adapter_config.json"))
    try:
        length = path.stat().st_size
        if full:
            return {"file": str(path), **_full(path, length, config)}
        with path.open("rb") as file:
            summary = summarise(read_header(file, length), config)
    except AdapterFileError as error:
        raise VerificationFailed(f"{path}: {error}", code=error.code) from error
    except OSError as error:
        raise LorahubError(f"{path} can't be read: {error.strerror}.") from error
    return {"file": str(path), "summary": summary.to_dict()}


def _full(path: Path, length: int, config: Mapping[str, object] | None) -> dict[str, Any]:
    try:
        from lorahub.adapters import StreamInspector

        inspector = StreamInspector(length, config)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                inspector.feed(chunk)
    except ImportError as error:
        raise LorahubError(
            f"Reading the weights needs {error.name}. Run: pip install 'lorahub[adapters]'"
        ) from error
    return inspector.finish().to_dict()


def _shown(found: Mapping[str, Any]) -> str:
    summary = found["summary"]
    rank = summary["rank"]
    if summary["ranks"] and summary["ranks"][0] != summary["ranks"][1]:
        rank = f"{rank} ({summary['ranks'][0]} to {summary['ranks'][1]})"
    family = summary["family"] or ", ".join(summary["family_candidates"]) or "unknown"
    warnings = [f"{each['code']}: {each['key']}" for each in summary["warnings"]]
    pairs: list[tuple[str, object]] = [
        ("file", found["file"]),
        ("size", size(summary["size"])),
        ("layout", f"{summary['layout']} ({summary['method']})"),
        ("family", f"{family} ({summary['family_confidence']})"),
        ("parts", ", ".join(summary["components"])),
        ("rank", rank),
        ("alpha", summary["alpha"]),
        ("weights", ", ".join(f"{kind} x {n}" for kind, n in summary["dtypes"].items())),
        ("parameters", f"{summary['parameters']:,}"),
        ("modules", summary["modules"]),
        ("traits", ", ".join(summary["traits"])),
        ("triggers", ", ".join(summary["trigger_words"])),
        ("base model", summary["base_model_hint"]),
        ("warnings", "; ".join(warnings[:_MOST_SHOWN])),
    ]
    pairs += [(name, value) for name, value in found.get("hashes", {}).items()]
    pairs += [(f"health: {name}", value) for name, value in found.get("health", {}).items()]
    return facts(pairs)
