"""Bytes of large files, sent and fetched by whoever has the address."""

from contextlib import suppress
from secrets import token_hex

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from lorahub_server.access import Caller, Tx, of_account
from lorahub_server.accounts.service import account_of_id
from lorahub_server.blobs import parts, uploads
from lorahub_server.blobs.errors import BadFile, HashMismatch, UploadIncomplete
from lorahub_server.doors.deps import ReadTx, hub_of, reading, writing
from lorahub_server.doors.files.answer import blob_answer
from lorahub_server.doors.hf import tickets
from lorahub_server.doors.hf.errors import LFS_TYPE
from lorahub_server.doors.hf.tickets import Kind, Ticket, TicketInvalid
from lorahub_server.doors.streams import Body, pour, work
from lorahub_server.kit.errors import HubError

router = APIRouter(prefix="/{owner}/{name}/info/lfs")


@router.get("/objects/{ticket}")
def fetch(request: Request, tx: ReadTx, owner: str, name: str, ticket: str) -> Response:
    del owner, name
    found = tickets.read(tx.settings, ticket, "fetch", tx.now)
    return blob_answer(request, tx, found.sha256, found.size)


@router.put("/objects/{ticket}")
async def send(request: Request, owner: str, name: str, ticket: str) -> Response:
    """The whole file; it is verified before the answer."""
    del owner, name
    found, caller = await _admit(request, ticket, "send")
    body, hub = Body(request), hub_of(request)
    _check_length(body, found.size)
    upload_id = token_hex(16)
    await writing(request, lambda tx: _open(tx, caller, found, upload_id))
    try:
        await pour(
            body,
            lambda chunks: uploads.append(hub.db, hub.store, caller, upload_id, 0, chunks),
            limit=found.size,
        )
        await work(request, lambda: uploads.complete(hub.db, hub.store, caller, upload_id))
    except Exception as error:
        # Such an answer git-lfs would hide; what `verify` says about it it shows.
        if isinstance(error, BadFile | HashMismatch) and _is_git_lfs(request):
            return Response()
        # Clients begin anew, with a new address.
        with suppress(HubError):
            await writing(request, lambda tx: uploads.cancel_upload(_as(tx, caller), upload_id))
        raise
    return Response()


@router.put("/parts/{ticket}/{number}")
async def send_part(request: Request, owner: str, name: str, ticket: str, number: int) -> Response:
    """A part, which may be sent again; clients want a name for it and tell all names at the end."""
    del owner, name
    found, caller = await _admit(request, ticket, "parts")
    part = _part(found, number)
    body, hub = Body(request), hub_of(request)
    _check_length(body, part.size)
    await writing(request, lambda tx: _open(tx, caller, found, found.upload))
    tag = await pour(
        body,
        lambda chunks: parts.put_part(hub.db, hub.store, caller, found.upload, part, chunks),
        limit=part.size,
    )
    return Response(headers={"ETag": f'"{tag}"'})


@router.post("/parts/{ticket}")
async def complete(request: Request, owner: str, name: str, ticket: str) -> Response:
    """All parts have come: the file is verified. May be asked again."""
    del owner, name
    found, caller = await _admit(request, ticket, "parts")
    hub = hub_of(request)
    done = await work(request, lambda: uploads.complete(hub.db, hub.store, caller, found.upload))
    return JSONResponse({"oid": done.sha256, "size": done.size}, media_type=LFS_TYPE)


async def _admit(request: Request, text: str, kind: Kind) -> tuple[Ticket, Caller]:
    """Return what the ticket says, and a caller with the rights of who it was given to."""

    def look(tx: Tx) -> tuple[Ticket, Caller]:
        ticket = tickets.read(tx.settings, text, kind, tx.now)
        account = None if ticket.account is None else account_of_id(tx.session, ticket.account)
        if account is None:
            raise TicketInvalid
        return ticket, of_account(account)

    return await reading(request, look)


def _open(tx: Tx, caller: Caller, ticket: Ticket, upload_id: str) -> None:
    uploads.open_upload(
        _as(tx, caller),
        size=ticket.size,
        name=ticket.sha256,
        sha256=ticket.sha256,
        upload_id=upload_id,
    )


def _as(tx: Tx, caller: Caller) -> Tx:
    tx.caller = caller
    return tx


def _part(ticket: Ticket, number: int) -> parts.Part:
    offset = (number - 1) * ticket.part_size
    if number < 1 or offset >= ticket.size:
        raise TicketInvalid
    return parts.Part(offset, min(ticket.part_size, ticket.size - offset))


def _is_git_lfs(request: Request) -> bool:
    return request.headers.get("user-agent", "").startswith("git-lfs/")


def _check_length(body: Body, size: int) -> None:
    if body.announced is not None and body.announced != size:
        raise UploadIncomplete(body.announced, size)
