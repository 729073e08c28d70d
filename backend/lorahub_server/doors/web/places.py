"""Pages of what adapters have in common: the base that they are for, a tag."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx
from lorahub_server.doors import links
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.web import browsing, families, metas
from lorahub_server.doors.web.browsing import Choice, State
from lorahub_server.doors.web.view import page
from lorahub_server.insight.bases import service as bases
from lorahub_server.insight.bases.service import Listed
from lorahub_server.kit.errors import NotFound
from lorahub_server.library import places, search
from lorahub_server.library.search import Count, Facets, Query

router = APIRouter()

PAGE = 24
_FAMILIES, _BASES, _TAGS = 100, 60, 100
_LIVELY = 60
_BESIDE = 16
_MAKES = {
    "image": "Pictures",
    "video": "Video",
    "text": "Text",
    "audio": "Sound",
    "vision": "Vision",
    "unknown": "Others",
}
_MODELS = {
    "image": "makes pictures",
    "video": "makes video",
    "text": "writes text",
    "audio": "makes sound",
    "vision": "looks at pictures",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What one page is about. `ways` lead to it from the front; `card` is its drawn picture."""

    kind: str
    title: str
    about: str
    address: str
    card: str
    query: Query
    ways: Sequence[tuple[str, str]]
    family: str | None = None
    is_code: bool = False


@dataclass(slots=True)
class Group:
    """Links beside a list: other tags, bases, families."""

    title: str
    links: list[Choice] = field(default_factory=list)


@router.get("/bases")
def show_bases(request: Request, tx: ReadTx) -> Response:
    """All bases that adapters are for: by what they make, and as their cards name them."""
    found = places.popular(tx, {places.FAMILY: _FAMILIES, places.BASE: _BASES})
    lively = search.find(tx, Query(with_adapters=True, private=False), limit=_LIVELY).items
    covers: dict[str, search.RepoCard] = {}
    for card in lively:
        if card.family and not card.maturity:
            covers.setdefault(card.family, card)
    groups: dict[str, list[Count]] = {makes: [] for makes in _MAKES}
    for one in found[places.FAMILY]:
        groups[families.family_makes(one.value)].append(one)
    ways = [("Bases", "/bases")]
    text = "The models that the adapters of this library are made for."
    return page(
        request,
        "bases.html",
        caller=tx.caller,
        groups=[(_MAKES[makes], rows) for makes, rows in groups.items() if rows],
        models=found[places.BASE],
        covers=covers,
        meta=metas.of_place(request, "Bases", text, "/bases", "/images/share/home.png", ways),
    )


@router.get("/bases/{base:path}")
def show_base(
    request: Request, tx: ReadTx, base: str, sort: str = search.DEFAULT_SORT, cursor: str = ""
) -> Response:
    """A family by its short name, such as `sdxl`; else a model as cards declare it."""
    name = base.strip("/")
    place = _family(name) if families.is_family(name) else _model(name)
    if place.family:
        listed = bases.of_family(tx.session, place.family)
    else:
        listed = bases.of_source(tx.session, name)
    return _show(request, tx, place, sort, cursor, listed=listed)


@router.get("/tags")
def show_tags(request: Request, tx: ReadTx) -> Response:
    tags = search.repeated(search.popular_tags(tx, _TAGS))
    text = "What the adapters of this library are tagged with."
    meta = metas.of_place(
        request, "Tags", text, "/tags", "/images/share/home.png", [("Tags", "/tags")]
    )
    return page(request, "tags.html", caller=tx.caller, tags=tags, meta=meta)


@router.get("/tags/{tag}")
def show_tag(
    request: Request, tx: ReadTx, tag: str, sort: str = search.DEFAULT_SORT, cursor: str = ""
) -> Response:
    place = Place(
        "Tag",
        f"#{tag}",
        f"Adapters tagged {tag}.",
        links.tag(tag),
        f"/images/share/tag/{links.piece(tag)}.png",
        Query(tags=(tag,)),
        [("Tags", "/tags"), (tag, links.tag(tag))],
    )
    return _show(request, tx, place, sort, cursor)


def _family(name: str) -> Place:
    label = families.family_label(name)
    does = _MODELS.get(families.family_makes(name), "is a base model")
    return Place(
        "Base",
        label,
        f"{label} {does}. These adapters fit it, by what their weights show.",
        links.base(name),
        f"/images/share/base/{links.path(name)}.png",
        Query(family=name),
        [("Bases", "/bases"), (label, links.base(name))],
        family=name,
    )


def _model(name: str) -> Place:
    return Place(
        "Base model",
        name,
        f"Adapters whose cards name {name} as their base model.",
        links.base(name),
        f"/images/share/base/{links.path(name)}.png",
        Query(base_model=name),
        [("Bases", "/bases"), (name, links.base(name))],
        is_code=True,
    )


def _show(
    request: Request,
    tx: Tx,
    place: Place,
    sort: str,
    cursor: str,
    *,
    listed: Sequence[Listed] = (),
) -> Response:
    state = State(replace(place.query, sort=sort), start=place.address)
    found = search.find(tx, state.query, cursor or None, PAGE)
    facets = search.facets(tx, place.query, with_own=False)
    if place.kind == "Base model" and not facets.total and not listed:
        raise NotFound(
            "No adapter that you may see names such a base model. /bases lists those that there "
            "are; check the spelling."
        )

    def at(order: str, cursor: str | None = None) -> str:
        shown = "" if order == search.DEFAULT_SORT else order
        return links.query(place.address, sort=shown, cursor=cursor)

    return page(
        request,
        "place.html",
        caller=tx.caller,
        place=place,
        state=state,
        cursor=cursor,
        total=facets.total,
        is_more=facets.total >= search.COUNTED,
        bases=listed,
        groups=_beside(place, facets),
        narrow=links.query("/", **browsing.order_of(place.query)),
        sorts=[
            Choice(at(name), label, is_on=name == sort) for name, label in browsing.SORTS.items()
        ],
        items=found.items,
        first=at(sort) if cursor else None,
        next=at(sort, found.next_cursor) if found.next_cursor else None,
        meta=metas.of_place(
            request, place.title, place.about, place.address, place.card, place.ways
        ),
    )


def _beside(place: Place, facets: Facets) -> list[Group]:
    """Return what else the adapters of a page have in common, the commonest first."""
    asked = place.query
    tags = [one for one in facets.tags if one.value not in asked.tags]
    groups = [
        Group("Often tagged" if asked.tags else "Top tags", _links(tags, links.tag)),
    ]
    if asked.family is None:
        groups.append(Group("Bases", _links(facets.families, links.base, families.family_label)))
    if asked.base_model is None:
        groups.append(Group("Base models", _links(facets.base_models, links.base)))
    return [group for group in groups if group.links]


def _links(counts: Sequence[Count], address: Any, label: Any = str) -> list[Choice]:
    return [
        Choice(address(one.value), label(one.value), one.value, one.count)
        for one in counts[:_BESIDE]
    ]
