from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lorahub_server.access.tables import AccessRequest


def state_of(session: Session, repo_id: int, account_id: int) -> str | None:
    """Return what became of an account's request for a repository; None: there is none."""
    return session.scalar(
        select(AccessRequest.status).where(
            AccessRequest.repo_id == repo_id, AccessRequest.account_id == account_id
        )
    )


def is_accepted(account_id: int, repo_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    return exists().where(
        AccessRequest.repo_id == repo_id,
        AccessRequest.account_id == account_id,
        AccessRequest.status == "accepted",
    )
