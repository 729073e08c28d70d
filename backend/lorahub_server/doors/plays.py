"""Asking the playground: what the API and the page have in common."""

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from lorahub_server.access import Tx
from lorahub_server.doors.deps import hub_of, reading, writing
from lorahub_server.insight.playground import service as playground
from lorahub_server.insight.playground.limits import of_account
from lorahub_server.insight.playground.model import Wish
from lorahub_server.kit.ratelimit import hit
from lorahub_server.repos import service


async def asked(request: Request, owner: str, name: str, wish: Wish) -> int:
    """Ask for it and return the play's id. Raises what `playground.ask` does, and RateLimited."""
    wanted = wish.seeded()

    def look(tx: Tx) -> bool:
        return playground.must_be_counted(tx, service.get_repo(tx, owner, name), wanted)

    def ask(tx: Tx) -> int:
        return playground.ask(tx, service.get_repo(tx, owner, name), wanted).id

    if await reading(request, look):
        hub, account = hub_of(request), request.state.caller.name
        await run_in_threadpool(hit, hub.db, of_account(hub.settings), account)
    return await writing(request, ask)
