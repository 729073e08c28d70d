"""What changed in an adapter file between two versions of it: words, training, weights by block."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lorahub_server.insight.likeness.tables import Likeness
from lorahub_server.insight.sides import Side

_BLOCKS_MAX = 200
# Facts of a report that a person compares, in this order.
_FACTS = ("layout", "method", "rank", "alpha")


@dataclass(frozen=True, slots=True)
class Pair:
    """Something before and after; None: it was not there, or nobody knows."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class WeightsChange:
    """`kind`: how alike the weights are (insight.likeness), "unlike" if hardly, "unknown" before
    both are inspected. `cosine` is that of both ΔW. `blocks`: root mean square of each.
    """

    kind: str
    cosine: float | None
    strength: Pair
    facts: list[Pair]
    training: list[Pair]
    words_new: list[str]
    words_gone: list[str]
    blocks: list[Pair]

    @property
    def most(self) -> float:
        """The largest number among the blocks, for a picture's scale."""
        sides = [side for block in self.blocks for side in (block.old, block.new)]
        return max((side for side in sides if side is not None), default=0) or 1.0


def weights_change(old: Side, new: Side) -> WeightsChange | None:
    """Compare two files that were looked at as a pair; None until both are inspected."""
    if old.report is None or new.report is None:
        return None
    is_same = old.blob.sha256 == new.blob.sha256
    return _change(is_same, old.report, new.report, old.likenesses.get(new.blob.sha256))


def _change(
    is_same: bool, before: Mapping[str, Any], after: Mapping[str, Any], row: Likeness | None
) -> WeightsChange:
    old_words, new_words = before["trigger_words"], after["trigger_words"]
    return WeightsChange(
        kind="bytes" if is_same else row.kind if row else "unlike",
        cosine=row.cosine if row else None,
        strength=Pair("strength", before["strength"]["frobenius"], after["strength"]["frobenius"]),
        facts=_changed({name: before[name] for name in _FACTS}, {n: after[n] for n in _FACTS}),
        training=_changed(_training(before), _training(after)),
        words_new=[word for word in new_words if word not in old_words],
        words_gone=[word for word in old_words if word not in new_words],
        blocks=_blocks(before, after),
    )


def _training(report: Mapping[str, Any]) -> Mapping[str, Any]:
    found = report["metadata"].get("training")
    return found if isinstance(found, dict) else {}


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Pair]:
    names = list(dict.fromkeys([*new, *old]))
    pairs = [Pair(name, old.get(name), new.get(name)) for name in names]
    return [pair for pair in pairs if pair.old != pair.new]


def _blocks(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Pair]:
    old, new = (
        {(one["component"], one["name"]): one["rms"] for one in report["blocks"]}
        for report in (before, after)
    )
    names = list(dict.fromkeys([*new, *old]))[:_BLOCKS_MAX]
    return [
        Pair(f"{component} {name}", old.get((component, name)), new.get((component, name)))
        for component, name in names
    ]
