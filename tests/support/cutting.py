"""A line between a client and a hub that breaks when it has carried so much."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_PIECE = 64 * 1024


class Line:
    """Carries connections to `endpoint`; the next bodies above a size are cut off.

    `answers` and `requests` hold after how many bytes, one number for each cut that is to come.
    """

    def __init__(self, endpoint: str) -> None:
        place = urlsplit(endpoint)
        self._target = (place.hostname or "", place.port or 80)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.carried_down = self.carried_up = 0
        self.answers: list[int] = []
        self.requests: list[int] = []
        self.endpoint = f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                _Connection(self, near, socket.create_connection(self._target)).start()

    def breaks(self, waiting: list[int], carried: int) -> bool:
        with self._lock:
            if waiting and carried >= waiting[0]:
                waiting.pop(0)
                return True
            return False


class _Connection:
    def __init__(self, line: Line, near: socket.socket, far: socket.socket) -> None:
        self._line = line
        self._near = near
        self._far = far
        # Bytes since the other side said something: those of one request or answer.
        self._up = self._down = 0

    def start(self) -> None:
        threading.Thread(target=self._carry_up, daemon=True).start()
        threading.Thread(target=self._carry_down, daemon=True).start()

    def _carry_up(self) -> None:
        with suppress(OSError):
            while data := self._near.recv(_PIECE):
                self._up, self._down = self._up + len(data), 0
                if self._line.breaks(self._line.requests, self._up):
                    break
                self._far.sendall(data)
                self._line.carried_up += len(data)
        self._end()

    def _carry_down(self) -> None:
        with suppress(OSError):
            while data := self._far.recv(_PIECE):
                self._up, self._down = 0, self._down + len(data)
                self._near.sendall(data)
                self._line.carried_down += len(data)
                if self._line.breaks(self._line.answers, self._down):
                    break
        self._end()

    def _end(self) -> None:
        for one in (self._near, self._far):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
