"""Files on their way in from the browser: without scripts as one form, with them in pieces."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from lorahub_server.access import Caller, Tx, require_scope, require_session
from lorahub_server.blobs import uploads
from lorahub_server.blobs.verify import VerifiedBlob
from lorahub_server.doors import links
from lorahub_server.doors.deps import Hub, ReadTx, base_url, hub_of, reading
from lorahub_server.doors.streams import Body, pour
from lorahub_server.doors.web import publication
from lorahub_server.doors.web.forms import BadForm, check_origin, check_token
from lorahub_server.doors.web.multipart import Part, parts
from lorahub_server.doors.web.view import page, redirect
from lorahub_server.kit import csrf
from lorahub_server.kit.clock import now
from lorahub_server.kit.errors import HubError

router = APIRouter()

# What a form adds to the files in it.
_FORM_ROOM = 1024 * 1024
NO_ADAPTER = (
    "None of these files is an adapter. Send the .safetensors file that your trainer wrote."
)


class NoAdapter(HubError):
    """The files are fine, and there is nothing among them to publish."""

    status = 422
    code = "no_adapter"


@dataclass(frozen=True, slots=True)
class Received:
    upload_id: str
    blob: VerifiedBlob


@router.get("/upload")
def show(request: Request, tx: ReadTx, to: str = "") -> Response:
    require_session(tx.caller)
    return _upload(request, tx.caller, to)


@router.post("/upload")
async def receive(request: Request) -> Response:
    """Take the files of the form in, one after the other, as they arrive."""
    check_origin(request)
    caller = await reading(request, _sender)
    hub = hub_of(request)
    limit = hub.settings.max_file_bytes + _FORM_ROOM
    taker = _Taker(request, hub, caller)
    try:
        received = await pour(Body(request), taker.take, limit=limit)
        return redirect(confirm_address(received, taker.to))
    except HubError as error:
        return _upload(request, caller, taker.to, error)


def send_in(hub: Hub, caller: Caller, name: str, chunks: Iterable[bytes]) -> Received:
    """Take one file in and verify it; nothing stays of one that fails."""
    with write_tx_of(hub, caller) as tx:
        upload_id = uploads.open_upload(tx, size=None, name=name).id
    try:
        uploads.append(hub.db, hub.store, caller, upload_id, 0, chunks)
        return Received(upload_id, uploads.complete(hub.db, hub.store, caller, upload_id))
    except Exception:
        # Nobody can go on with it: the browser sends the whole form again.
        with suppress(HubError), write_tx_of(hub, caller) as tx:
            uploads.cancel_upload(tx, upload_id)
        raise


@contextmanager
def write_tx_of(hub: Hub, caller: Caller) -> Iterator[Tx]:
    """Open a short transaction in the midst of a request that has several."""
    with hub.db.write() as session:
        yield Tx(session, caller, hub.store, hub.settings, now(), request_id="")


def confirm_address(received: list[Received], to: str = "") -> str:
    """Return where the upload goes on: at its first adapter file, the others beside it."""
    first = next((one for one in received if one.blob.summary is not None), None)
    if first is None:
        raise NoAdapter(NO_ADAPTER)
    others = [one.upload_id for one in received if one is not first]
    return links.query(links.upload(first.upload_id), also=others, to=to)


class _Taker:
    """Reads one form in a thread. What it has seen of the fields stays readable after an error."""

    def __init__(self, request: Request, hub: Hub, caller: Caller) -> None:
        self._request = request
        self._hub = hub
        self._caller = caller
        self._is_ours = False
        self.to = ""

    def take(self, chunks: Iterable[bytes]) -> list[Received]:
        body = iter(chunks)
        try:
            return self._take(body)
        except HubError:
            # A browser shows no answer before it has sent everything.
            for _ in body:
                pass
            raise

    def _take(self, body: Iterable[bytes]) -> list[Received]:
        received = []
        for part in parts(body, self._request.headers.get("content-type", "")):
            if part.filename:
                received.append(self._file(part, part.filename))
            elif part.filename is None and part.name == csrf.FIELD:
                check_token(self._request, part.text())
                self._is_ours = True
            elif part.name == "to":
                self.to = part.text()
        if not self._is_ours:
            check_token(self._request, None)
        if not received:
            raise BadForm("No file was chosen. Choose your adapter's .safetensors file.")
        return received

    def _file(self, part: Part, filename: str) -> Received:
        if not self._is_ours:
            check_token(self._request, None)
        return send_in(self._hub, self._caller, filename, part.data)


def _sender(tx: Tx) -> Caller:
    require_session(tx.caller)
    require_scope(tx.caller, "write")
    return tx.caller


def _upload(
    request: Request, caller: Caller, to: str = "", error: HubError | None = None
) -> Response:
    where = to if "/" in to else f"{caller.name or 'alice'}/{to or 'my-style'}"
    commands = [
        f"lorahub login {base_url(request)}",
        f"lorahub push ./my-style.safetensors {where}",
    ]
    return page(
        request,
        "upload.html",
        caller=caller,
        status=error.status if error else 200,
        wrong=error.message if error else "",
        to=to,
        files_max=publication.FILES_MAX,
        commands="\n".join(commands),
    )
