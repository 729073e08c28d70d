"""Clients that stop in the middle of something are not waited for without an end."""

import asyncio

from starlette.types import Message, Receive

from lorahub_server.kit.errors import HubError

# A client that sends or takes nothing for so long is taken for gone.
IDLE_S = 120.0


class Stalled(HubError):
    """The body stopped coming."""

    status = 408
    code = "stalled"


async def in_time(receive: Receive) -> Message:
    """Return the next message of the body, or raise Stalled."""
    try:
        async with asyncio.timeout(IDLE_S):
            return await receive()
    except TimeoutError:
        raise Stalled("The body stopped coming. Send the rest, or begin again.") from None
