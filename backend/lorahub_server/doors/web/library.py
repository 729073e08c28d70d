"""The library: lists of adapters, whose state is their address."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lorahub_server.access import Tx, require_login
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx, base_url
from lorahub_server.doors.web import families, measured, pictures, words
from lorahub_server.doors.web.view import page
from lorahub_server.library import search

router = APIRouter()

PAGE = 24
_TAGS_SHOWN = 24
_FAMILIES_SHOWN = 14
SORTS = {
    "trending": "Trending",
    "newest": "Newest",
    "updated": "Updated",
    "stars": "Stars",
    "downloads": "Downloads",
}
_HEADINGS = {
    "trending": "Trending",
    "newest": "Newest adapters",
    "updated": "Lately updated",
    "stars": "Most starred",
    "downloads": "Most downloaded",
    "name": "All adapters",
}
_FIRST_FAMILIES = ("sdxl", "flux1", "llama", "wan-14b", "qwen-image", "whisper")


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that changes one part of the list."""

    href: str
    label: str
    value: str = ""
    count: int = 0
    is_on: bool = False


@dataclass(frozen=True, slots=True)
class _State:
    """What the address asks for. Each change makes another address."""

    text: str = ""
    family: str = ""
    method: str = ""
    layout: str = ""
    tags: tuple[str, ...] = ()
    sort: str = search.DEFAULT_SORT
    starred_by: int | None = None
    measures: search.Measures = search.ANY

    @property
    def is_bare(self) -> bool:
        return self.measures.is_empty and not (
            self.text or self.family or self.method or self.layout or self.tags
        )

    @property
    def is_overview(self) -> bool:
        """Nobody asked for certain repositories, so those without an adapter only stand about."""
        return not (self.text or self.tags or self.starred_by)

    def query(self) -> search.Query:
        return search.Query(
            text=self.text,
            family=self.family or None,
            method=self.method or None,
            layout=self.layout or None,
            tags=self.tags,
            sort=self.sort,
            starred_by=self.starred_by,
            with_adapters=self.is_overview,
            measures=self.measures,
        )

    def parts(self) -> dict[str, object]:
        """Return what a form that narrows the list further has to send again."""
        return {
            "q": self.text,
            "family": self.family,
            "method": self.method,
            "layout": self.layout,
            "tag": self.tags,
            "sort": "" if self.sort == search.DEFAULT_SORT else self.sort,
        }

    def href(self, cursor: str | None = None, **changes: object) -> str:
        parts = {**self.parts(), **measured.parts(self.measures), "cursor": cursor}
        start = "/" if self.starred_by is None else "/stars"
        return links.query(start, **{**parts, **changes})


@router.get("/")
def show_library(
    request: Request,
    tx: ReadTx,
    q: str = "",
    family: str = "",
    method: str = "",
    layout: str = "",
    tag: Annotated[list[str] | None, Query()] = None,
    sort: str = search.DEFAULT_SORT,
    cursor: str = "",
) -> Response:
    state = _State(
        " ".join(q.split())[:200],
        family,
        method,
        layout,
        tuple(tag or ()),
        sort,
        measures=measured.read(request.query_params),
    )
    found = search.find(tx, state.query(), cursor or None, PAGE)
    if not found.items and state.is_bare and not cursor:
        return _first_run(request, tx)
    is_front = state.is_bare and not cursor and sort == search.DEFAULT_SORT
    return _list(request, tx, state, found, cursor, is_front=is_front)


@router.get("/tags/{tag}")
def show_tag(
    request: Request, tx: ReadTx, tag: str, sort: str = search.DEFAULT_SORT, cursor: str = ""
) -> Response:
    state = _State(tags=(tag,), sort=sort)
    found = search.find(tx, state.query(), cursor or None, PAGE)
    return _list(request, tx, state, found, cursor)


@router.get("/tags")
def show_tags(request: Request, tx: ReadTx) -> Response:
    tags = search.repeated(search.popular_tags(tx, 100))
    return page(request, "tags.html", caller=tx.caller, tags=tags)


@router.get("/stars")
def show_stars(request: Request, tx: ReadTx, sort: str = "updated", cursor: str = "") -> Response:
    account = require_login(tx.caller)
    state = _State(sort=sort, starred_by=account.id)
    found = search.find(tx, state.query(), cursor or None, PAGE)
    return page(
        request,
        "stars.html",
        caller=tx.caller,
        items=found.items,
        next=state.href(found.next_cursor) if found.next_cursor else None,
    )


