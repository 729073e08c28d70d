"""What the hub owes itself: clearing away bytes that nobody needs."""

from datetime import datetime

from sqlalchemy.orm import Session

from lorahub_server import jobs
from lorahub_server.blobs.limits import COLLECT_EVERY

COLLECT = "collect"


def schedule_collect(session: Session, moment: datetime) -> None:
    """Owe a collection for the next day, unless one is owed already."""
    jobs.enqueue(session, COLLECT, {}, dedup=COLLECT, queue="cpu", run_after=moment + COLLECT_EVERY)
