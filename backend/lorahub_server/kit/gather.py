"""Many rows as one value of JSON, so that they come beside others in one statement."""

import json
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func
from sqlalchemy.orm import Session


def rows(session: Session, *columns: Any) -> ColumnElement[str]:
    """Return an aggregate: the columns of all rows as a text, which `read_rows` reads."""
    if _is_postgresql(session):
        return cast(func.json_agg(func.json_build_array(*columns)), Text)
    return cast(func.json_group_array(func.json_array(*columns)), Text)


def read_rows(text: str | None) -> list[list[Any]]:
    """Return what `rows` gathered; NULL are none."""
    found: list[list[Any]] = json.loads(text) if text else []
    return found


def mapping(session: Session, key: Any, value: Any) -> Any:
    """Return an aggregate: an object of JSON with the values of all rows by their keys."""
    together = func.json_object_agg if _is_postgresql(session) else func.json_group_object
    return together(key, value)


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
