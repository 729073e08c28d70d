"""Pictures that come in for a repository's gallery, by the API or a page's form."""

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import Request

from lorahub_server.access import Tx
from lorahub_server.doors.deps import hub_of, reading, writing
from lorahub_server.doors.streams import Body, pour, work
from lorahub_server.insight.previews import service as previews
from lorahub_server.insight.previews import uploads
from lorahub_server.insight.previews.limits import OF_ACCOUNT, PICTURE_MAX
from lorahub_server.insight.previews.model import Shown
from lorahub_server.insight.previews.uploads import Words
from lorahub_server.kit.ratelimit import hit
from lorahub_server.repos import service
from lorahub_server.repos.tables import Repository


@dataclass(frozen=True, slots=True)
class TakenIn:
    repo: Repository
    shown: Shown


async def receive(request: Request, owner: str, name: str) -> bytes:
    """Return the body of a request by one who may write; rights are checked before it is read."""
    await reading(request, lambda tx: service.get_repo_for_write(tx, owner, name))
    body = Body(request)
    if body.announced is not None and body.announced > PICTURE_MAX:
        raise uploads.too_large()

    def whole(chunks: Iterable[bytes]) -> bytes:
        return b"".join(chunks)

    async with hub_of(request).heavy.one():
        return await pour(body, whole, limit=PICTURE_MAX)


async def take_in(request: Request, owner: str, name: str, data: bytes, words: Words) -> TakenIn:
    """Keep a picture and show it. Raises whatever refuses it, before anything is stored."""
    await reading(request, lambda tx: service.get_repo_for_write(tx, owner, name))
    facts = await work(request, lambda: uploads.check(data))
    hub = hub_of(request)
    account = request.state.caller.name or ""
    await work(request, lambda: hit(hub.db, OF_ACCOUNT, account))

    def begin(tx: Tx) -> None:
        uploads.begin(tx, service.get_repo_for_write(tx, owner, name), facts, words)

    def finish(tx: Tx) -> TakenIn:
        repo = service.get_repo_for_write(tx, owner, name)
        row = uploads.finish(tx, repo, facts, words)
        return TakenIn(repo, previews.of_id(tx, repo, row.id))

    await writing(request, begin)
    await work(request, lambda: uploads.put(hub.store, facts, data))
    return await writing(request, finish)
