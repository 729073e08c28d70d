from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from lorahub_server.access.caller import Caller
from lorahub_server.config import Settings
from lorahub_server.storage import ObjectStore


@dataclass(slots=True)
class Tx:
    """One request's or job's transaction: the first argument of every subject's service."""

    session: Session
    caller: Caller
    store: ObjectStore
    settings: Settings
    now: datetime
    request_id: str
