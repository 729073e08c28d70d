"""The panel beside a list: what there is of each kind, how many, and what to leave out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from lorahub_server.doors.web import chips, families, words
from lorahub_server.doors.web.browsing import State
from lorahub_server.library import parts, search
from lorahub_server.library.search import Count, Facets, Query

_FIRST = 8
_TAGS = 24
_MORE = 40


@dataclass(frozen=True, slots=True)
class Option:
    """One value. `href` asks for it or, when it is on, no longer; `out` leaves it out."""

    label: str
    value: str
    count: int
    href: str
    out: str = ""
    is_on: bool = False
    is_out: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A kind of filter: its first values, and the rest of them."""

    id: str
    title: str
    options: list[Option] = field(default_factory=list)
    more: list[Option] = field(default_factory=list)
    is_open: bool = False
    is_families: bool = False
    is_tags: bool = False


def of(state: State, facets: Facets) -> list[Group]:
    """Return the groups that leave a choice."""
    groups = [
        _group(state, "family", "Base", facets.families, families.family_label, is_open=True),
        _group(state, "task", "Makes", facets.tasks, lambda n: chips.TASKS.get(n, n), is_open=True),
        _tags(state, facets),
        _group(state, "base_model", "Base model", facets.base_models, str),
        _group(state, "method", "Method", facets.methods, words.method_label),
        _group(state, "layout", "Layout", facets.layouts, words.layout_label),
        _group(
            state, "permits", "Licence permits", facets.permissions,
            lambda name: chips.PERMISSIONS.get(name, name),
        ),
        _maturities(state, facets),
    ]  # fmt: skip
    return [
        group
        for group in groups
        if len(group.options) > 1 or any(one.is_on or one.is_out for one in group.options)
    ]


def _group(
    state: State,
    name: str,
    title: str,
    counts: Iterable[Count],
    label: Callable[[str], str],
    *,
    is_open: bool = False,
) -> Group:
    options = [_option(state, name, one, label) for one in counts]
    shown = [one for one in options if one.is_on or one.is_out or options.index(one) < _FIRST]
    return Group(
        name.replace("_", "-"),
        title,
        shown,
        [one for one in options if one not in shown][:_MORE],
        is_open=is_open or any(one.is_on or one.is_out for one in shown),
        is_families=name == "family",
    )


_EXCLUDING = {"family": "without_families", "tags": "without_tags"}


def _option(state: State, name: str, one: Count, label: Callable[[str], str]) -> Option:
    query, value = state.query, one.value
    out_field = _EXCLUDING.get(name, "")
    is_on = value in _values(query, name)
    is_out = bool(out_field) and value in _values(query, out_field)
    part = parts.Part(name, value if name in parts.MANY else "")
    wanted = parts.without(query, part) if is_on else parts.added(query, name, value)
    out = ""
    if out_field:
        out_part = parts.Part(out_field, value)
        changed = parts.without(query, out_part) if is_out else parts.added(query, out_field, value)
        out = state.href(changed)
    return Option(label(value), value, one.count, state.href(wanted), out, is_on, is_out)


def _values(query: Query, name: str) -> tuple[str, ...]:
    found = getattr(query, name)
    if isinstance(found, tuple):
        return found
    if name == "base_model":
        return (str(found).lower(),) if found else ()
    return (found,) if found else ()


def _tags(state: State, facets: Facets) -> Group:
    """Tags that are on or left out stand first, whether or not the list still has them."""
    query = state.query
    counts = facets.tags if not parts.is_bare(query) else search.repeated(facets.tags)
    here = {one.value: one for one in counts}
    chosen = [here.get(tag) or Count(tag, 0) for tag in (*query.tags, *query.without_tags)]
    rest = [one for one in counts if one.value not in {*query.tags, *query.without_tags}]
    options = [_option(state, "tags", one, str) for one in [*chosen, *rest[:_TAGS]]]
    more = [_option(state, "tags", one, str) for one in rest[_TAGS : _TAGS + _MORE]]
    return Group("tags", "Tags", options, more, is_open=True, is_tags=True)


def _maturities(state: State, facets: Facets) -> Group:
    """Each level includes those below it."""
    options, total = [], 0
    by_level = {int(one.value): one.count for one in facets.maturities}
    for level in sorted(by_level):
        total += by_level[level]
        is_on = state.query.max_maturity == level
        wanted = replace(state.query, max_maturity=None if is_on else level)
        label = chips.level_label(level).capitalize()
        options.append(Option(label, str(level), total, state.href(wanted), is_on=is_on))
    is_open = state.query.max_maturity is not None
    return Group("maturity", "Maturity", options, is_open=is_open)
