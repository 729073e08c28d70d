"""What `serve` says once it listens."""

import os
import shlex
import shutil
import sys
from ipaddress import IPv6Address, ip_address
from pathlib import Path

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
            f"  or here      {_same_hub()}{program('lorahub-server')} accounts add NAME --admin",
        ]
    endpoint = "" if url == "http://127.0.0.1:8000" else f"LORAHUB_ENDPOINT={url} "
    client = program("lorahub")
    lines += [
        "",
        "Publish and fetch",
        f"  {endpoint}{client} login",
        f"  {endpoint}{client} push my-adapter.safetensors NAME/my-adapter",
        f"  {endpoint}{client} pull NAME/my-adapter",
        "",
        "Ctrl-C ends it.",
        "",
    ]
    return "\n".join(lines)


def program(name: str) -> str:
    """Return how to call a program of this installation from this folder."""
    own = Path(sys.executable).with_name(name)
    found = shutil.which(name)
    if (found is not None and Path(found) == own) or not own.exists():
        return name
    here = Path.cwd()
    return shlex.quote(str(own.relative_to(here) if own.is_relative_to(here) else own))


def _same_hub() -> str:
    """Return the setting without which another command would find another hub."""
    data = os.environ.get("LORAHUB_DATA")
    return "" if data is None else f"LORAHUB_DATA={shlex.quote(data)} "


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
