"""The rule of who sees which repository, on the columns that it is about."""

from sqlalchemy import ColumnElement

from lorahub_server.access import Caller, visible
from lorahub_server.repos.tables import Repository


def visible_repos(caller: Caller) -> ColumnElement[bool]:
    """Return the condition that holds for the repositories that the caller may see."""
    return visible(
        caller,
        owner_id=Repository.owner_id,
        private=Repository.private,
        deleted_at=Repository.deleted_at,
    )
