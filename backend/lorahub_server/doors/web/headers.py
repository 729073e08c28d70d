"""What a file's header tells, before the file is sent: its beginning alone comes here.

The browser cuts the header off (8 bytes with its length, then JSON) and shows what this answers. It
is read as the whole file will be when it is in, so what is refused here would be refused then.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from lorahub.adapters.limits import MAX_HEADER_BYTES
from lorahub_server.access import Tx, require_scope, require_session
from lorahub_server.blobs.verify import read_head
from lorahub_server.doors.deps import reading
from lorahub_server.doors.streams import Body, pour
from lorahub_server.doors.web import facts, groups, words
from lorahub_server.doors.web.families import family_hue, family_label
from lorahub_server.doors.web.forms import check_origin, check_token
from lorahub_server.doors.web.guess import wish_of
from lorahub_server.kit import csrf, names
from lorahub_server.kit.errors import HubError

router = APIRouter()

_MOST = 8 + MAX_HEADER_BYTES
_WORDS = 5


@router.post("/upload/header")
async def read(
    request: Request,
    name: Annotated[str, Query(max_length=names.PATH_MAX_BYTES)],
    size: Annotated[int, Query(ge=0, lt=2**63)],
) -> Response:
    """Tell what a file of that name and size is whose beginning is the body, as JSON."""
    check_origin(request)
    check_token(request, request.headers.get(csrf.HEADER))
    await reading(request, _require_sender)

    def consume(chunks: Iterable[bytes]) -> dict[str, Any]:
        names.check_path(name)
        return told(name, read_head(b"".join(chunks), name=name, size=size))

    try:
        found = await pour(Body(request), consume, limit=_MOST)
    except HubError as error:
        return JSONResponse({"error": error.to_dict()}, error.status, _NEVER_KEPT)
    return JSONResponse(found, headers=_NEVER_KEPT)


def told(name: str, summary: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the page shows of a file; `adapter` is None of what is none."""
    if summary is None:
        return {"adapter": None}
    form = groups.form_of(name, summary)
    wish = wish_of(name, summary, None)
    short = [family_label(summary.get("family")), words.layout_label(summary.get("layout"))]
    if summary.get("rank"):
        short.append(f"rank {summary['rank']}")
    return {
        "adapter": {
            "key": form.key,
            "title": form.title,
            "form": form.form,
            "hue": family_hue(summary.get("family")),
            "short": " · ".join(one for one in short if one),
            "words": list(summary.get("trigger_words") or [])[:_WORDS],
            "base_model": wish.base_model,
            "facts": [list(line) for line in facts.told(summary)],
        }
    }


def _require_sender(tx: Tx) -> None:
    require_session(tx.caller)
    require_scope(tx.caller, "write")


_NEVER_KEPT = {"Cache-Control": "private, no-store"}
