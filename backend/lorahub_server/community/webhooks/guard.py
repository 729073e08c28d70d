"""Where the hub may send to: the public internet, and what its operator allows beside that.

Whoever adds a hook chooses the address. Without this the hub would knock for strangers on doors
that only it can reach: its own machine's, its neighbours', a cloud's metadata.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from lorahub_server.community.webhooks.errors import InvalidWebhook
from lorahub_server.community.webhooks.limits import URL_MAX

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_NUMBERS = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_PORTS = {"http": 80, "https": 443}
# Below it live services that are not for the web, and that may take a request for their own.
_FREE_PORTS = 1024
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart; `path` has the query with it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """The hosts and networks of LORAHUB_WEBHOOK_PRIVATE_HOSTS."""

    hosts: frozenset[str]
    networks: tuple[IpNetwork, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        hosts, networks = set(), []
        for item in filter(None, (part.strip().lower() for part in text.split(","))):
            try:
                networks.append(ipaddress.ip_network(item, strict=False))
            except ValueError:
                hosts.add(item)
        return cls(frozenset(hosts), tuple(networks))

    def takes(self, host: str, address: str) -> bool:
        """Tell whether a request for `host` may go to the address that the name led to."""
        if host.lower() in self.hosts:
            return True
        found = ipaddress.ip_address(address.partition("%")[0])
        if any(found in network for network in self.networks):
            return True
        return all(_is_public(one) for one in _meanings(found))


def read_url(text: str, allowed: Allowed) -> Target:
    """Take an address apart, or raise InvalidWebhook for one that nothing will be sent to."""
    if not 0 < len(text) <= URL_MAX or not _VISIBLE.fullmatch(text):
        raise _bad(f"Give the address as a URL of at most {URL_MAX} plain characters.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _bad("The address is not a URL. Check it.") from error
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host):
        raise _bad("Give an address that begins with https:// or http:// and names a host.")
    if parts.username is not None or parts.password is not None:
        raise _bad("Leave the user name and password out of the address. Use a secret instead.")
    if parts.fragment:
        raise _bad("Leave out what follows the # in the address; it is never sent.")
    port = _PORTS[parts.scheme] if port is None else port
    if port not in _PORTS.values() and port < _FREE_PORTS:
        raise _bad(f"Choose port 80, 443, or one from {_FREE_PORTS} on.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(parts.scheme, host, port, path)
    if not _may_be_sent_to(target, allowed):
        raise _bad(REFUSED)
    return target


REFUSED = (
    "The address leads into a private network, where this hub sends nothing. Use a public one, or "
    "ask whoever runs the hub to add the host to LORAHUB_WEBHOOK_PRIVATE_HOSTS."
)


def _may_be_sent_to(target: Target, allowed: Allowed) -> bool:
    """Tell what is plain without asking anybody what the name leads to."""
    host = target.host.lower()
    if host == "localhost" or host.endswith(".localhost"):
        return allowed.takes(host, "127.0.0.1")
    try:
        return allowed.takes(host, host)
    except ValueError:
        number = _as_number(host)
        # Else a name, which is looked up when something is sent.
        return number is None or allowed.takes(host, number)


def _as_number(host: str) -> str | None:
    """Return the IPv4 address that resolvers read in `2130706433`, `0x7f.1` or `0177.0.0.1`."""
    if not _NUMBERS.fullmatch(host):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def _meanings(address: IpAddress) -> list[IpAddress]:
    """Return the address, and the IPv4 address that it stands for if it is such a one."""
    found: list[IpAddress] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        found += [one for one in inner if one is not None]
    return found


def _is_public(address: IpAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        # Of these the meaning is looked at.
        if address.ipv4_mapped is not None or address in _NAT64:
            return True
        return address in _GLOBAL_V6 and address.is_global
    return address.is_global and not address.is_multicast and not address.is_reserved


def _bad(message: str) -> InvalidWebhook:
    return InvalidWebhook(message, place="url")
