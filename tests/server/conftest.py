from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def accounts_db(database_url: str) -> Iterator[Any]:
    """Give an empty database with the tables of accounts and rate limits, on both engines."""
    from lorahub_server.accounts import tables
    from lorahub_server.kit.db import Base, Database
    from lorahub_server.kit.ratelimit import RateWindow

    classes = [tables.Account, tables.NameClaim, tables.FormerName, tables.LoginSession]
    classes += [tables.ApiToken, tables.DeviceCode, tables.Membership]
    wanted = [c.__table__ for c in (*classes, RateWindow)]
    database = Database(database_url)
    with database.write() as session:
        Base.metadata.create_all(session.connection(), tables=wanted)
    yield database
    database.engine.dispose()
