"""Requests to one hub, and to wherever it redirects. Threads may share a session."""

import http.client
import json
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urljoin, urlsplit

import lorahub
from lorahub.errors import NetworkFailed
from lorahub.net import patience
from lorahub.net.answer import Answer, BrokenOff
from lorahub.net.connect import Origin, connect, origin_of, route_to
from lorahub.net.pool import Pool
from lorahub.settings import number

# A body is bytes, or something that can be read from the start again; then the headers have its
# Content-Length.
Body = bytes | Iterable[bytes]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD = frozenset({307, 308})
_SEE_OTHER = 303
_MOST_REDIRECTS = 10
_MOST_DRAINED = 64 * 1024
# What may stand in an address as it is.
_SAFE = "%/:=&?~#+!$,;'@()*[]"


class _Asked(NamedTuple):
    method: str
    url: str
    body: Body | None
    headers: Mapping[str, str]
    seconds: float


class Session:
    """`endpoint` is a normal one (see settings). The token goes to that server and no other."""

    def __init__(
        self,
        endpoint: str,
        token: str | None = None,
        *,
        notify: Callable[[str], None] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.token = token
        self.notify = notify or (lambda _: None)
        self.retries = number("LORAHUB_RETRIES", 5, least=0, most=100)
        self.seconds = float(number("LORAHUB_TIMEOUT", 60, least=1, most=86400))
        self._origin = origin_of(endpoint)
        self._answered: set[Origin] = set()
        self._pool = Pool()
        self._ended = threading.Event()

    def json(
        self,
        method: str,
        path: str,
        payload: object = None,
        *,
        query: Mapping[str, object] | None = None,
        seconds: float | None = None,
    ) -> Any:
        """Send JSON, return the answered JSON (None when the answer is empty)."""
        headers = {"Accept": "application/json"}
        body = None
        if payload is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(payload).encode()
        if query:
            path += "?" + urlencode(query)
        tries = self.retries if method == "GET" else 0
        while True:
            try:
                with self.open(method, path, body=body, headers=headers, seconds=seconds) as answer:
                    return answer.check().json()
            except BrokenOff:
                if tries <= 0:
                    raise
                tries -= 1

    def open(
        self,
        method: str,
        path: str,
        *,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Send a request, to a path below the endpoint or a whole address. Follows redirects and
        tries again where that can help; the answer may still be an error.
        """
        url = path if "://" in path.partition("?")[0] else f"{self.endpoint}/{path.lstrip('/')}"
        asked = _Asked(method, url, body, headers or {}, seconds or self.seconds)
        for _ in range(_MOST_REDIRECTS):
            answer = self._persist(asked)
            target = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or not target:
                return answer
            _drain(answer)
            asked = self._redirected(asked, answer.status, target)
        raise NetworkFailed(f"{self.endpoint} redirects in circles.", code="redirects")

    def once(self, method: str, url: str, *, headers: Mapping[str, str], seconds: float) -> Answer:
        """Send one request, without a body, to a whole address. No redirect is followed, and
        nothing is tried again; raises OSError, http.client.HTTPException or LorahubError.
        """
        return self._once(_Asked(method, url, None, headers, seconds), origin_of(url))

    def close(self) -> None:
        """End waiting requests and close idle connections."""
        self._ended.set()
        self._pool.close()

    def pause(self, seconds: float) -> None:
        """Wait, unless the session is being closed."""
        if self._ended.wait(seconds):
            raise NetworkFailed("The transfer was stopped.", code="stopped")

    def _persist(self, asked: _Asked) -> Answer:
        origin = origin_of(asked.url)
        attempt = 0
        while True:
            wait: float | None = None
            try:
                answer = self._once(asked, origin)
            except (OSError, http.client.HTTPException) as error:
                known = origin in self._answered
                most = self.retries if known else min(self.retries, patience.FIRST_CONTACT_RETRIES)
                if attempt >= most or patience.refused_by_proxy(error):
                    raise patience.unreachable(route_to(origin), error) from error
                trouble = patience.what_broke(error)
            else:
                self._answered.add(origin)
                wait = patience.asked_wait(answer.headers)
                if (
                    answer.status not in patience.TRY_AGAIN
                    or attempt >= self.retries
                    or (wait or 0) > patience.LONGEST_ASKED
                ):
                    return answer
                trouble = f"it answered {answer.status} {answer.reason}"
                _drain(answer)
            wait = patience.wait_before(attempt) if wait is None else wait
            attempt += 1
            self.notify(f"{origin}: {trouble}; asking again in {wait:.1f} s")
            self.pause(wait)

    def _once(self, asked: _Asked, origin: Origin) -> Answer:
        route = route_to(origin)
        headers = {"User-Agent": _user_agent(), **asked.headers}
        if self.token and self._is_ours(origin):
            headers["Authorization"] = f"Bearer {self.token}"
        target = _target(asked.url)
        if route.proxy and origin.scheme == "http":
            target = f"{origin}{target}"
            headers |= route.proxy.headers
        connection = self._pool.take(route)
        if connection is not None:
            try:
                answer = _exchange(connection, asked, target, headers)
            except (ConnectionError, http.client.BadStatusLine):
                # It was closed while it lay idle; that says nothing about the server.
                connection = None
        if connection is None:
            answer = _exchange(connect(route, asked.seconds), asked, target, headers)
        answer.belongs_to(self._pool, route)
        answer.origin = origin
        return answer

    def _is_ours(self, origin: Origin) -> bool:
        """Whether the token may go there: to the hub itself, also when it moves to https."""
        secured = self._origin._replace(scheme="https", port=443)
        plain = (self._origin.scheme, self._origin.port) == ("http", 80)
        return origin == self._origin or (plain and origin == secured)

    def _redirected(self, asked: _Asked, status: int, target: str) -> _Asked:
        url = urljoin(asked.url, quote(target, safe=_SAFE))
        if status == _SEE_OTHER and asked.method not in ("GET", "HEAD"):
            return asked._replace(method="GET", url=url, body=None)
        if asked.method not in ("GET", "HEAD") and (
            status not in _SAME_METHOD or not self._is_ours(origin_of(url))
        ):
            raise NetworkFailed(
                f"{self.endpoint} redirects to {origin_of(url)}, where a change must not be sent "
                "blindly. If the hub moved there, use that address with --endpoint.",
                code="redirects",
            )
        return asked._replace(url=url)


def _exchange(
    connection: http.client.HTTPConnection,
    asked: _Asked,
    target: str,
    headers: Mapping[str, str],
) -> Answer:
    """Send on an open connection and read the head of the answer."""
    whole = True
    try:
        connection.sock.settimeout(asked.seconds)
        try:
            connection.request(asked.method, target, body=asked.body, headers=headers)
        except ConnectionError:
            if asked.body is None:
                raise
            # A server that refuses may answer before it has read everything.
            whole = False
        response = connection.getresponse()
    except BaseException:
        connection.close()
        raise
    if not whole:
        response.will_close = True
    return Answer(response, connection)


def _drain(answer: Answer) -> None:
    """Read the rest of a short body, so that the connection can go on."""
    try:
        answer.read(_MOST_DRAINED)
    except NetworkFailed:
        pass
    finally:
        answer.close()


def _target(url: str) -> str:
    parts = urlsplit(url)
    path = quote(parts.path or "/", safe=_SAFE)
    return f"{path}?{quote(parts.query, safe=_SAFE)}" if parts.query else path


def _user_agent() -> str:
    return f"lorahub/{lorahub.__version__} Python/{sys.version_info[0]}.{sys.version_info[1]}"
