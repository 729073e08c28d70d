"""Lists of models, found by the library's search."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.hf import models
from lorahub_server.doors.hf.shapes import Flag, many, page
from lorahub_server.kit.errors import BadRequest
from lorahub_server.kit.pagination import MAX_LIMIT
from lorahub_server.library import heads, search

router = APIRouter(prefix="/api")

_SORTS = {
    "createdAt": "newest",
    "lastModified": "updated",
    "downloads": "downloads",
    "likes": "stars",
    "trendingScore": "trending",
}
_DEFAULT = "trendingScore"
# Filters for what no repository here has.
_NEVER = ("apps", "inference", "inference_provider")
_FILES, _CONFIG, _CARD, _SCORE = "siblings", "config", "cardData", "trendingScore"


@router.get("/models")
def list_models(
    request: Request,
    tx: ReadTx,
    author: Annotated[str | None, Query()] = None,
    pipeline_tag: Annotated[str | None, Query()] = None,
    sort: Annotated[str, Query()] = _DEFAULT,
    limit: Annotated[int, Query(ge=1)] = MAX_LIMIT,
    cursor: Annotated[str | None, Query()] = None,
    gated: Annotated[bool | None, Query()] = None,
    full: Flag = False,
    card_data: Annotated[bool, Query(alias="cardData")] = False,
    config: Flag = False,
) -> JSONResponse:
    if sort not in _SORTS:
        raise BadRequest(f"Models are sorted by one of {', '.join(_SORTS)}.", place="sort")
    if many(request, "num_parameters"):
        message = "Models can't be filtered by their number of parameters here. Leave it out."
        raise BadRequest(message, place="num_parameters")
    expand = many(request, "expand")
    models.check_expand(expand)
    if any(many(request, name) for name in _NEVER):
        return JSONResponse([])
    terms = [term for given in many(request, "filter") for term in given.split(",") if term]
    query = search.Query(
        text=" ".join(many(request, "search")),
        owner=author,
        terms=(*terms, *([pipeline_tag] if pipeline_tag else [])),
        gated=gated,
        sort=_SORTS[sort],
    )
    found = search.find(tx, query, cursor, limit)
    with_files = full or _FILES in expand
    names = [
        *models.LISTED,
        *(models.FULL if full else ()),
        *([_CARD] if card_data else []),
        *([_CONFIG] if config else []),
        *([_SCORE] if sort == _SCORE else []),
    ]
    facts = heads.of_cards(tx, found.items, with_files=with_files)
    items = [models.shown(models.View(one), names, expand=expand) for one in facts]
    return page(request, items, found.next_cursor)
