"""The menu of other forms of an adapter file: only what can be made of it."""

from dataclasses import dataclass

from lorahub.adapters.remake.offers import offers
from lorahub_server.insight.variants.plans import DTYPES
from lorahub_server.library import overlay
from lorahub_server.library.derive import count_of
from lorahub_server.library.model import AdapterDetails

_RANKS = (1, 2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True, slots=True)
class Forms:
    """`families`: what to choose from for another layout, where the weights fit several."""

    layouts: tuple[str, ...]
    families: tuple[str, ...]
    ranks: tuple[int, ...]
    dtypes: tuple[str, ...] = DTYPES


def of(adapter: AdapterDetails) -> Forms:
    health = adapter.health or {}
    sound = not count_of(health, "nan_count") and not count_of(health, "inf_count")
    found = offers(overlay.without_declared(adapter.summary), sound=sound)
    most = adapter.rank or 0
    ranks = tuple(rank for rank in _RANKS if rank < most) if found.ranks else ()
    return Forms(found.layouts, found.families, ranks)
