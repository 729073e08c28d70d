"""What a server answered, its body still to be read."""

import http.client
import json
from types import TracebackType
from typing import Any, Self

from lorahub.errors import NetworkFailed, server_error
from lorahub.net.connect import Origin, Route
from lorahub.net.pool import Pool

_MOST_JSON_BYTES = 64 * 1024 * 1024
_ERRORS_FROM = 400


class BrokenOff(NetworkFailed):
    """The connection broke in the middle of an answer."""


class Answer:
    """Close it, or use it in a `with`: then its connection can serve the next request."""

    def __init__(
        self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection
    ) -> None:
        self._response = response
        self._connection = connection
        self._pool: Pool | None = None
        self._route: Route | None = None
        self.status = response.status
        self.reason = response.reason
        self.headers = response.headers
        self.origin: Origin | None = None

    def belongs_to(self, pool: Pool, route: Route) -> None:
        """Say where the connection goes when the answer was read."""
        self._pool, self._route = pool, route

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer as far as the body goes. Raises OSError, http.client.HTTPException."""
        return self._response.readinto(buffer)

    def read(self, most: int = _MOST_JSON_BYTES) -> bytes:
        """The whole body. A connection that breaks here raises BrokenOff."""
        try:
            body = self._response.read(most + 1)
        except (OSError, http.client.HTTPException) as error:
            raise _broken(self.origin) from error
        if len(body) > most:
            raise NetworkFailed(f"{self.origin} sent more than was asked for.", code="too_large")
        # What was announced and did not come is no error to http.client.
        if self._response.length:
            raise _broken(self.origin)
        return body

    def json(self) -> Any:
        body = self.read()
        try:
            return json.loads(body) if body else None
        except ValueError:
            raise NetworkFailed(
                f"{self.origin} did not answer as a LoRAHub does. Check the address in "
                "LORAHUB_ENDPOINT or --endpoint, and proxies on the way.",
                code="not_a_hub",
            ) from None

    def check(self) -> Self:
        """Raise the error that the server answered, if it was one."""
        if self.status < _ERRORS_FROM:
            return self
        try:
            told = json.loads(self.read())
        except (ValueError, NetworkFailed):
            told = None
        raise server_error(
            self.status, told, f"{self.origin} answered {self.status} {self.reason}."
        )

    def close(self) -> None:
        response, connection = self._response, self._connection
        if self._pool and self._route and response.isclosed() and not response.will_close:
            self._pool.give_back(self._route, connection)
        else:
            response.close()
            connection.close()
        self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _broken(origin: Origin | None) -> BrokenOff:
    return BrokenOff(f"The connection to {origin} broke in the middle of an answer. Try again.")
