"""One POST to an address that a stranger chose: bounded in time and bytes, and nowhere else."""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lorahub_server.community.webhooks.guard import REFUSED, Allowed, Target
from lorahub_server.community.webhooks.limits import ANSWER_MAX, CONNECT_S, TRY_S

_OK = range(200, 300)
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Sent:
    """How it went: `status` None when no answer came. `error` is empty after a success."""

    status: int | None
    error: str

    @property
    def is_done(self) -> bool:
        return not self.error


class _NotSentError(Exception):
    """The message is for the hook's owner."""


def post(target: Target, body: bytes, headers: Mapping[str, str], allowed: Allowed) -> Sent:
    """Send the body once and return what came of it. Never raises for what the network does."""
    until = time.monotonic() + TRY_S
    try:
        connection = _Connection(target, allowed, until)
        with contextlib.closing(connection), connection.alarm():
            return _exchange(connection, target, body, headers)
    except _NotSentError as error:
        return Sent(None, str(error))
    except ssl.SSLCertVerificationError:
        return Sent(None, "The receiver's certificate is not valid for its name.")
    except ssl.SSLError:
        return Sent(None, "No encrypted connection to the receiver could be made.")
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, TimeoutError) or time.monotonic() >= until:
            return Sent(None, f"The receiver did not answer within {TRY_S:.0f} seconds.")
        return Sent(None, "The connection to the receiver broke, or it sent no HTTP answer.")


def _exchange(
    connection: "_Connection", target: Target, body: bytes, headers: Mapping[str, str]
) -> Sent:
    connection.request("POST", target.path, body, {"Host": target.host_header, **headers})
    answer = connection.getresponse()
    if connection.is_late:
        # Cut off within its headers.
        raise TimeoutError
    status = answer.status
    # Read so far that a polite receiver is not cut off, and forgotten: nobody is shown it.
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        answer.read(ANSWER_MAX)
    if status in _OK:
        return Sent(status, "")
    if status in _REDIRECTS:
        return Sent(status, "The receiver redirects, which is not followed. Give its new address.")
    return Sent(status, f"The receiver answered with the status {status}.")


class _Connection(http.client.HTTPConnection):
    """Connects to the very address that was checked, and breaks off when time is up."""

    def __init__(self, target: Target, allowed: Allowed, until: float) -> None:
        super().__init__(target.host, target.port, timeout=TRY_S)
        self._target = target
        self._allowed = allowed
        self._until = until
        # Where the bytes come from, also while only the answer holds on to it.
        self._wire: socket.socket | None = None

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self._until

    @contextlib.contextmanager
    def alarm(self) -> Iterator[None]:
        """Break the connection off when time is up, whatever is being read from it."""
        timer = threading.Timer(max(0.0, self._until - time.monotonic()), self._break_off)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def connect(self) -> None:
        address = _resolve(self._target, self._allowed)
        self.sock = self._wire = _open(address, self._target.port)
        if self._target.scheme == "https":
            context = ssl.create_default_context()
            self.sock = self._wire = wrapped = context.wrap_socket(
                self.sock, server_hostname=self._target.host, do_handshake_on_connect=False
            )
            wrapped.do_handshake()

    def _break_off(self) -> None:
        # A receiver that sends a byte now and then would keep each single wait short.
        if self._wire is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._wire, socket.SHUT_RDWR)


def _resolve(target: Target, allowed: Allowed) -> str:
    """Return the address to connect to. A name that leads anywhere private is refused whole."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _NotSentError("The receiver's name leads to no address. Check the URL.") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(allowed.takes(target.host, address) for address in addresses):
        raise _NotSentError(REFUSED)
    return addresses[0]


def _open(address: str, port: int) -> socket.socket:
    try:
        sock = socket.create_connection((address, port), timeout=CONNECT_S)
    except TimeoutError as error:
        raise _NotSentError(
            f"No connection to the receiver within {CONNECT_S:.0f} seconds."
        ) from error
    except OSError as error:
        raise _NotSentError("The receiver can't be reached at its address.") from error
    sock.settimeout(TRY_S)
    return sock
