"""`lorahub resize`: a smaller rank."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lorahub.cli.common import Parser, add_output, table
from lorahub.cli.remaking import (
    Bar,
    add_amount,
    add_form,
    attempt,
    needs,
    out_of,
    require_something,
    tell,
)

if TYPE_CHECKING:
    from lorahub.adapters.remake.report import Report

_DESCRIPTION = """\
Write an adapter with a smaller rank: for each module the best one of that rank there is, with a
report of what is kept. With --energy every module gets the smallest rank that keeps that share of
its squared norm; --rank is then the limit. LoHa and LoKr become LoRA."""

_EPILOG = """\
examples:
  lorahub resize style.safetensors --rank 16
  lorahub resize style.safetensors --energy 95% --rank 32 --dtype fp16
  lorahub resize style.safetensors --energy 0.9 --to diffusers --modules
"""


def run(words: Sequence[str]) -> int:
    parser = Parser("resize", _DESCRIPTION, _EPILOG)
    parser.add_argument("path", metavar="FILE|FOLDER")
    add_amount(parser)
    add_form(parser)
    parser.add_argument("--modules", action="store_true", help="list what each module keeps")
    add_output(parser)
    options = parser.parse(words)
    require_something(options, ("rank", "energy"), "Say --rank N or --energy SHARE, or both.")
    path = needs(options.path)
    parts = [options.to, f"r{options.rank}" if options.rank else None]
    parts += [f"e{options.energy * 100:g}" if options.energy else None, options.dtype]

    def work() -> int:
        from lorahub.adapters.remake.resize import resize

        bar = Bar(options, "Resizing", [path])
        try:
            report = resize(
                path,
                out_of(options, path, "-".join(part for part in parts if part)),
                rank=options.rank,
                energy=options.energy,
                layout=options.to,
                dtype=options.dtype,
                family=options.family,
                force=options.force,
                progress=bar.progress,
            )
        finally:
            bar.stop()
        code = tell(report, options)
        if options.modules and not options.json:
            print(_modules(report))
        return code

    return attempt(work)


def _modules(report: "Report") -> str:
    rows = [("module", "rank", "kept")]
    for each in report.modules:
        kept = float(str(each["energy"]))
        rows.append((str(each["name"]), f"{each['rank_before']} -> {each['rank']}", f"{kept:.2%}"))
    return table(rows)
