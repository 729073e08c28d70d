"""Large files in pieces. What arrived before a connection broke is kept."""

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field

from lorahub_server.access import Caller, Tx, require_scope
from lorahub_server.blobs import tables, uploads
from lorahub_server.blobs.errors import OffsetMismatch, UploadClosed, UploadOverrun
from lorahub_server.doors.api import examples
from lorahub_server.doors.deps import ReadTx, WriteTx, hub_of, reading
from lorahub_server.doors.schemas import Text, example
from lorahub_server.doors.streams import Body, pour, work

router = APIRouter(prefix="/uploads", tags=["publishing"])


class NewUpload(BaseModel):
    """`name` is the file's, and decides what is expected inside."""

    model_config = example({"name": examples.FILE, "size": 114297640, "sha256": examples.SHA256})

    name: Text
    size: int = Field(ge=0, lt=2**63)
    sha256: Text | None = None


class UploadOut(BaseModel):
    """The next piece begins at `offset`. A `done` one can be committed by its SHA-256."""

    model_config = example(examples.UPLOAD)

    id: str
    offset: int
    size: int | None
    state: Literal["open", "done"]
    sha256: str | None

    @classmethod
    def of(cls, upload: tables.Upload) -> Self:
        return cls(
            id=upload.id,
            offset=upload.received,
            size=upload.size,
            state="done" if upload.state == "done" else "open",
            sha256=upload.blob_sha256 or upload.sha256,
        )


class VerifiedOut(BaseModel):
    """`summary` is what the header of an adapter tells; null for other files."""

    model_config = example(
        {"sha256": examples.SHA256, "size": 114297640, "summary": examples.SUMMARY}
    )

    sha256: str
    size: int
    summary: dict[str, Any] | None


@router.post(
    "",
    summary="Begin an upload",
    status_code=201,
    responses={200: {"model": UploadOut, "description": "One that was begun before"}},
)
def open_upload(response: Response, tx: WriteTx, wish: NewUpload) -> UploadOut:
    """With a `sha256` an upload of the same bytes that was broken off is found again (200).

    Bytes that the caller may use already give an upload that is `done` at once.
    """
    upload = uploads.open_upload(tx, size=wish.size, name=wish.name, sha256=wish.sha256)
    if upload.created_at != tx.now:
        response.status_code = 200
    return UploadOut.of(upload)


@router.get("/{upload_id}", summary="Where does an upload go on?")
def show_upload(tx: ReadTx, upload_id: str) -> UploadOut:
    """Ask for the `offset` after a broken connection."""
    return UploadOut.of(uploads.get_upload(tx, upload_id))


@router.delete("/{upload_id}", summary="Cancel an upload", status_code=204)
def cancel_upload(tx: WriteTx, upload_id: str) -> None:
    """Its bytes are dropped, unless they are published already."""
    uploads.cancel_upload(tx, upload_id)


@router.patch(
    "/{upload_id}",
    summary="Send a piece",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def append(
    request: Request,
    upload_id: str,
    offset: Annotated[int, Header(alias="Upload-Offset", ge=0, lt=2**63, examples=[8388608])],
) -> UploadOut:
    r"""The body is the bytes that follow the first `Upload-Offset` ones, as many as you like.

    They are on the hub's disk before the answer comes. 409 `offset_mismatch` has the right
    `offset`.

        tail -c +8388609 my-style.safetensors | curl -X PATCH -T - \
          -H "Authorization: Bearer $TOKEN" -H "Upload-Offset: 8388608" \
          http://127.0.0.1:8000/api/hub/v1/uploads/$ID
    """
    hub, body = hub_of(request), Body(request)

    def check(tx: Tx) -> Caller:
        require_scope(tx.caller, "write")
        upload = uploads.get_upload(tx, upload_id)
        if upload.state != "open":
            raise UploadClosed
        if upload.received != offset:
            raise OffsetMismatch(upload.received)
        if body.announced is not None and offset + body.announced > upload.most:
            raise UploadOverrun(upload.most)
        return tx.caller

    caller = await reading(request, check)
    await pour(
        body,
        lambda chunks: uploads.append(hub.db, hub.store, caller, upload_id, offset, chunks),
        limit=hub.settings.max_file_bytes,
    )
    return await reading(request, lambda tx: UploadOut.of(uploads.get_upload(tx, upload_id)))


@router.post("/{upload_id}/complete", summary="Verify an upload")
async def complete(request: Request, upload_id: str) -> VerifiedOut:
    """Reads the file once: its size, its SHA-256, and the rules for adapter files.

    422 says what is wrong and at which tensor; nothing of a refused file is kept. May be called
    again. The file can then be committed by its SHA-256.
    """
    hub = hub_of(request)
    caller = await reading(request, lambda tx: tx.caller)
    verified = await work(request, lambda: uploads.complete(hub.db, hub.store, caller, upload_id))
    return VerifiedOut(sha256=verified.sha256, size=verified.size, summary=verified.summary)
