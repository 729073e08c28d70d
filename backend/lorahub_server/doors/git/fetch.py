"""Clone and fetch: what the client has is talked about, and what it lacks is sent."""

from collections.abc import Iterator

from dulwich.protocol import (
    CAPABILITY_INCLUDE_TAG,
    CAPABILITY_THIN_PACK,
    format_shallow_line,
    format_unshallow_line,
    pkt_line,
)
from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, require_files
from lorahub_server.doors.deps import hub_of, reading
from lorahub_server.doors.git import lines, wish
from lorahub_server.doors.git.lines import Bands
from lorahub_server.doors.git.refs import FETCH
from lorahub_server.doors.git.sending import Sending
from lorahub_server.doors.git.unzip import whole_body
from lorahub_server.doors.git.wish import Talk, Wish
from lorahub_server.kit.db import Database
from lorahub_server.kit.errors import HubError
from lorahub_server.repos import service
from lorahub_server.repos.errors import RevisionNotFound
from lorahub_server.repos.pack_fetch import History, Shipment

router = APIRouter()

_RESULT = lines.no_cache(f"{FETCH}-result")


@router.post("/{owner}/{name}/git-upload-pack")
async def fetch(request: Request, owner: str, name: str) -> Response:
    lines.check_type(request.headers.get("content-type"), FETCH)
    body = await whole_body(request)

    def prepare(tx: Tx) -> tuple[bytes, Shipment | None, Wish]:
        repo = service.get_repo(tx, owner, lines.name_of(name))
        require_files(tx, repo)
        asked = wish.read(body)
        if not asked.wants:
            return b"", None, asked
        try:
            history = History(tx, repo, asked.wants, cut=asked.cut, shallow=asked.shallow)
        except RevisionNotFound as error:
            return pkt_line(f"ERR {error.message}".encode()), None, asked
        return *_answer(history, asked), asked

    said, shipment, asked = await reading(request, prepare)
    if shipment is None:
        return Response(said, headers=dict(_RESULT))
    hub = hub_of(request)
    return Sending(hub, _parts(hub.db, said, shipment, asked), _RESULT)


def _answer(history: History, asked: Wish) -> tuple[bytes, Shipment | None]:
    said = b""
    if asked.cut:
        told = [format_shallow_line(oid.encode()) for oid in sorted(history.ends - asked.shallow)]
        told += [format_unshallow_line(oid.encode()) for oid in sorted(history.unshallowed)]
        said = b"".join(pkt_line(line) for line in [*told, None])
    talk = Talk(asked, history.judge())
    is_pack_next = talk.until_pack()
    said += bytes(talk.said)
    if not is_pack_next:
        return said, None
    with_tags = CAPABILITY_INCLUDE_TAG in asked.client
    return said, history.shipment(talk.common, with_tags=with_tags)


def _parts(db: Database, said: bytes, shipment: Shipment, asked: Wish) -> Iterator[bytes]:
    bands = Bands(asked.client)
    yield said
    try:
        count = 0
        for count in shipment.choose(db):
            yield bands.progress(f"Counting objects: {count}\r")
        yield bands.progress(f"Counting objects: {count}, done.\n")
        for piece in shipment.pack(db, has_thin=CAPABILITY_THIN_PACK in asked.client):
            yield bands.data(piece)
    except HubError as error:
        yield bands.failure(f"{error.message}\n")
        return
    yield bands.end()
