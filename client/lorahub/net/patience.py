"""When and how long to wait before asking again."""

import http.client
import socket
import time

from lorahub.errors import NetworkFailed
from lorahub.net.connect import Route

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
# A server may ask for more patience than that; then a person should decide.
LONGEST_ASKED = 120.0
# An address that never answered is more often wrong than busy.
FIRST_CONTACT_RETRIES = 2

TRY_AGAIN = frozenset({429, 502, 503, 504})


def wait_before(attempt: int) -> float:
    """Seconds to wait before the retry number `attempt`, which counts from 0; with some chance in
    it, so that many clients do not come back at once.
    """
    chance = time.perf_counter_ns() % 1000 / 1000
    return min(FIRST_WAIT * float(2**attempt), LONGEST_WAIT) * (0.75 + 0.5 * chance)


def asked_wait(headers: http.client.HTTPMessage) -> float | None:
    """The seconds of a Retry-After header, which holds a number or a date."""
    value = (headers.get("Retry-After") or "").strip()
    if value.isascii() and value.isdigit():
        return float(min(int(value[:9]), 10**9))
    if not value:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None


def refused_by_proxy(error: BaseException) -> bool:
    """Whether the proxy answered CONNECT with a 4xx, which asking again does not change."""
    return "Tunnel connection failed: 4" in str(error)


def unreachable(route: Route, error: BaseException) -> NetworkFailed:
    """The error to raise when a server could not be asked."""
    origin, proxy = route
    if proxy and "Tunnel connection failed" in str(error):
        said = str(error).partition("failed: ")[2]
        return NetworkFailed(
            f"The proxy {proxy.shown} did not connect to {origin}: {said}. Check HTTPS_PROXY and "
            f"the name and password in it, or add {origin.host} to NO_PROXY.",
            code="proxy",
        )
    if proxy:
        return NetworkFailed(
            f"{origin} was not reached through the proxy {proxy.shown}: {what_broke(error)}. "
            f"Check the proxy variables, or add {origin.host} to NO_PROXY.",
            code="proxy",
        )
    return NetworkFailed(
        f"{origin} was not reached: {what_broke(error)}. Check that the hub runs there and that "
        "the address is right (--endpoint or LORAHUB_ENDPOINT), then try again."
    )


def what_broke(error: BaseException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens at that address"
    if isinstance(error, socket.gaierror):
        return "no machine of that name is known"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.IncompleteRead | ConnectionError):
        return "the connection broke"
    if isinstance(error, http.client.HTTPException):
        return "the answer was not HTTP"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
