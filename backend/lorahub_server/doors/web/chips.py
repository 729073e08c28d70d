"""Filters in words: the chips above a list, and what to drop where nothing fits."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from lorahub_server.doors.web import families, words
from lorahub_server.doors.web.browsing import State
from lorahub_server.library import parts
from lorahub_server.library.amounts import write_span
from lorahub_server.library.parts import Part
from lorahub_server.library.search import Query, Relaxed
from lorahub_server.library.syntax import level_name

PERMISSIONS = {
    "commercial": "Commercial use",
    "derivatives": "Changes allowed",
    "sell-images": "Selling images",
    "no-credit": "No credit needed",
    "relicense": "Other terms for changes",
}
HAVING = {
    "pictures": "with pictures",
    "prompts": "with prompts to copy",
    "results": "with evaluation results",
}
TASKS = {
    "image": "Images",
    "video": "Video",
    "text": "Text",
    "audio": "Sound",
    "vision": "Seeing",
}
_ENDS = ("rank_from", "rank_to", "size_from", "size_to")
# What only the page itself asks for.
_UNSAID = frozenset({"with_adapters", "fold", "gated", "terms"})


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter: `remove` leads to the list without it, `turn` to the one with the opposite."""

    label: str
    remove: str
    turn: str = ""
    is_excluded: bool = False
    # How many there would be without it.
    count: int = 0


def of(state: State) -> list[Chip]:
    """Return what narrows the list."""
    return [_chip(state, part) for part in state.parts]


def to_drop(state: State, relaxed: list[Relaxed]) -> list[Chip]:
    """Return the filters to drop where nothing fits, with what each would give."""
    found = []
    for one in relaxed:
        if one.field in _UNSAID:
            continue
        if one.field in _ENDS:
            narrower = parts.measured_without(state.query.measures, one.field)
            query = replace(state.query, measures=narrower)
            label = label_of(state.query, Part(one.field.partition("_")[0]))
        else:
            value = one.value if isinstance(one.value, str) and one.field != "text" else ""
            part = Part(one.field, value if one.field in parts.MANY else "")
            query, label = parts.without(state.query, part), label_of(state.query, part)
        found.append(Chip(label, state.href(query), count=one.count))
    return found


def label_of(query: Query, part: Part) -> str:
    """Return a filter as people say it."""
    value = part.value or getattr(query, part.field, None)
    measured = _measured(query, part)
    if measured:
        return measured
    if isinstance(value, timedelta):
        verb = "published" if part.field == "period" else "updated"
        return f"{verb} in the past {write_span(value)}"
    if isinstance(value, int):
        return level_label(value)
    return _named(part.field, str(value))


def _chip(state: State, part: Part) -> Chip:
    turned = parts.turned(state.query, part)
    return Chip(
        label_of(state.query, part),
        state.without(part),
        state.href(turned) if turned else "",
        part.is_excluded,
    )


def _named(field: str, value: str) -> str:
    plain = {
        "text": f"“{value}”",
        "owner": f"by {value}",
        "without_owners": f"by {value}",
        "file_hash": f"hash {value[:12]}",
    }
    if field in plain:
        return plain[field]
    if field in {"family", "without_families"}:
        return families.family_label(value)
    tables: dict[str, Callable[[str], str]] = {
        "method": words.method_label,
        "layout": words.layout_label,
        "task": lambda name: TASKS.get(name, name),
        "has": lambda name: HAVING.get(name, name),
        "permits": lambda name: PERMISSIONS.get(name, name),
        "license": licence_label,
    }
    return tables[field](value) if field in tables else value


def level_label(level: int) -> str:
    return f"up to {level_name(level)}" if level else "nothing mature"


def licence_label(name: str) -> str:
    found = words.FILTERS["licence"](name)
    return found.name if found else name


def _measured(query: Query, part: Part) -> str:
    found = query.measures
    if part.field == "rank":
        return "rank " + _range(found.rank_from, found.rank_to, str)
    if part.field == "size":
        return _range(found.size_from, found.size_to, words.size)
    if part.field == "has_trigger":
        return "with trigger words" if found.has_trigger else "without trigger words"
    if part.field == "healthy":
        return "sound" if found.healthy else "not known to be sound"
    return ""


def _range(low: int | None, high: int | None, shown: Callable[[int], str]) -> str:
    if low is not None and high is not None:
        return shown(low) if low == high else f"{shown(low)} to {shown(high)}"
    return f"{shown(low)} or more" if low is not None else f"up to {shown(high or 0)}"
