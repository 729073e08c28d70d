"""What the commands share: settings, the database, and errors as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from lorahub_server.config import Settings
from lorahub_server.jobs import carrier
from lorahub_server.kit import logs
from lorahub_server.kit.db import Database
from lorahub_server.kit.errors import HubError


def load_settings(**overrides: Any) -> Settings:
    """Return the settings; options that were given win over the environment.

    Also turns logging on. Raises a ClickException that names the variable at fault.
    """
    logs.configure()
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise click.ClickException(f"LORAHUB_{name} is not right: {first['msg']}.") from error


def open_database(settings: Settings) -> Database:
    return Database(settings.database_url)


def use_carrier(settings: Settings) -> None:
    """Announce jobs made by this process as the settings say."""
    with plain_errors():
        carrier.use(
            carrier.open_carrier(
                settings.carrier, run_dir=settings.data / "run", redis_url=settings.redis_url
            )
        )


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what a person can mend into one sentence and exit code 1."""
    try:
        yield
    except HubError as error:
        raise click.ClickException(str(error)) from error
    except ProgrammingError as error:
        raise click.ClickException(_NO_TABLES) from error
    except OperationalError as error:
        if "no such table" in str(error.orig):
            raise click.ClickException(_NO_TABLES) from error
        said = _first_line(error)
        if said == "unable to open database file":
            raise click.ClickException(_NO_FILE) from error
        raise click.ClickException(f"The database cannot be used: {said}.") from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error


_NO_TABLES = (
    "The database lacks the hub's tables; `lorahub-server migrate` (or `serve`) makes them."
)
_NO_FILE = (
    "There is no hub in this data folder. Set LORAHUB_DATA to the folder of yours, or start one "
    "with `lorahub-server serve`."
)


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().split("\n")[0].rstrip(".")
