"""Connections that stay open between requests."""

import http.client
import select
import threading
import time

from lorahub.net.connect import Route

# Servers close what is idle, often after five seconds; a request on its way then would be lost.
_IDLE_SECONDS = 4


class Pool:
    def __init__(self) -> None:
        self._idle: dict[Route, list[tuple[http.client.HTTPConnection, float]]] = {}
        self._lock = threading.Lock()

    def take(self, route: Route) -> http.client.HTTPConnection | None:
        """A connection that is most likely still good, or None."""
        while True:
            with self._lock:
                waiting = self._idle.get(route)
                if not waiting:
                    return None
                connection, since = waiting.pop()
            if time.monotonic() - since < _IDLE_SECONDS and _is_quiet(connection):
                return connection
            connection.close()

    def give_back(self, route: Route, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle.setdefault(route, []).append((connection, time.monotonic()))

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, {}
        for waiting in idle.values():
            for connection, _ in waiting:
                connection.close()


def _is_quiet(connection: http.client.HTTPConnection) -> bool:
    """Whether nothing waits to be read: what an idle server sends is only its goodbye."""
    try:
        return not select.select([connection.sock], [], [], 0)[0]
    except (OSError, ValueError, TypeError):
        return False
