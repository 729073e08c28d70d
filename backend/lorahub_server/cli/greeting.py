"""What `serve` says once it listens."""

from ipaddress import IPv6Address, ip_address

from sqlalchemy import select

from lorahub_server.accounts.tables import Account
from lorahub_server.cli.common import open_database
from lorahub_server.config import Settings


def greeting(settings: Settings, port: int) -> str:
    """Return where the hub is and what to do next; how to begin, while it has no account."""
    url = (settings.public_url or f"http://{_reachable(settings.host)}:{port}").rstrip("/")
    lines = ["", f"LoRAHub listens on {url}", f"Data           {settings.data.resolve()}"]
    if not _has_accounts(settings):
        lines += [
            "",
            "Make the first account",
            f"  on the web   {url}/signup",
            "  or here      lorahub-server accounts add NAME --password-stdin --admin",
        ]
    endpoint = "" if url == "http://127.0.0.1:8000" else f"LORAHUB_ENDPOINT={url} "
    lines += [
        "",
        "Publish and fetch",
        f"  {endpoint}lorahub login",
        f"  {endpoint}lorahub push my-adapter.safetensors NAME/my-adapter",
        f"  {endpoint}lorahub pull NAME/my-adapter",
        "",
        "Ctrl-C ends it.",
        "",
    ]
    return "\n".join(lines)


def _has_accounts(settings: Settings) -> bool:
    with open_database(settings).read() as session:
        return session.scalar(select(Account.id).limit(1)) is not None


def _reachable(host: str) -> str:
    """Return what a browser on this machine would write for the address listened on."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "[::1]" if isinstance(address, IPv6Address) else "127.0.0.1"
    return f"[{host}]" if isinstance(address, IPv6Address) else host
