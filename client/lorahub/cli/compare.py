"""`lorahub compare`: how much alike two adapters' effects are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lorahub.cli.common import Parser, add_output, facts, print_json, table
from lorahub.cli.remaking import Bar, attempt, needs
from lorahub.progress import listed, plain

if TYPE_CHECKING:
    from lorahub.adapters.remake.compare import Comparison

_MOST = 20
_ALIKE, _NEAR, _KIN = 0.999, 0.97, 0.6

_DESCRIPTION = """\
Compare what two adapters of one base model do: the cosine and the strength of their changes,
module by module, whatever their layouts, ranks and dtypes. `lorahub diff` compares the files
themselves."""


def run(words: Sequence[str]) -> int:
    parser = Parser("compare", _DESCRIPTION)
    parser.add_argument("first", metavar="FILE|FOLDER")
    parser.add_argument("second", metavar="FILE|FOLDER")
    parser.add_argument("--family", metavar="NAME", help="where the weights don't tell")
    parser.add_argument("--modules", action="store_true", help="list every module")
    add_output(parser)
    options = parser.parse(words)
    places = [needs(options.first), needs(options.second)]

    def work() -> "Comparison":
        from lorahub.adapters.remake.compare import compare

        bar = Bar(options, "Comparing", places)
        try:
            return compare(places[0], places[1], family=options.family, progress=bar.progress)
        finally:
            bar.stop()

    found = attempt(work)
    if options.json:
        print_json(found.to_dict())
        return 0
    print(_overview(found))
    rows = _rows(found, every=options.modules)
    if rows:
        print(f"\n{rows}")
    return 0


def _overview(found: "Comparison") -> str:
    words = [
        f"{sign} {', '.join(found.triggers[key])}"
        for sign, key in (("-", "removed"), ("+", "added"))
        if found.triggers[key]
    ]
    unlike = sorted(found.metadata)
    pairs: list[tuple[str, object]] = [
        ("verdict", _verdict(found)),
        ("cosine", f"{found.cosine:.4f}"),
        ("strength", f"{found.ratio:.3f} of the first" if found.ratio is not None else None),
        ("modules", ", ".join(f"{count} {state}" for state, count in sorted(found.counts.items()))),
        *((name, f"{before} -> {after}") for name, (before, after) in found.facts.items()),
        ("trigger words", "  ".join(words)),
        ("metadata", f"{len(unlike)} keys differ: {listed(unlike)}" if unlike else None),
        ("notes", " ".join(found.notes)),
    ]
    return facts(pairs)


def _verdict(found: "Comparison") -> str:
    if set(found.counts) <= {"same"}:
        return "the same effect"
    if set(found.counts) <= {"same", "rounded"}:
        return "the same effect but for rounding"
    if found.cosine >= _ALIKE:
        return "the same direction in another strength" if _scaled(found) else "almost the same"
    if found.cosine >= _NEAR:
        return "very near: cut to another rank, or trained on a little"
    return "related" if found.cosine >= _KIN else "different adapters"


def _scaled(found: "Comparison") -> bool:
    return found.ratio is not None and abs(found.ratio - 1) > 1 - _ALIKE


def _rows(found: "Comparison", *, every: bool) -> str:
    unlike = [pair for pair in found.modules if every or pair.state not in ("same", "rounded")]
    if not every:
        unlike.sort(key=lambda pair: pair.cosine if pair.cosine is not None else -1.0)
        unlike = unlike[:_MOST]
    if not unlike:
        return ""
    rows = [("module", "state", "cosine", "strength", "rank")]
    for pair in unlike:
        before, after = ("-" if rank is None else str(rank) for rank in pair.ranks)
        rows.append(
            (
                plain(pair.name),
                pair.state,
                "" if pair.cosine is None else f"{pair.cosine:.4f}",
                "" if pair.ratio is None else f"{pair.ratio:.3f}",
                before if before == after else f"{before} -> {after}",
            )
        )
    return table(rows)
