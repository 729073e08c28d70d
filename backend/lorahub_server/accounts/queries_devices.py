from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lorahub_server.accounts.tables import DeviceCode


def by_device_hash(session: Session, device_hash: str, *, lock: bool = False) -> DeviceCode | None:
    statement = select(DeviceCode).where(DeviceCode.device_hash == device_hash)
    return session.scalar(statement.with_for_update() if lock else statement)


def by_user_hash(session: Session, user_hash: str, *, lock: bool = False) -> DeviceCode | None:
    statement = select(DeviceCode).where(DeviceCode.user_hash == user_hash)
    return session.scalar(statement.with_for_update() if lock else statement)


def delete_expired(session: Session, before: datetime) -> None:
    session.execute(delete(DeviceCode).where(DeviceCode.expires_at <= before))
