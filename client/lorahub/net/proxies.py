"""Which proxy a request goes through, from the variables that curl and pip read."""

import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from lorahub.errors import UsageError

_PORTS = {"http": 80, "https": 443}


class Proxy(NamedTuple):
    """`authorization` is the value of the header of that name, or None."""

    scheme: str
    host: str
    port: int
    authorization: str | None

    @property
    def shown(self) -> str:
        """Its address without the password."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


def find_proxy(
    scheme: str, host: str, port: int, environ: Mapping[str, str] = os.environ
) -> Proxy | None:
    """The proxy for a server, or None to connect directly."""
    given = _variable(environ, f"{scheme}_proxy") or _variable(environ, "all_proxy")
    if not given or is_excluded(host, port, _variable(environ, "no_proxy")):
        return None
    return parse_proxy(given, scheme)


def _variable(environ: Mapping[str, str], name: str) -> str:
    """A variable in small letters, or else in capitals."""
    if value := environ.get(name, ""):
        return value
    # In a CGI program HTTP_PROXY is a header that a stranger sent.
    if name == "http_proxy" and "REQUEST_METHOD" in environ:
        return ""
    return environ.get(name.upper(), "")


def parse_proxy(text: str, target: str) -> Proxy:
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if not parts.hostname or port == -1:
        raise UsageError(
            "The proxy address can't be read. Write http://proxy.example:3128 in "
            f"{target.upper()}_PROXY."
        )
    if parts.scheme not in _PORTS or (parts.scheme == "https" and target == "https"):
        raise UsageError(
            f"Proxies of the kind {parts.scheme}:// are not supported for {target}:// addresses. "
            f"Set {target.upper()}_PROXY to an http:// proxy, or NO_PROXY to the hub's host."
        )
    return Proxy(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], _basic(parts))


def _basic(parts: object) -> str | None:
    user, password = getattr(parts, "username", None), getattr(parts, "password", None)
    if user is None:
        return None
    import base64

    pair = f"{unquote(user)}:{unquote(password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def is_excluded(host: str, port: int, no_proxy: str) -> bool:
    """Whether NO_PROXY names the host: `*`, a name and all below it, an address, or a network."""
    host = host.lower().strip("[]").rstrip(".")
    for word in no_proxy.replace(",", " ").split():
        entry = word.lower()
        if entry == "*":
            return True
        if "/" in entry:
            if _in_network(host, entry):
                return True
            continue
        name, _, wanted = entry.rpartition(":") if _has_port(entry) else (entry, "", "")
        if wanted and wanted != str(port):
            continue
        name = name.strip("[]").removeprefix("*").strip(".")
        if name and (host == name or host.endswith(f".{name}")):
            return True
    return False


def _has_port(entry: str) -> bool:
    name, colon, port = entry.rpartition(":")
    return bool(colon) and port.isdigit() and (":" not in name or name.endswith("]"))


def _in_network(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
