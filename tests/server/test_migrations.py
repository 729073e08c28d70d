"""The migrations make the tables that the code wants, and can be undone, on both databases."""

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Column, Integer, Table, create_engine, inspect

from lorahub_server.cli.migrate import alembic_config, migrate
from lorahub_server.library.search import Query, find
from support.inside import Inside


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_up_down_and_up_again(database_url):
    config = alembic_config(database_url)
    command.upgrade(config, "head")
    full = tables(database_url)
    assert {"accounts", "repositories", "jobs"} <= full
    command.check(config)
    command.downgrade(config, "base")
    assert tables(database_url) == {"alembic_version"}
    command.upgrade(config, "head")
    assert tables(database_url) == full
    command.check(config)


def test_what_an_older_hub_wrote_is_listed(database_url, tmp_path):
    """Lists of before the tables that they walk now."""
    config = alembic_config(database_url)
    command.upgrade(config, "head")
    hub = Inside(database_url, f"file://{tmp_path}/objects", tmp_path, make_tables=False)
    try:
        hub.make_repo("neon-city")
        hub.commit({"README.md": b"---\ntags: [night]\n---\n# Neon\n"}, "neon-city")
        hub.db.engine.dispose()
        command.downgrade(config, "000000000003")
        migrate(hub.settings)
        for query in (Query(tags=("night",)), Query(text="neon"), Query()):
            with hub.look(None) as tx:
                assert [card.name for card in find(tx, query).items] == ["neon-city"]
    finally:
        hub.close()


def test_a_table_without_a_migration_is_noticed(database_url):
    from lorahub_server.kit.db import Base

    config = alembic_config(database_url)
    command.upgrade(config, "head")
    extra = Table("forgotten", Base.metadata, Column("id", Integer, primary_key=True))
    try:
        with pytest.raises(CommandError, match="forgotten"):
            command.check(config)
    finally:
        Base.metadata.remove(extra)


def test_there_is_one_line_of_migrations():
    script = ScriptDirectory.from_config(alembic_config("sqlite://"))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1
