"""`column IN (many values)` as one parameter, however many there are."""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, String, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session


def among(
    session: Session, column: InstrumentedAttribute[Any], texts: Collection[str]
) -> ColumnElement[bool]:
    """Return the condition that a text column has one of these values.

    A list of parameters has a limit, fills the cache of statements with one for each length, and
    lets PostgreSQL compare each row with each value once it has prepared the statement.
    """
    wanted = sorted(set(texts))
    if session.get_bind().dialect.name == "postgresql":
        return column.in_(select(func.unnest(literal(wanted, ARRAY(String)))))
    return column.in_(select(func.json_each(json.dumps(wanted)).table_valued("value").c.value))
