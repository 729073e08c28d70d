"""`lorahub diff`: what the headers of two files say differently."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lorahub.cli.common import Parser, add_output, print_json
from lorahub.cli.remaking import attempt, needs
from lorahub.progress import listed, plain

_CUT = 80
_DIFFERENT = 1

_DESCRIPTION = """\
Compare two adapter files by their headers: tensors, metadata, trigger words. `lorahub compare`
looks at what the weights do, whatever their layout and rank. Exits with 1 where they differ."""


def run(words: Sequence[str]) -> int:
    parser = Parser("diff", _DESCRIPTION)
    parser.add_argument("first", metavar="FILE|FOLDER")
    parser.add_argument("second", metavar="FILE|FOLDER")
    add_output(parser, quiet=False)
    options = parser.parse(words)
    places = needs(options.first), needs(options.second)

    def work() -> dict[str, Any]:
        from lorahub.adapters.remake.difference import difference

        return difference(*places)

    found = attempt(work)
    if options.json:
        print_json(found)
    else:
        print(_shown(found, *places))
    return 0 if found["same"] else _DIFFERENT


def _shown(found: dict[str, Any], first: Path, second: Path) -> str:
    if found["same"]:
        return "The same tensors and metadata."
    lines = [f"--- {first}", f"+++ {second}"]
    for name, (before, after) in found["metadata"].items():
        lines += _pair(name, before, after)
    for sign, key in (("-", "removed"), ("+", "added")):
        names = found["tensors"][key]
        lines += [f"{sign} {len(names)} tensors: {listed(names)}"] if names else []
    for name, (before, after) in found["tensors"]["changed"].items():
        lines += _pair(name, before, after)
    values = found["tensors"]["values"]
    if values:
        lines.append(f"! other numbers in {len(values)} tensors: {listed(values)}")
    for sign, key in (("-", "removed"), ("+", "added")):
        words = found["triggers"][key]
        lines += [f"{sign} trigger words: {', '.join(words)}"] if words else []
    return "\n".join(plain(line) for line in lines)


def _pair(name: str, before: str | None, after: str | None) -> list[str]:
    lines = [] if before is None else [f"- {name}: {_cut(before)}"]
    return lines if after is None else [*lines, f"+ {name}: {_cut(after)}"]


def _cut(text: str) -> str:
    return text if len(text) <= _CUT else f"{text[:_CUT]}..."
