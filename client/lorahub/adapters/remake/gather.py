"""The factors of a target's module, put together from what the source has."""

from collections.abc import Iterable, Sequence

from lorahub.adapters.remake.factors import Factors, fuse, swap_halves
from lorahub.adapters.remake.naming import Name
from lorahub.adapters.remake.source import Source
from lorahub.adapters.remake.targets import Target, Unit


def units_of(target: Target, sources: Sequence[Source]) -> list[Unit]:
    """The modules to write, each once, in the order of the first source."""
    found: dict[str, Unit] = {}
    covered: set[Name] = set()
    for name in _names(sources):
        if name in covered:
            continue
        unit = target.unit(name)
        found[f"{unit.component if target.folders else ''}:{unit.key}"] = unit
        covered.update(unit.names)
    return list(found.values())


def _names(sources: Iterable[Source]) -> Iterable[Name]:
    for source in sources:
        yield from source.entries


def gather(source: Source, unit: Unit) -> Factors | None:
    """The unit's factors in the source, None if it has none of the parts."""
    entries = [source.entries.get(name) for name in unit.names]
    present = [entry for entry in entries if entry is not None]
    if not present:
        return None
    first = present[0]
    if unit.rule is None or not unit.original:
        return source.load(unit.names[0])
    untouched = first.place is not None and first.place.rule == unit.rule
    if (
        untouched
        and len(present) == len(unit.names)
        and all(entry.module is first.module for entry in present)
    ):
        return source.load_module(first.part, first.module)
    parts = [
        source.load(name) if entry else None
        for name, entry in zip(unit.names, entries, strict=True)
    ]
    if len(parts) > 1:
        return fuse(parts, unit.rule, unit.path)
    only = source.load(unit.names[0])
    return swap_halves(only) if unit.rule.swapped(only.height, only.width) else only
