"""Questions to the other hub: few at once, none for long, and no word of who asked."""

import asyncio
import http.client
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import structlog

from lorahub.errors import LorahubError
from lorahub.net.session import Session
from lorahub_server.doors.upstream.brief import Brief
from lorahub_server.kit.errors import HubError

_log = structlog.get_logger(__name__)

# Says that a hub asks, so that hubs which name each other don't ask in circles.
HOP = "X-LoRAHub-Hop"
_HEADERS = {HOP: "1", "Accept": "application/json", "Accept-Encoding": "identity"}
# Clients wait 10 seconds for the facts of a file.
PATIENCE_S = 8.0
_STEP_S = 6.0
# After it failed it is left alone for a moment: whoever asks is told so at once.
_REST_S = 3
_AT_ONCE = 16
_HOPS_MAX = 5
_KEPT = 4096
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BODY_MAX = 16 * 1024 * 1024


class UpstreamAway(HubError):
    status = 503
    code = "upstream_away"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"The repository is not kept here, and {address}, where this hub looks for such ones, "
            "does not answer. Try again in a moment.",
            retry_after=_REST_S,
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What was answered, the names of the headers in lower case; `body` where it was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def is_fine(self) -> bool:
        return self.status < HTTPStatus.BAD_REQUEST


class Upstream:
    """The other hub, asked without anybody's credentials: all get what everybody may have there."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._session = Session(address)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="upstream")
        self._kept: Brief[Told] = Brief(_KEPT)
        self._rests_until = 0.0

    async def ask(self, method: str, target: str, *, keep: float = 0) -> Told:
        """Ask for a path with its query. Redirects within the other hub are followed, and no
        others. The body is read only if nothing is kept; `keep` is for how many seconds the
        answer holds.
        """
        key = f"{method} {target}"
        told = self._kept.get(key)
        if told is not None:
            return told
        if time.monotonic() < self._rests_until:
            raise UpstreamAway(self.address)
        loop = asyncio.get_running_loop()
        with_body = not keep
        try:
            async with asyncio.timeout(PATIENCE_S):
                told = await loop.run_in_executor(
                    self._threads, self._follow, method, target, with_body
                )
        except (OSError, http.client.HTTPException, LorahubError) as error:
            _log.warning("upstream_away", upstream=self.address, reason=str(error)[:500])
            self._rests_until = time.monotonic() + _REST_S
            raise UpstreamAway(self.address) from error
        if told.status >= HTTPStatus.INTERNAL_SERVER_ERROR or told.status in {408, 429}:
            raise UpstreamAway(self.address)
        if keep:
            self._kept.put(key, told, keep)
        return told

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    def _follow(self, method: str, target: str, with_body: bool) -> Told:
        url = self.address + target
        ends = time.monotonic() + PATIENCE_S
        for _ in range(_HOPS_MAX):
            left = max(0.1, min(_STEP_S, ends - time.monotonic()))
            with self._session.once(method, url, headers=_HEADERS, seconds=left) as answer:
                there = answer.headers.get("Location", "")
                is_fine = answer.status < HTTPStatus.BAD_REQUEST
                if method == "HEAD" or (with_body and answer.status == HTTPStatus.OK):
                    body = answer.read(_BODY_MAX)
                else:
                    body = b""
                headers = {name.lower(): value for name, value in answer.headers.items()}
            if answer.status not in _REDIRECTS or not there or not is_fine:
                return Told(answer.status, headers, body)
            url = urljoin(url, there)
            # As clients do: what leads elsewhere has the facts of the file itself.
            if urlsplit(url)[:2] != urlsplit(self.address)[:2]:
                return Told(answer.status, headers, body)
        return Told(HTTPStatus.NOT_FOUND, {})
