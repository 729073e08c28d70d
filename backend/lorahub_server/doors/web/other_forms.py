"""The menu of other forms of an adapter file: only what can be made of it."""

from dataclasses import dataclass, field

from lorahub.adapters.remake.offers import offers
from lorahub_server.doors.web.words import layout_label
from lorahub_server.insight.variants.plans import DTYPES
from lorahub_server.library import overlay
from lorahub_server.library.derive import count_of
from lorahub_server.library.model import AdapterDetails

_WIDE, _HALF = ("F32", "F64"), ("fp16", "bf16")
_SMALLER = 2
_RANKS = (1, 2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True, slots=True)
class Forms:
    """`families`: what to choose from for another layout, where the weights fit several."""

    layouts: tuple[str, ...]
    families: tuple[str, ...]
    ranks: tuple[int, ...]
    dtypes: tuple[str, ...] = DTYPES
    ready: list["Offer"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Offer:
    """One file that the menu leads to: what differs, and its size in bytes, about."""

    label: str
    wish: dict[str, str]
    size: int


def of(adapter: AdapterDetails) -> Forms:
    health = adapter.health or {}
    sound = not count_of(health, "nan_count") and not count_of(health, "inf_count")
    found = offers(overlay.without_declared(adapter.summary), sound=sound)
    most = adapter.rank or 0
    ranks = tuple(rank for rank in _RANKS if rank < most) if found.ranks else ()
    # Where several bases fit, a layout needs one named: the form below asks.
    layouts = () if found.families else found.layouts
    ready = [
        *_precisions(adapter),
        *(Offer(layout_label(name), {"layout": name}, adapter.size) for name in layouts),
        *(
            Offer(f"Rank {rank}", {"rank": str(rank)}, adapter.size * rank // most)
            for rank in ranks[-_SMALLER:]
        ),
    ]
    return Forms(found.layouts, found.families, ranks, ready=ready)


def _precisions(adapter: AdapterDetails) -> list[Offer]:
    """Return the file in half precision, where that makes it smaller."""
    held = adapter.summary.get("elements")
    if not isinstance(held, dict) or not any(held.get(wide) for wide in _WIDE):
        return []
    values = sum(count for count in held.values() if isinstance(count, int))
    smaller = min(adapter.size, 2 * values)
    return [Offer(name.upper(), {"dtype": name}, smaller) for name in _HALF if name in DTYPES]
