"""HEAD is GET without its body, on every address."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MARK = "lorahub.head"


def is_head(scope: Scope) -> bool:
    """Tell whether only the headers are asked for: the body need not even be read."""
    return _MARK in scope


class Head:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def bodiless(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
            elif not message.get("more_body", False):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        # A copy: the server itself must go on to see HEAD.
        await self.app({**scope, "method": "GET", _MARK: True}, receive, bodiless)
