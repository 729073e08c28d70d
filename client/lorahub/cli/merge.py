"""`lorahub merge`: several adapters as one."""

import math
from collections.abc import Sequence
from pathlib import Path

from lorahub.cli.common import Parser, add_output
from lorahub.cli.remaking import Bar, add_amount, add_form, attempt, needs, tell
from lorahub.errors import UsageError

_METHODS = ("concat", "linear", "ties", "dare", "dare_ties")
_FEWEST = 2

_DESCRIPTION = """\
Write the weighted sum of several adapters of one base model. Layouts and ranks may differ. All
methods add up what the adapters do, never their factors; the recipe is kept in the header."""

_EPILOG = """\
methods:
  concat     exact: the ranks add up; --rank or --energy cuts the sum afterwards
  linear     the same sum, cut to --rank or --energy
  ties       of each adapter only the largest numbers (--density), signs elected, then --rank
  dare       of each adapter random numbers (--density, --seed), then --rank
  dare_ties  both

  A weight is written after the file: style.safetensors:0.7. Without one it is 1.

examples:
  lorahub merge style.safetensors:0.7 person.safetensors:0.5 -o both.safetensors
  lorahub merge a.safetensors b.safetensors --method ties --density 0.3 --rank 32 -o ab.safetensors
"""


def run(words: Sequence[str]) -> int:
    parser = Parser("merge", _DESCRIPTION, _EPILOG)
    parser.add_argument("paths", metavar="FILE[:WEIGHT]", nargs="+")
    parser.add_argument("--method", choices=_METHODS, default="concat", help="concat if not given")
    add_amount(parser)
    parser.add_argument(
        "--density", type=float, default=0.5, metavar="SHARE", help="for ties and dare (0.5)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="for dare (0)")
    add_form(parser)
    add_output(parser)
    options = parser.parse(words)
    if len(options.paths) < _FEWEST:
        raise UsageError("Name two adapters or more.")
    if not options.out:
        raise UsageError("Say where the merged adapter goes: -o OUT.")
    wanted = [_weighted(text) for text in options.paths]

    def work() -> int:
        from lorahub.adapters.remake.merge import Ingredient, merge

        bar = Bar(options, "Merging", [path for path, _ in wanted])
        try:
            report = merge(
                [Ingredient(path, weight) for path, weight in wanted],
                Path(options.out),
                method=options.method,
                rank=options.rank,
                energy=options.energy,
                density=options.density,
                seed=options.seed,
                layout=options.to,
                dtype=options.dtype,
                family=options.family,
                force=options.force,
                progress=bar.progress,
            )
        finally:
            bar.stop()
        return tell(report, options)

    return attempt(work)


def _weighted(text: str) -> tuple[Path, float]:
    """A file and its weight. A name that exists as it stands has no weight in it."""
    if Path(text).exists():
        return Path(text), 1.0
    name, colon, number = text.rpartition(":")
    if not colon:
        return needs(text), 1.0
    try:
        weight = float(number)
    except ValueError:
        return needs(text), 1.0
    if not math.isfinite(weight):
        raise UsageError(f"The weight in {text} is no finite number.")
    return needs(name), weight
