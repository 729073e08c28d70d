"""Push: what arrives is unpacked and checked, and the person is told on the terminal."""

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

from dulwich.errors import HangupException
from dulwich.protocol import (
    CAPABILITY_REPORT_STATUS,
    COMMAND_SHALLOW,
    ZERO_SHA,
    Protocol,
    extract_capabilities,
    pkt_line,
)
from fastapi import APIRouter, Request, Response

from lorahub_server.access import Tx, can_write, require_scope
from lorahub_server.community.discussions import pushes
from lorahub_server.community.discussions.pushes import Done
from lorahub_server.doors import links
from lorahub_server.doors.deps import base_url, hub_of, reading, writing
from lorahub_server.doors.git import lines
from lorahub_server.doors.git.lines import BadLines, Bands
from lorahub_server.doors.git.refs import PUSH
from lorahub_server.doors.git.unzip import plain
from lorahub_server.doors.streams import Body, pour
from lorahub_server.kit.errors import HubError, TooLarge
from lorahub_server.repos import pulls, receive, service
from lorahub_server.repos.limits import PACK_MAX
from lorahub_server.repos.objects import is_oid
from lorahub_server.repos.pack_read import Unpacked, unpacking
from lorahub_server.repos.pack_source import Source
from lorahub_server.repos.receive import Prepared, Update
from lorahub_server.repos.receive_errors import PushRefused
from lorahub_server.repos.tables import Repository

router = APIRouter()

# Digits of a commit's id.
_SHOWN = 10
# Lines before the pack.
_LINES_MAX = 20_000
_LIGHT = 16 * 1024 * 1024
_ROOM = 4 * 1024 * 1024
_PIECE = 256 * 1024
_WHOLE = "nothing of this push was taken, because of another ref in it"


@dataclass(slots=True)
class Received:
    """What came before the pack, and what keeps the whole from being taken."""

    client: frozenset[bytes] = frozenset()
    updates: list[Update] = field(default_factory=list)
    error: HubError | None = None
    done: list[Done] = field(default_factory=list)


@router.post("/{owner}/{name}/git-receive-pack")
async def push(request: Request, owner: str, name: str) -> Response:
    """Rights are checked before the body is read, and again when it is written."""
    lines.check_type(request.headers.get("content-type"), PUSH)

    def open_repo(tx: Tx) -> Repository:
        repo = service.get_repo(tx, owner, lines.name_of(name))
        # Readers open pull requests.
        require_scope(tx.caller, "write")
        return repo

    def begin(tx: Tx) -> tuple[Repository, bool]:
        repo = open_repo(tx)
        return repo, can_write(tx.caller, repo)

    def check(tx: Tx, received: Received, unpacked: Unpacked) -> Prepared:
        repo = open_repo(tx)
        receive.check_refs(tx, repo, received.updates)
        pushes.check_rights(tx, repo, received.updates)
        return receive.check(tx, repo, received.updates, unpacked)

    repo, may_write = await reading(request, begin)
    refusal = None if may_write else pushes.not_a_writer(repo)
    address = base_url(request) + links.repo(repo.owner.name, repo.name)
    async with _place(request):
        with unpacking() as unpacked:
            received = await _receive(request, unpacked, refusal)
            if received.error is None and received.updates:
                try:
                    prepared = await reading(request, lambda tx: check(tx, received, unpacked))
                    received.done = await writing(
                        request, lambda tx: pushes.publish(tx, open_repo(tx), prepared, unpacked)
                    )
                except HubError as error:
                    received.error = error
    return Response(_report(received, address), headers=dict(lines.no_cache(f"{PUSH}-result")))


def _place(request: Request) -> AbstractAsyncContextManager[None]:
    """Large bodies wait for each other; small ones need not wait for them."""
    announced = Body(request).announced
    is_light = announced is not None and announced <= _LIGHT
    return nullcontext() if is_light else hub_of(request).heavy.one()


async def _receive(request: Request, unpacked: Unpacked, refusal: HubError | None) -> Received:
    encoding = request.headers.get("content-encoding")
    most = PACK_MAX + _ROOM

    def consume(chunks: Iterable[bytes]) -> Received:
        return read(plain(_bounded(chunks), encoding, limit=most), unpacked, refusal)

    # What is too much is told on the terminal, not by a status.
    return await pour(Body(request), consume, limit=2**63)


