"""What is wrong with an adapter's numbers, in plain words."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from lorahub.adapters import limits
from lorahub.adapters.measure.run import F16_MAX, Measured

# ΔW that stretches some direction this often, and this much more than the file's other modules.
_EXPLODING = 10.0
_EXPLODING_TIMES = 20.0
_WEAK = 1e-6

SOUND = "sound"
_SAYS = {
    "nan": "{n} hold NaN, which is no number: pictures or text come out broken.",
    "inf": "{n} hold infinite numbers: pictures or text come out broken.",
    "dead": "{n} change nothing: their ΔW is zero. They were not trained, or got lost on the way.",
    "weak": "{n} are a million times weaker than the others: they do nothing anyone could see.",
    "exploding": "{n} are far stronger than the others: training may have diverged there.",
    "unmeasured": "{n} can't be measured; the note of each module says why.",
}


class Verdict(NamedTuple):
    """`state`: "sound", "nan", "inf", "dead", "weak", "exploding" or "unmeasured"."""

    state: str
    modules: int
    names: list[str]
    message: str


def states_of(measured: Sequence[Measured]) -> list[str]:
    """The state of each module."""
    known = [each.figures.spectral for each in measured if each.figures and each.figures.spectral]
    usual = median(known) if known else 0.0
    return [_state(each, usual) for each in measured]


def _state(each: Measured, usual: float) -> str:
    if each.nan:
        return "nan"
    if each.inf:
        return "inf"
    if each.figures is None:
        return "unmeasured"
    strength = each.figures.spectral
    if not strength:
        return "dead"
    if strength > max(_EXPLODING, _EXPLODING_TIMES * usual):
        return "exploding"
    return "weak" if strength < _WEAK * usual else SOUND


def verdicts_of(measured: Sequence[Measured], states: Sequence[str]) -> list[Verdict]:
    """What to tell about modules that are not sound, the worst first."""
    found = []
    for state, says in _SAYS.items():
        names = [
            each.module.name for each, one in zip(measured, states, strict=True) if one == state
        ]
        if names:
            what = "1 module" if len(names) == 1 else f"{len(names)} modules"
            said = _singular(says) if len(names) == 1 else says
            found.append(
                Verdict(state, len(names), names[: limits.MAX_LISTED], said.format(n=what))
            )
    return found


def overflows(measured: Sequence[Measured]) -> list[str]:
    """Modules with numbers that F16 can't hold."""
    return [each.module.name for each in measured if each.largest > F16_MAX]


_ONE = {"hold": "holds", "change": "changes", "are": "is", "They were": "It was", "their": "its",
        "they do": "it does"}  # fmt: skip


def _singular(says: str) -> str:
    for many, one in _ONE.items():
        says = says.replace(f" {many} ", f" {one} ", 1)
    return says
