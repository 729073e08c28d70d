"""The library: lists of adapters, whose state is their address."""

from typing import Any

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, require_login
from lorahub_server.doors.deps import ReadTx, base_url
from lorahub_server.doors.web import browsing, chips, facets, front, headings, metas, pictures
from lorahub_server.doors.web.browsing import Choice, State
from lorahub_server.doors.web.view import page
from lorahub_server.library import search
from lorahub_server.library.search import Query

router = APIRouter()

PAGE = 24
_MEANT = 3
SORTS = {name: label for name, label in browsing.SORTS.items() if name != "smallest"}
_FIRST_FAMILIES = ("sdxl", "flux1", "llama", "wan-14b", "qwen-image", "whisper")


@router.get("/")
def show_library(request: Request, tx: ReadTx, cursor: str = "") -> Response:
    state = browsing.read(request.query_params)
    is_front = state.is_bare and not cursor and state.query == Query()
    # The strip takes its pictures from the beginning of the list.
    size = PAGE + front.STRIP if is_front else PAGE
    found = search.find(tx, state.wanted(), cursor or None, size)
    if not found.items and state.is_bare and not cursor:
        return _first_run(request, tx)
    return _list(request, tx, state, found, cursor, is_front=is_front)


@router.get("/search-help")
def show_help(request: Request, tx: ReadTx) -> Response:
    """How a search line is written, and the keys: also what `?` shows."""
    return page(request, "search_help.html", caller=tx.caller)


@router.get("/stars")
def show_stars(request: Request, tx: ReadTx, sort: str = "updated", cursor: str = "") -> Response:
    account = require_login(tx.caller)
    state = State(Query(sort=sort, starred_by=account.id), start="/stars")
    found = search.find(tx, state.wanted(), cursor or None, PAGE)
    return page(
        request,
        "stars.html",
        caller=tx.caller,
        items=found.items,
        next=state.href(cursor=found.next_cursor) if found.next_cursor else None,
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
    state: State,
    found: search.Page[search.RepoCard],
    cursor: str,
    *,
    is_front: bool = False,
) -> Response:
    counted = search.facets(tx, state.wanted())
    strips = front.of(tx, found.items, counted) if is_front else None
    return page(
        request,
        "library.html",
        caller=tx.caller,
        search_text=state.line,
        heading=headings.of(state),
        is_front=is_front,
        meta=metas.of_home(request) if is_front else None,
        front=strips,
        total=counted.total,
        is_more=counted.total >= search.COUNTED,
        groups=facets.of(state, counted),
        chips=chips.of(state),
        told=state.told,
        cursor=cursor,
        state=state,
        measures=browsing.measures_of(state.query),
        kept=browsing.order_of(browsing.without_measures(state.query)),
        sorts=browsing.sorts(state),
        periods=browsing.periods(state),
        items=strips.rest if strips else found.items,
        first=state.href() if cursor else None,
        next=state.href(cursor=found.next_cursor) if found.next_cursor else None,
        **_nothing(tx, state, is_needed=not found.items),
    )


def _nothing(tx: Tx, state: State, *, is_needed: bool) -> dict[str, Any]:
    """Return what helps where nothing fits: filters to drop, and words that were meant."""
    if not is_needed:
        return {"drops": [], "meant": []}
    texts = search.suggest(tx, state.query.text) if state.query.text else []
    return {
        "drops": chips.to_drop(state, search.relax(tx, state.wanted())),
        "meant": [Choice(state.order(text=text), text) for text in texts[:_MEANT]],
    }


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