def _bounded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    left = PACK_MAX
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            message = (
                f"A push has at most {PACK_MAX} bytes outside git-lfs. Give large files to git-lfs "
                "(`git lfs migrate import --everything --above=1mb`), or push the history in parts."
            )
            raise TooLarge(message, limit=PACK_MAX)
        yield chunk


def read(chunks: Iterable[bytes], unpacked: Unpacked, refusal: HubError | None = None) -> Received:
    """Read the updates and unpack the pack; raises BadLines for what is no push at all.

    `refusal` is for one who may push to pull requests only: then the pack is let pass.
    """
    source = Source(chunks)
    wire = Protocol(source.read_most, len)
    received = Received()
    try:
        for _ in range(_LINES_MAX):
            line = lines.read_line(wire)
            if line is None:
                break
            _read_update(line, received)
        else:
            raise BadLines
    except HangupException as error:
        raise BadLines from error
    forbidden = [one for one in received.updates if not pushes.is_open_to_readers(one)]
    if refusal is not None and forbidden:
        received.error = PushRefused(forbidden[0].ref, refusal)
        while source.read_most(_PIECE):
            pass
    elif any(update.new is not None for update in received.updates):
        source.begin_pack()
        try:
            unpacked.unpack(source)
        except HubError as error:
            received.error = error
    return received


def _read_update(line: bytes, received: Received) -> None:
    if line.startswith(COMMAND_SHALLOW + b" "):
        return  # what a shallow clone lacks must be here; that is checked
    try:
        line, told = extract_capabilities(line)
        old, new, ref = line.decode().split(" ", 2)
    except ValueError as error:
        raise BadLines from error
    if told:
        received.client = lines.capabilities(told)
    if not (is_oid(old) and is_oid(new) and ref):
        raise BadLines
    received.updates.append(Update(ref, _or_none(old), _or_none(new)))


def _or_none(oid: str) -> str | None:
    return None if oid == ZERO_SHA.decode() else oid


def _report(received: Received, address: str) -> bytes:
    """Say what came of each ref; nothing when git only asked whether it may push."""
    if not received.updates:
        return b""
    bands, error = Bands(received.client), received.error
    if error is None:
        said = bands.progress(f"{address}\n")
        for done in received.done:
            said += bands.message(_about_pull(done, address))
    else:
        said = bands.message(f"error: {_sentence(error)}\n")
    if CAPABILITY_REPORT_STATUS not in received.client:
        return said + bands.end()
    status = [pkt_line(f"{line}\n".encode()) for line in _status(received, is_short=bool(said))]
    return said + bands.data(b"".join([*status, pkt_line(None)])) + bands.end()


def _about_pull(done: Done, address: str) -> str:
    place, ref = f"{address}/discussions/{done.num}", pulls.ref_of(done.num)
    if not done.is_new:
        return f"Pull request {done.num} has your commits: {place}\n"
    return (
        f"Pull request {done.num} is open: {place}\n"
        f"To add to it, run `git push origin HEAD:{ref}`.\n"
    )


def _status(received: Received, *, is_short: bool) -> Iterator[str]:
    """Say of each ref what came of it; `is_short`: the whole sentence was said already."""
    error = received.error
    if error is None:
        yield "unpack ok"
        for update in received.updates:
            yield f"ok {update.ref}"
        return
    text = _sentence(error)
    reason = text.partition(". ")[0] if is_short else text
    culprit = error.ref if isinstance(error, PushRefused) else None
    yield f"unpack {reason if culprit is None else 'ok'}"
    for update in received.updates:
        yield f"ng {update.ref} {reason if culprit in {None, update.ref} else _WHOLE}"


def _sentence(error: HubError) -> str:
    """Return the message in one line, with the commit and the path at fault."""
    place, commit = error.place, error.details.get("commit")
    parts = [f"commit {commit[:_SHOWN]}"] if isinstance(commit, str) else []
    if place and not re.search(rf"(?<!\w){re.escape(place)}(?!\w)", error.message):
        parts.append(place)
    text = ": ".join([", ".join(parts), error.message] if parts else [error.message])
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
