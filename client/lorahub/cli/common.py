"""What the commands share: options, output, tables."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from lorahub.errors import UsageError
from lorahub.progress import Reporter, Silent, Terminal, plain

_USAGE = 2


class Parser(argparse.ArgumentParser):
    """Explains in whole sentences, and keeps the lines of examples."""

    def __init__(self, command: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=f"lorahub {command}",
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See {self.prog} --help.")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        return self.parse_intermixed_args(list(words))


def add_hub(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoint", metavar="URL", help="the hub's address")


def add_output(parser: argparse.ArgumentParser, *, quiet: bool = True) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, errors too")
    if quiet:
        parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no notes")


def reporter(options: argparse.Namespace) -> Reporter:
    return Silent() if options.quiet else Terminal()


def print_json(data: Any) -> None:
    json.dump(data, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as what is in them; what strangers wrote is made plain."""
    if not rows:
        return ""
    rows = [[plain(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def facts(pairs: Sequence[tuple[str, object]]) -> str:
    """A line for each fact that is known."""
    known = [(name, str(value)) for name, value in pairs if value not in (None, "", (), [], {})]
    return table(known)
