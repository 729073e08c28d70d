"""Xet, by which the newer clients upload every large file: a token, bundles of chunks, lists.

A client first asks whether chunks are known, and may ask to send elsewhere; nothing is here at
those addresses, which is the answer that they take for no.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from lorahub_server.blobs.xet import spaces
from lorahub_server.blobs.xet.build import Builder
from lorahub_server.blobs.xet.errors import XetTokenInvalid
from lorahub_server.blobs.xet.limits import SHARD_BODY, XORB_BODY
from lorahub_server.blobs.xet.receive import receive_xorb
from lorahub_server.blobs.xet.shard import ShardFile, read_shard
from lorahub_server.blobs.xet.spaces import Sender
from lorahub_server.doors import target
from lorahub_server.doors.deps import WriteTx, base_url, hub_of
from lorahub_server.doors.hf.xet_events import events
from lorahub_server.doors.streams import Body, pour, work
from lorahub_server.kit.clock import now

router = APIRouter(include_in_schema=False)

_SPACE = "/api/xet/{space}"


@router.get("/api/models/{owner}/{name}/xet-write-token/{revision:path}")
def write_token(
    request: Request,
    tx: WriteTx,
    owner: str,
    name: str,
    revision: str,
    create_pr: Annotated[bool, Query()] = False,
) -> JSONResponse:
    """Say where to send chunks, and with which token; some clients read headers, some the body."""
    where = target.of(revision, create_pr=create_pr)
    repo = target.open_repo(tx, owner, name, where)
    pull_request = where.opens or where.pull is not None
    given = spaces.open_space(tx, repo, pull_request=pull_request)
    url = base_url(request) + _SPACE.format(space=given.space_id)
    return JSONResponse(
        {"casUrl": url, "accessToken": given.token, "exp": given.expires},
        headers={
            "X-Xet-Cas-Url": url,
            "X-Xet-Access-Token": given.token,
            "X-Xet-Token-Expiration": str(given.expires),
        },
    )


@router.post(_SPACE + "/v1/xorbs/{_prefix}/{xorb}")
async def send_xorb(request: Request, space: str, xorb: str) -> dict[str, bool]:
    hub = hub_of(request)
    sender = await _sender(request, space)
    inserted = await pour(
        Body(request),
        lambda pieces: receive_xorb(hub.db, hub.store, hub.settings, sender, xorb, pieces),
        limit=XORB_BODY,
    )
    return {"was_inserted": inserted}


@router.post(_SPACE + "/v2/shards")
async def send_shard(request: Request, space: str) -> StreamingResponse:
    """Build the files of a shard, and tell how it goes in lines of JSON."""
    builder, files = await _shard(request, space)
    return StreamingResponse(events(request, builder, files), media_type="application/x-ndjson")


@router.post(_SPACE + "/v1/shards")
@router.post(_SPACE + "/shards")  # hf_xet 1.5
async def send_shard_and_wait(request: Request, space: str) -> dict[str, int]:
    builder, files = await _shard(request, space)
    built = await work(request, lambda: builder.build(files, lambda _: None))
    return {"result": int(built)}


@router.post("/v1/telemetry")
def telemetry() -> Response:
    """Clients report on their uploads to the root of the host; nothing of it is kept."""
    return Response(status_code=204)


async def _shard(request: Request, space: str) -> tuple[Builder, list[ShardFile]]:
    hub = hub_of(request)
    sender = await _sender(request, space)
    files = await pour(Body(request), read_shard, limit=SHARD_BODY)
    return Builder(hub.db, hub.store, hub.settings, sender), files


async def _sender(request: Request, space: str) -> Sender:
    hub = hub_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise XetTokenInvalid

    def admit() -> Sender:
        with hub.db.read() as session:
            return spaces.admit(session, hub.settings, space, token.strip(), now())

    async with hub.readers.one():
        return await run_in_threadpool(admit)
