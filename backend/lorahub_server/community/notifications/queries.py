"""All SQL of notifications."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lorahub_server.accounts.tables import Account
from lorahub_server.community.notifications.tables import Notification


def of_account(
    session: Session, account_id: int, before: int | None, limit: int
) -> Sequence[Notification]:
    """Return an account's notifications, the latest first."""
    statement = select(Notification).where(Notification.account_id == account_id)
    if before is not None:
        statement = statement.where(Notification.id < before)
    return session.scalars(statement.order_by(Notification.id.desc()).limit(limit)).all()


def add(session: Session, notification: Notification) -> None:
    session.add(notification)
    session.execute(
        update(Account)
        .where(Account.id == notification.account_id)
        .values(unread=Account.unread + 1, updated_at=Account.updated_at)
        .execution_options(synchronize_session=False)
    )


def mark_read(session: Session, account_id: int, moment: datetime) -> None:
    session.execute(
        update(Notification)
        .where(Notification.account_id == account_id, Notification.read_at.is_(None))
        .values(read_at=moment)
    )
    session.execute(update(Account).where(Account.id == account_id).values(unread=0))


def delete_before(session: Session, account_id: int, moment: datetime) -> None:
    session.execute(
        delete(Notification).where(
            Notification.account_id == account_id,
            Notification.created_at < moment,
            Notification.read_at.is_not(None),
        )
    )
