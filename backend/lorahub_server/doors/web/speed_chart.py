"""What an adapter costs as bars, beside what others of its family cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from lorahub_server.doors.web.words import size
from lorahub_server.insight.speed.model import Costs, Figures, Typical

# The picture's own width.
WIDTH = 320
_SECOND = 1000
_TEN = 10
# One adapter is no family to be held against.
_COMPARED_MIN = 2


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure. `typical` is where the others' median lies; None where there is none."""

    label: str
    told: str
    width: float
    typical: float | None = None
    typical_told: str = ""
    is_base: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    own: float
    typical: float | None = None
    is_base: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Bars of one scale."""

    label: str
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class Chart:
    base: str
    device: str
    setting: str
    groups: list[Group]
    # How many adapters of the family are compared, this one among them; 0: none.
    compared: int


def charts(
    costs: Costs,
    *,
    is_text: bool,
) -> list[Chart]:
    """Return a chart for each base and device that the adapter was measured with."""
    typical = {(one.base_id, one.device): one for one in costs.typical}
    return [
        _chart(one, typical.get((one.base_id, one.device)), is_text=is_text) for one in costs.own
    ]


def milliseconds(number: float) -> str:
    """Return a time in three digits at most: 3.8 ms, 91 ms, 1.25 s."""
    if number >= _SECOND - 0.5:
        return f"{number / _SECOND:.3g} s"
    return f"{number:.1f} ms" if number < _TEN else f"{number:.0f} ms"


def _chart(own: Figures, others: Typical | None, *, is_text: bool) -> Chart:
    typical = others if others is not None and others.adapters >= _COMPARED_MIN else None
    drawing = [
        _Row("The base alone", own.base_ms, is_base=True),
        _Row("With the adapter", own.unfused_ms, typical.unfused_ms if typical else None),
    ]
    if own.fused_ms is not None:
        drawing.append(_Row("Folded into the weights", own.fused_ms))
    using = [
        _Row("Load from the file", own.load_ms, typical.load_ms if typical else None),
        _Row("Swap for another one", own.swap_ms, typical.swap_ms if typical else None),
    ]
    memory = [_Row("Memory it adds", own.memory, typical.memory if typical else None)]
    return Chart(
        own.base_title,
        own.device,
        _setting(own),
        [
            Group("32 tokens take" if is_text else "A picture takes", _bars(drawing)),
            Group("To use it takes", _bars(using)),
            Group("Memory", _bars(memory, is_memory=True)),
        ],
        typical.adapters if typical else 0,
    )


def _bars(rows: Sequence[_Row], *, is_memory: bool = False) -> list[Bar]:
    most = max(max(row.own, row.typical or 0) for row in rows) or 1

    def told(number: float) -> str:
        return size(round(number)) if is_memory else milliseconds(number)

    return [
        Bar(
            label=row.label,
            told=told(row.own),
            width=round(max(2.0, WIDTH * row.own / most), 1),
            typical=None if row.typical is None else round(WIDTH * row.typical / most, 1),
            typical_told="" if row.typical is None else told(row.typical),
            is_base=row.is_base,
        )
        for row in rows
    ]


def _setting(own: Figures) -> str:
    told = own.setting
    parts = [f"{told['steps']} steps"] if told.get("steps") else []
    if told.get("width") and told.get("height"):
        parts.append(f"{told['width']} by {told['height']}")
    if told.get("dtype"):
        parts.append(str(told["dtype"]))
    return ", ".join(parts)
