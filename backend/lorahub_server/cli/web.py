"""One web process of `serve`: `python -m lorahub_server.cli.web FD` answers on that socket."""

import asyncio
import logging
import signal
import socket
import sys
from types import FrameType

import uvicorn
from starlette.requests import ClientDisconnect

from lorahub_server.app import create_app
from lorahub_server.cli.common import load_settings, use_carrier
from lorahub_server.kit.child import end_with_parent, tell_ready

# The parent cuts transfers long before; this is for the case that its signal gets lost.
_PATIENCE_S = 30


class _Server(uvicorn.Server):
    """Ends when transfers are through (SIGTERM), or cuts them and ends (SIGINT)."""

    _loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._loop = asyncio.get_running_loop()
            tell_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del frame
        self.should_exit = True
        if sig == signal.SIGINT:
            self.cut()

    def cut(self) -> None:
        """End now. The application sees clients that went away, which it knows how to bear."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()


def _is_ours(record: logging.LogRecord) -> bool:
    """Leave out clients that went away in the middle of a request: no error of the hub's."""
    return not (record.exc_info and isinstance(record.exc_info[1], ClientDisconnect))


def main(fd: int) -> int:
    settings = load_settings()
    logging.getLogger("uvicorn.error").addFilter(_is_ours)
    use_carrier(settings)
    server = _Server(
        uvicorn.Config(
            create_app(settings),
            loop="uvloop",
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_PATIENCE_S,
        )
    )
    end_with_parent(server.cut)
    server.run(sockets=[socket.socket(fileno=fd)])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
