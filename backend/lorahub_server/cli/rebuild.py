"""`lorahub-server rebuild`: derived columns again, from what they are derived from."""

import click

from lorahub_server.cli.common import load_settings, open_database, plain_errors, use_carrier


@click.command("rebuild")
def command() -> None:
    """Derive the library's columns again from cards and inspections; owe missing small copies."""
    from lorahub_server.library.service import rebuild_all

    settings = load_settings()
    use_carrier(settings)
    with plain_errors(), open_database(settings).write() as session:
        rebuild_all(session)
    click.echo("The library is rebuilt.", err=True)
