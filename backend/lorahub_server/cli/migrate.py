"""`lorahub-server migrate`, and the same for `serve`."""

from pathlib import Path

import click
from alembic import command as alembic
from alembic.config import Config

from lorahub_server.cli.common import load_settings, open_database, plain_errors, use_carrier
from lorahub_server.config import Settings

_HERE = Path(__file__).resolve()
# In a wheel beside the package; in a checkout at its root.
_PLACES = (_HERE.parents[1] / "_migrations", _HERE.parents[3] / "migrations")


def migrations_dir() -> Path:
    for place in _PLACES:
        if (place / "env.py").is_file():
            return place
    raise click.ClickException("The migrations are missing from this installation; reinstall it.")


def alembic_config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return config


def migrate(settings: Settings) -> None:
    """Bring the database to this version's shape; does nothing when it has it."""
    with plain_errors():
        alembic.upgrade(alembic_config(settings.database_url), "head")
        _list(settings)


def _list(settings: Settings) -> None:
    """Let lists show what an older hub wrote, which knew other ones."""
    from lorahub_server.library.service import is_unlisted, rebuild_all

    database = open_database(settings)
    try:
        with database.read() as session:
            is_older = is_unlisted(session)
        if is_older:
            use_carrier(settings)
            with database.write() as session:
                rebuild_all(session)
            click.echo("The library is rebuilt for this version's lists.", err=True)
    finally:
        database.engine.dispose()


@click.command("migrate")
def command() -> None:
    """Bring the database to this version's shape."""
    settings = load_settings()
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    migrate(settings)
    click.echo("The database has this version's shape.", err=True)
