"""The filters by what was detected, as parts of the library's address and in words."""

from collections.abc import Mapping

from lorahub_server.library.search import Measures

_MB = 1_000_000
_DIGITS = 9


def read(given: Mapping[str, str]) -> Measures:
    """Return what an address asks for; what is no number asks for nothing."""
    size = _number(given.get("mb", ""))
    return Measures(
        rank_from=_number(given.get("rank_from", "")),
        rank_to=_number(given.get("rank_to", "")),
        size_to=None if size is None else size * _MB,
        has_trigger=True if given.get("trigger") == "1" else None,
        healthy=True if given.get("healthy") == "1" else None,
    )


def parts(measures: Measures) -> dict[str, object]:
    """Return the parts of the address that ask for the same again."""
    return {
        "rank_from": "" if measures.rank_from is None else measures.rank_from,
        "rank_to": "" if measures.rank_to is None else measures.rank_to,
        "mb": "" if measures.size_to is None else measures.size_to // _MB,
        "trigger": "1" if measures.has_trigger else "",
        "healthy": "1" if measures.healthy else "",
    }


def chosen(measures: Measures) -> list[tuple[str, tuple[str, ...]]]:
    """Return each wish in words, with the parts of the address that it is made of."""
    found: list[tuple[str, tuple[str, ...]]] = []
    low, high = measures.rank_from, measures.rank_to
    if low is not None and high is not None:
        words = f"rank {low}" if low == high else f"rank {low} to {high}"
        found.append((words, ("rank_from", "rank_to")))
    elif low is not None:
        found.append((f"rank {low} or more", ("rank_from",)))
    elif high is not None:
        found.append((f"rank {high} or less", ("rank_to",)))
    if measures.size_to is not None:
        found.append((f"up to {measures.size_to // _MB} MB", ("mb",)))
    if measures.has_trigger:
        found.append(("with trigger words", ("trigger",)))
    if measures.healthy:
        found.append(("sound", ("healthy",)))
    return found


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None