def sorts(state_href: dict[str, str], present: str) -> list[Choice]:
    """Return the orders to choose from; `state_href` has the address of each."""
    return [
        Choice(state_href[name], SORTS[name], is_on=name == present)
        for name in SORTS
        if name in state_href
    ]


def _list(
    request: Request,
    tx: Tx,
    state: _State,
    found: search.Page[search.RepoCard],
    cursor: str,
    *,
    is_front: bool = False,
) -> Response:
    facets = search.facets(tx, state.query())
    addresses = {
        name: state.href(sort="" if name == search.DEFAULT_SORT else name) for name in SORTS
    }
    return page(
        request,
        "library.html",
        caller=tx.caller,
        search_text=state.text,
        heading=_heading(state),
        is_front=is_front,
        total=facets.total,
        is_more=facets.total >= search.COUNTED,
        families=_families(state, facets),
        methods=_methods(state, facets),
        tags=_tags(state, facets),
        chosen=_chosen(state),
        measures=measured.parts(state.measures),
        kept=state.parts(),
        sorts=sorts(addresses, state.sort),
        items=found.items,
        first=state.href() if cursor else None,
        next=state.href(found.next_cursor) if found.next_cursor else None,
    )


def _heading(state: _State) -> str:
    if state.text:
        return f"Adapters for “{state.text}”"
    if state.family:
        return f"Adapters for {families.family_label(state.family)}"
    if state.tags:
        return f"Adapters tagged {', '.join(state.tags)}"
    if state.method:
        return f"{words.method_label(state.method)} adapters"
    return _HEADINGS.get(state.sort, "Adapters")


def _families(state: _State, facets: search.Facets) -> list[Choice]:
    counts = facets.families[:_FAMILIES_SHOWN]
    return [
        Choice(
            state.href(family="" if one.value == state.family else one.value),
            families.family_label(one.value),
            one.value,
            one.count,
            is_on=one.value == state.family,
        )
        for one in counts
    ]


def _methods(state: _State, facets: search.Facets) -> list[Choice]:
    found = [
        Choice(
            state.href(method="" if one.value == state.method else one.value),
            words.method_label(one.value),
            one.value,
            one.count,
            is_on=one.value == state.method,
        )
        for one in facets.methods
    ]
    # One method is no choice.
    return found if len(found) > 1 or state.method else []


def _tags(state: _State, facets: search.Facets) -> list[Choice]:
    counts = search.repeated(facets.tags) if state.is_overview else facets.tags
    offered = [one.value for one in counts if one.value not in state.tags]
    chosen = [Choice(_without_tag(state, tag), tag, tag, is_on=True) for tag in state.tags]
    return chosen + [
        Choice(state.href(tag=(*state.tags, tag)), tag, tag) for tag in offered[:_TAGS_SHOWN]
    ]


def _chosen(state: _State) -> list[Choice]:
    """Return what narrows the list, each with the address of the list without it."""
    found = [Choice(_without_tag(state, tag), tag) for tag in state.tags]
    if state.family:
        found.append(Choice(state.href(family=""), families.family_label(state.family)))
    if state.method:
        found.append(Choice(state.href(method=""), words.method_label(state.method)))
    if state.layout:
        found.append(Choice(state.href(layout=""), words.layout_label(state.layout)))
    found += [
        Choice(state.href(**dict.fromkeys(names, "")), label)
        for label, names in measured.chosen(state.measures)
    ]
    if state.text:
        found.append(Choice(state.href(q=""), f"“{state.text}”"))
    return found


def _without_tag(state: _State, tag: str) -> str:
    return state.href(tag=tuple(one for one in state.tags if one != tag))


def _first_run(request: Request, tx: Tx) -> Response:
    name = tx.caller.name or "alice"
    commands = [
        "pip install lorahub",
        f"lorahub login {base_url(request)}",
        f"lorahub push ./my-style.safetensors {name}/my-style",
    ]
    return page(
        request,
        "first_run.html",
        caller=tx.caller,
        pictures=[pictures.drawn_cover_url(name, name) for name in _FIRST_FAMILIES],
        commands="\n".join(commands),
    )
