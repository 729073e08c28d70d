"""An adapter file in another form: made when first asked for, and given out like any file."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from lorahub.adapters.remake.plan import Plan
from lorahub_server.access import Tx
from lorahub_server.doors.deps import ReadTx, hub_of, reading, writing
from lorahub_server.doors.files.answer import POLICY, stored_answer
from lorahub_server.doors.files.ranges import is_unchanged, wanted
from lorahub_server.doors.middleware.head import is_head
from lorahub_server.doors.schemas import BYTES, ERRORS
from lorahub_server.doors.variant_wish import (
    DtypeQuery,
    EnergyQuery,
    FamilyQuery,
    LayoutQuery,
    RankQuery,
)
from lorahub_server.insight.variants import service as variants
from lorahub_server.insight.variants.errors import NotConvertible, VariantPending
from lorahub_server.insight.variants.limits import OF_ACCOUNT, OF_NETWORK
from lorahub_server.insight.variants.plans import plan_of
from lorahub_server.insight.variants.service import Wished
from lorahub_server.insight.variants.tables import Variant
from lorahub_server.kit.errors import NotFound
from lorahub_server.kit.ratelimit import hit, network
from lorahub_server.library.downloads import count
from lorahub_server.repos import service
from lorahub_server.repos.tables import Repository
from lorahub_server.storage.keys import variant_key
from lorahub_server.storage.sigv4 import content_disposition

router = APIRouter(tags=["files and history"], responses=ERRORS)

# A connection is kept open that long while the file is made; then the client is told to ask again.
_PATIENCE_S = 25.0
_LOOK_S = 0.4
_RETRY_S = 3


@router.get(
    "/{owner}/{name}/variant/{revision}/{path:path}",
    summary="Download an adapter file in another form",
    response_class=Response,
    responses={
        **BYTES,
        503: {"description": "It is being made; ask again after `Retry-After` seconds"},
    },
)
async def variant_file(
    request: Request,
    owner: str,
    name: str,
    revision: str,
    path: str,
    layout: LayoutQuery = None,
    dtype: DtypeQuery = None,
    rank: RankQuery = None,
    energy: EnergyQuery = None,
    family: FamilyQuery = None,
    file: Annotated[str | None, Query(description="One of the files, default the weights")] = None,
) -> Response:
    """Made once by a worker and kept for a while; the same bytes each time.

        curl -fLOJ --retry 9 'http://127.0.0.1:8000/alice/my-style/variant/main/my-style.safetensors?layout=kohya&dtype=fp16'

    PEFT's form has two files: add `file=adapter_config.json` for the second.
    """
    plan = plan_of(layout=layout, dtype=dtype, rank=rank, energy=energy, family=family)

    wished = await ordered(request, owner, name, revision, path, plan)
    until = asyncio.get_running_loop().time() + _PATIENCE_S
    give = _give(request, owner, name, wished.id, file)
    while (answer := await reading(request, give)) is None:
        if asyncio.get_running_loop().time() > until:
            raise VariantPending(_RETRY_S)
        await asyncio.sleep(_LOOK_S)
    return answer


@router.get(
    "/{owner}/{name}/variants/{variant_id}/{file:path}",
    summary="Download a file of a variant",
    response_class=Response,
)
def file_of_variant(
    request: Request, tx: ReadTx, owner: str, name: str, variant_id: str, file: str
) -> Response:
    """The address that the API tells once the variant is made."""
    answer = _give(request, owner, name, variant_id, file)(tx)
    if answer is None:
        raise VariantPending(_RETRY_S)
    return answer


async def ordered(
    request: Request, owner: str, name: str, revision: str, path: str, plan: Plan
) -> Wished:
    """See to it that the variant is made or owed. Raises what `wish` does, and RateLimited."""

    def look(tx: Tx) -> tuple[Wished, bool]:
        wished = variants.wish(tx, service.get_repo(tx, owner, name), revision, path, plan)
        return wished, variants.must_be_asked(tx, wished)

    def ask(tx: Tx) -> None:
        variants.ask(tx, service.get_repo(tx, owner, name), wished)

    wished, is_new = await reading(request, look)
    if is_new:
        await run_in_threadpool(_count_new, request)
        await writing(request, ask)
    return wished


def _count_new(request: Request) -> None:
    """Count one that has to be made; raises RateLimited."""
    db, caller = hub_of(request).db, request.state.caller
    if caller.name is not None:
        hit(db, OF_ACCOUNT, caller.name)
    else:
        hit(db, OF_NETWORK, network(request.client.host if request.client else None))


def _give(
    request: Request, owner: str, name: str, variant_id: str, file: str | None
) -> Callable[[Tx], Response | None]:
    def give(tx: Tx) -> Response | None:
        repo = service.get_repo(tx, owner, name)
        variant = variants.of_id(tx, repo, variant_id)
        standing = variants.standing(tx, variant)
        if standing.error is not None:
            raise NotConvertible(standing.error["message"], reason=standing.error["code"])
        return _answer(request, tx, repo, variant, file) if standing.state == "done" else None

    return give


def _answer(
    request: Request, tx: Tx, repo: Repository, variant: Variant, file: str | None
) -> Response:
    files: list[dict[str, Any]] = variant.files or []
    number = next((at for at, one in enumerate(files) if file in (None, one["name"])), None)
    if number is None:
        names = ", ".join(one["name"] for one in files)
        raise NotFound(f"The variant has no such file. It has {names}.", place="file")
    chosen = files[number]
    etag = f'"{chosen["sha256"]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-store" if repo.private or repo.gated else "public, no-cache",
        "X-Content-SHA256": chosen["sha256"],
        "X-Linked-Size": str(chosen["size"]),
        "Content-Type": "application/octet-stream",
        "Content-Disposition": content_disposition(chosen["name"]),
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": POLICY,
    }
    if variants.is_touch_due(variant, tx.now):
        used = (variant.id, tx.now)
        hub_of(request).touches.later(
            ("variant", variant.id), lambda session: variants.touch(session, *used)
        )
    if is_unchanged(request, etag):
        return Response(status_code=304, headers={"ETag": etag})
    span = wanted(request, chosen["size"], etag)
    if number == 0 and span.start == 0 and not is_head(request.scope):
        count(repo.id)
    key = variant_key(variant.id, number)
    return stored_answer(request, tx, key, chosen["name"], span, headers)
