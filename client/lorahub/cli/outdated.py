"""`lorahub outdated`: which adapter files of this machine have a newer version on the hub."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lorahub.cli.common import Parser, add_hub, add_output, print_json, reporter, table
from lorahub.errors import FileMissing, LorahubError
from lorahub.hub import Hub
from lorahub.models import HashFound, Known
from lorahub.progress import Reporter, plain, size
from lorahub.transfer.hashing import sha256_of

_ENDING = ".safetensors"
_ORDER = ("replaced", "removed", "current", "unknown")
# What says most about a file that several repositories have.
_BEST = ("current", "replaced", "removed")
_SAYS = {
    "replaced": "newer file",
    "removed": "no longer there",
    "current": "up to date",
    "unknown": "not known",
}


def run(words: Sequence[str]) -> int:
    parser = Parser(
        "outdated",
        "Ask the hub which adapter files (.safetensors) in a folder, and below it, have a newer\n"
        "version. Only their SHA-256 hashes are sent. Nothing is changed.",
    )
    parser.add_argument("place", metavar="FOLDER|FILE", nargs="+")
    parser.add_argument(
        "--all", action="store_true", help="also show what is up to date or not known"
    )
    add_hub(parser)
    add_output(parser)
    options = parser.parse(words)
    files = [path for place in options.place for path in _adapters(Path(place))]
    hashes = _hashed(files, reporter(options))
    with Hub(options.endpoint) as hub:
        known = {one.hash: one for one in hub.look_up_hashes(list(hashes.values()))}
    found = [_facts(path, known[sha256]) for path, sha256 in hashes.items()]
    found.sort(key=lambda one: (_ORDER.index(one["state"]), one["file"]))
    if options.json:
        print_json({"items": found})
        return 0
    shown = [one for one in found if options.all or one["state"] in ("replaced", "removed")]
    if options.quiet:
        print("\n".join(plain(one["file"]) for one in shown if one["state"] == "replaced"))
        return 0
    print(table([_row(one) for one in shown]), end="\n" if shown else "")
    _sum_up(found)
    return 0


def _adapters(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    elif place.is_dir():
        yield from (path for path in sorted(place.rglob(f"*{_ENDING}")) if path.is_file())
    else:
        raise FileMissing(f"{place} is not there.")


def _hashed(files: Sequence[Path], report: Reporter) -> dict[Path, str]:
    hashes: dict[Path, str] = {}
    for path in files:
        try:
            report.start(path.name, path.stat().st_size)
            hashes[path] = sha256_of(path, report.add)
        except OSError as error:
            raise LorahubError(f"{path} can't be read: {error.strerror}.") from error
        finally:
            report.stop()
    return hashes


def _facts(path: Path, known: Known) -> dict[str, Any]:
    """Return what is told of a file: of its repositories the one that speaks of it now."""
    one = min(known.found, key=lambda one: _BEST.index(one.state), default=None)
    if one is None:
        gone = known.removed[0] if known.removed else None
        state = "unknown" if gone is None else "removed"
        return _line(path, known.hash, state, gone)
    return _line(path, known.hash, one.state, one)


def _line(path: Path, sha256: str, state: str, one: HashFound | None) -> dict[str, Any]:
    return {
        "file": str(path),
        "sha256": sha256,
        "state": state,
        "repo": one.repo if one else None,
        "current": one.current if one else None,
    }


def _row(one: dict[str, Any]) -> Sequence[str]:
    now = one["current"] if one["state"] == "replaced" else None
    newer = f"{now.get('path')} ({size(now.get('size') or 0)})" if now else ""
    return (one["file"], _SAYS[one["state"]], one["repo"] or "", newer)


def _sum_up(found: Sequence[dict[str, Any]]) -> None:
    counts = {state: sum(one["state"] == state for one in found) for state in _ORDER}
    told = ", ".join(f"{count} {_SAYS[state]}" for state, count in counts.items() if count)
    print(told or f"There is no {_ENDING} file.", file=sys.stderr)
    if counts["replaced"]:
        print("Fetch a newer one with `lorahub pull OWNER/NAME`.", file=sys.stderr)
