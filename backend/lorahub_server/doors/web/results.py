"""Evaluation results as tables with dots and intervals, beside others on the same base."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lorahub_server.doors import links
from lorahub_server.library.compared import Compared
from lorahub_server.library.evaluations import Other, Result

# Of the drawing; dots at its ends stay whole.
WIDTH, _EDGE = 160, 6
_SHOWN = 12
_PERCENT = 100.0
_TEN, _LARGE = 10, 10_000


@dataclass(frozen=True, slots=True)
class Line:
    """`dot`, `low` and `high` are places in the drawing; the latter None without an interval."""

    name: str
    href: str
    value: str
    interval: str
    dot: float
    low: float | None
    high: float | None
    is_own: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One result. `lines`: this adapter's and the others', the best first."""

    title: str
    dataset: str
    setting: str
    n: int | None
    method: str
    is_lower_better: bool
    source_name: str
    source_url: str
    lines: list[Line]


def shown(found: Sequence[Compared], owner: str, name: str) -> list[Shown]:
    """Return what to draw of a repository's results; the first ones, as it gives them."""
    return [_shown(one, owner, name) for one in found[:_SHOWN]]


def _shown(one: Compared, owner: str, name: str) -> Shown:
    result = one.result
    own = Other(result.key, result.value, result.low, result.high, owner, name, name)
    every = sorted(
        [own, *one.others], key=lambda other: other.value, reverse=not result.is_lower_better
    )
    start, end = _scale(every, result)
    setting = [result.task, result.config, result.split, result.notes]
    return Shown(
        title=result.metric_name,
        dataset=result.dataset_name,
        setting=", ".join(part for part in setting if part),
        n=result.n,
        method=result.method,
        is_lower_better=result.is_lower_better,
        source_name=result.source_name,
        source_url=result.source_url,
        lines=[_line(other, start, end, is_own=other is own) for other in every],
    )


def _scale(every: Sequence[Other], result: Result) -> tuple[float, float]:
    """Return what the drawing begins and ends with: all there may be of a share, else what is."""
    ends = [end for one in every for end in (one.low, one.value, one.high) if end is not None]
    least, most = min(ends), max(ends)
    if result.is_share and least >= 0 and most <= _PERCENT:
        return 0.0, 1.0 if most <= 1 else _PERCENT
    room = (most - least) / 10 or abs(most) / 10 or 1.0
    start, end = least - room, most + room
    return (start, end) if math.isfinite(end - start) else (least, most)


def _line(other: Other, start: float, end: float, *, is_own: bool) -> Line:
    def place(value: float) -> float:
        share = (value - start) / (end - start) if end > start else 0.5
        return round(_EDGE + (WIDTH - 2 * _EDGE) * min(1.0, max(0.0, share)), 1)

    low, high = other.low, other.high
    is_bound = low is not None and high is not None
    return Line(
        name="This adapter" if is_own else other.title or other.name,
        href="" if is_own else links.repo(other.owner, other.name),
        value=_figure(other.value),
        interval=f"{_figure(low)} to {_figure(high)}" if is_bound else "",
        dot=place(other.value),
        low=place(low) if low is not None and is_bound else None,
        high=place(high) if high is not None and is_bound else None,
        is_own=is_own,
    )


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= _LARGE:
        return f"{value:.3g}"
    return f"{value:.3f}" if abs(value) < _TEN else f"{value:.1f}"
