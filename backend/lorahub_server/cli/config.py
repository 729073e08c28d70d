"""`lorahub-server config`: the settings in effect."""

import json
from urllib.parse import urlsplit, urlunsplit

import click
from pydantic import SecretBytes, SecretStr

from lorahub_server.cli.common import load_settings

_SECRET_WORDS = ("secret", "password", "token", "access_key")


@click.command("config")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(as_json: bool) -> None:
    """Show the settings in effect; secrets are hidden."""
    settings = load_settings()
    shown = {
        name: hide(name, getattr(settings, name)) for name in sorted(type(settings).model_fields)
    }
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return
    for name, value in shown.items():
        click.echo(f"LORAHUB_{name.upper()}={'' if value is None else value}")


def hide(name: str, value: object) -> object:
    """Return a setting as it may be shown: no secrets, no passwords inside addresses."""
    secret = isinstance(value, SecretStr | SecretBytes)
    if value and (secret or any(word in name for word in _SECRET_WORDS)):
        return "(hidden)"
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    parts = urlsplit(text) if "://" in text else None
    if parts is not None and parts.password is not None:
        address = parts.netloc.rpartition("@")[2]
        text = urlunsplit(parts._replace(netloc=f"{parts.username}:(hidden)@{address}"))
    return text
