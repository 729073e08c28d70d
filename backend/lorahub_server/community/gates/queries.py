"""All SQL of access requests, but for the rules' own questions (access/queries.py)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lorahub_server.access.tables import AccessRequest
from lorahub_server.kit import upsert


def insert_unless_there(session: Session, values: dict[str, Any]) -> None:
    session.execute(upsert.insert(session, AccessRequest).values(values).on_conflict_do_nothing())


def lock_request(session: Session, repo_id: int, account_id: int) -> AccessRequest | None:
    return session.scalar(
        select(AccessRequest)
        .where(AccessRequest.repo_id == repo_id, AccessRequest.account_id == account_id)
        .with_for_update(of=AccessRequest)
        .execution_options(populate_existing=True)
    )


def request_of(session: Session, repo_id: int, account_id: int) -> AccessRequest | None:
    return session.scalar(
        select(AccessRequest).where(
            AccessRequest.repo_id == repo_id, AccessRequest.account_id == account_id
        )
    )


def request_of_id(session: Session, repo_id: int, request_id: int) -> AccessRequest | None:
    return session.scalar(
        select(AccessRequest).where(
            AccessRequest.repo_id == repo_id, AccessRequest.id == request_id
        )
    )


def requests_of_repo(
    session: Session, repo_id: int, status: str | None, after: int, limit: int
) -> Sequence[AccessRequest]:
    """Return a repository's requests by their ids above `after`."""
    statement = select(AccessRequest).where(
        AccessRequest.repo_id == repo_id, AccessRequest.id > after
    )
    if status is not None:
        statement = statement.where(AccessRequest.status == status)
    return session.scalars(statement.order_by(AccessRequest.id).limit(limit)).all()


def count_by_status(session: Session, repo_id: int) -> dict[str, int]:
    rows = session.execute(
        select(AccessRequest.status, func.count())
        .where(AccessRequest.repo_id == repo_id)
        .group_by(AccessRequest.status)
    )
    return {row[0]: row[1] for row in rows}
