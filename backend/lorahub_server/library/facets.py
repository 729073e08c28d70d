"""Counts beside a list: what else there is, and how much of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lorahub_server.access import Tx
from lorahub_server.library import (
    filters,
    keys,
    permissions,
    queries_facets,
    queries_plan,
    queries_walk,
)
from lorahub_server.library.filters import Query
from lorahub_server.library.queries_filters import Filter


@dataclass(frozen=True, slots=True)
class Count:
    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """How many of the found have what. `total` ends at COUNTED.

    Where `sampled` is a number, that many were looked at, the liveliest, and counts are of those.
    """

    total: int = 0
    sampled: int | None = None
    families: list[Count] = field(default_factory=list)
    layouts: list[Count] = field(default_factory=list)
    methods: list[Count] = field(default_factory=list)
    tags: list[Count] = field(default_factory=list)
    base_models: list[Count] = field(default_factory=list)
    tasks: list[Count] = field(default_factory=list)
    licenses: list[Count] = field(default_factory=list)
    permissions: list[Count] = field(default_factory=list)
    maturities: list[Count] = field(default_factory=list)


_MAX = 40
# Of licences all are asked for, as permissions follow from them.
_KINDS = dict.fromkeys(keys.KINDS, _MAX) | {"license": 200}
# What a kind's own filter is, which its counts ignore so that another can be chosen.
_OWN = {
    "family": "family",
    "layout": "layout",
    "method": "method",
    "base": "base_model",
    "task": "task",
    "license": "license",
    keys.MATURITY: "max_maturity",
}


def facets(tx: Tx, query: Query, *, with_own: bool = True) -> Facets:
    """Return counts for filters. Each ignores its own filter, so that one can change it.

    Without `with_own` kinds that are asked for have no counts, which spares a look for each.
    """
    wanted = filters.read(tx.session, query, tx.now)
    rows = _rows(tx, wanted, with_own=with_own)
    by_kind: dict[str, list[Count]] = {kind: [] for kind in (*keys.KINDS, queries_facets.TOTAL)}
    for kind, value, number in rows:
        by_kind[kind].append(Count(value, number))
    looked_at = sum(one.count for one in by_kind["all"])
    total = sum(one.count for one in by_kind[queries_facets.TOTAL])
    licenses = by_kind["license"]
    return Facets(
        total=min(total, queries_walk.COUNTED),
        sampled=looked_at if looked_at < total else None,
        families=by_kind["family"],
        layouts=by_kind["layout"],
        methods=by_kind["method"],
        tags=by_kind[keys.TAG],
        base_models=by_kind["base"],
        tasks=by_kind["task"],
        licenses=licenses[:_MAX],
        permissions=_permissions(licenses),
        maturities=_maturities(looked_at, by_kind[keys.MATURITY], wanted.max_maturity),
    )


def popular_tags(tx: Tx, limit: int = 20) -> list[Count]:
    """Return the commonest tags of what the caller may see."""
    scopes = queries_plan.scopes(tx.caller, Filter())
    rows = queries_facets.kept(tx.session, scopes, {keys.TAG: min(limit, 100)}, full=False)
    return [Count(value, number) for _, value, number in rows]


def repeated(tags: Sequence[Count]) -> list[Count]:
    """Return the tags that are used more than once; all of them where none is."""
    return [tag for tag in tags if tag.count > 1] or list(tags)


def _rows(tx: Tx, wanted: Filter, *, with_own: bool) -> list[queries_facets.Row]:
    if replace(wanted, with_adapters=False, private=None) == Filter():
        scopes = queries_plan.scopes(tx.caller, wanted)
        full = wanted.with_adapters
        kept = queries_facets.kept(tx.session, scopes, _KINDS, full=full)
        return kept + [(queries_facets.TOTAL, "", row[2]) for row in kept if row[0] == "all"]
    groups = [(wanted, [kind for kind in keys.KINDS if not _asks(wanted, kind)])]
    if with_own:
        groups += [(_without(wanted, kind), [kind]) for kind in _OWN if _asks(wanted, kind)]
    plans = [(queries_plan.plan(tx.session, tx.caller, one), kinds) for one, kinds in groups]
    return queries_facets.among(tx.session, plans, _KINDS)


def _asks(wanted: Filter, kind: str) -> bool:
    name = _OWN.get(kind)
    return name is not None and getattr(wanted, name) is not None


def _without(wanted: Filter, kind: str) -> Filter:
    nothing: dict[str, Any] = {_OWN[kind]: None}
    return replace(wanted, **nothing)


def _maturities(total: int, rows: Sequence[Count], most: int | None) -> list[Count]:
    """Return how many there are of each level; of the lowest, what the others leave of `total`."""
    shown = [row for row in rows if most is None or int(row.value) <= most]
    rest = total - sum(row.count for row in shown)
    return ([Count("0", rest)] if rest > 0 else []) + sorted(rows, key=lambda row: row.value)


def _permissions(licenses: Sequence[Count]) -> list[Count]:
    """Return how often each permission is given, from the counts of licences."""
    found = Counter[str]()
    for row in licenses:
        for name in permissions.of(row.value):
            found[name] += row.count
    return [Count(name, number) for name, number in found.most_common()]
