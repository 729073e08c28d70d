"""Alembic's entry: which database, and which tables the code wants."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any, Literal

from alembic import context
from sqlalchemy import create_engine

import lorahub_server
from lorahub_server.config import Settings
from lorahub_server.kit import ratelimit
from lorahub_server.kit.db import Base, UtcDateTime
from lorahub_server.library.tables_search import FTS

# A change to the schema waits for readers; on PostgreSQL everyone else then waits for it.
_LOCK_TIMEOUT = "10s"


def _load_tables() -> None:
    """Import every subject's `tables`, so that their classes are known to Base."""
    assert ratelimit.RateWindow.__table__ is not None
    for folder in pkgutil.iter_modules(lorahub_server.__path__):
        if (
            folder.ispkg
            and (Path(lorahub_server.__path__[0]) / folder.name / "tables.py").is_file()
        ):
            importlib.import_module(f"lorahub_server.{folder.name}.tables")


def _url() -> str:
    return context.config.get_main_option("sqlalchemy.url") or Settings().database_url


def _render(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    del autogen
    if kind == "type" and isinstance(item, UtcDateTime):
        return "lorahub_server.kit.db.UtcDateTime()"
    return False


def _is_ours(name: str | None, kind: str, parents: object) -> bool:
    """Tell whether autogenerate compares it: FTS5 keeps its index in tables of its own."""
    del parents
    return kind != "table" or name is None or not name.startswith(FTS)


def run() -> None:
    _load_tables()
    engine = create_engine(_url())
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
            connection.commit()
        else:
            connection.exec_driver_sql("PRAGMA busy_timeout = 30000")
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            render_item=_render,
            compare_type=True,
            include_name=_is_ours,
            user_module_prefix="",
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


run()
