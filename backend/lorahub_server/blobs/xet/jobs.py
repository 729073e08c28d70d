"""What the hub owes itself: dropping chunks whose upload is long over."""

from datetime import datetime

from sqlalchemy.orm import Session

from lorahub_server import jobs
from lorahub_server.blobs.xet.limits import COLLECT_EVERY

COLLECT_XET = "collect_xet"


def schedule_collect(session: Session, moment: datetime) -> None:
    """Owe a collection for the next day, unless one is owed already."""
    run_after = moment + COLLECT_EVERY
    jobs.enqueue(session, COLLECT_XET, {}, dedup=COLLECT_XET, queue="cpu", run_after=run_after)
