"""Opening a connection: TLS, and through a proxy when there is one."""

import http.client
import os
import ssl
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from lorahub.errors import LorahubError, NetworkFailed
from lorahub.net.proxies import Proxy, find_proxy

CONNECT_SECONDS = 15
_SEND_BYTES = 256 * 1024
_PORTS = {"http": 80, "https": 443}
# Where systems keep their certificates, for a Python that does not know.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Origin(NamedTuple):
    """Where a request goes. A token is for one origin."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        shown = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{shown}"


class Route(NamedTuple):
    origin: Origin
    proxy: Proxy | None


def origin_of(url: str) -> Origin:
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if scheme not in _PORTS or not host:
        raise NetworkFailed(f"The address {url[:200]!r} can't be used.", code="bad_address")
    return Origin(scheme, host.lower(), port or _PORTS[scheme])


def route_to(origin: Origin) -> Route:
    return Route(origin, find_proxy(*origin))


def connect(route: Route, seconds: float) -> http.client.HTTPConnection:
    """An open connection, ready for a request. Raises OSError, or LorahubError where trying again
    can't help.
    """
    origin, proxy = route
    near = proxy or origin
    first = min(seconds, CONNECT_SECONDS)
    connection: http.client.HTTPConnection
    if near.scheme == "https" or origin.scheme == "https":
        connection = http.client.HTTPSConnection(
            near.host,
            near.port,
            timeout=first,
            context=tls_context(),
            blocksize=_SEND_BYTES,
        )
    else:
        connection = http.client.HTTPConnection(
            near.host, near.port, timeout=first, blocksize=_SEND_BYTES
        )
    if proxy and origin.scheme == "https":
        connection.set_tunnel(origin.host, origin.port, headers=proxy.headers)
    try:
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        connection.close()
        raise NetworkFailed(
            f"The certificate of {origin.host} can't be trusted: {error.verify_message}. If it is "
            "signed by your own authority, name that authority's certificates in SSL_CERT_FILE.",
            code="certificate",
        ) from error
    except BaseException:
        connection.close()
        raise
    connection.sock.settimeout(seconds)
    return connection


@cache
def tls_context() -> ssl.SSLContext:
    """The system's certificates, or those of SSL_CERT_FILE and SSL_CERT_DIR."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        given = os.environ.get(name)
        if given and not Path(given).exists():
            raise LorahubError(f"{name} names {given}, which is not there. Mend or unset it.")
    context = ssl.create_default_context()
    given = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
    paths = ssl.get_default_verify_paths()
    known = (paths.openssl_cafile, paths.openssl_capath)
    if not given and not any(Path(path).exists() for path in known):
        found = next((path for path in _BUNDLES if Path(path).is_file()), None)
        if found:
            context.load_verify_locations(found)
    return context
