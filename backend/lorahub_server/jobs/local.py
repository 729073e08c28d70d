"""The embedded carrier's worker: takes due jobs from the table, one after the other."""

import sqlite3
from collections.abc import Sequence

import structlog
from sqlalchemy.exc import DBAPIError

from lorahub_server.jobs.runner import Outcome, Runtime, run
from lorahub_server.jobs.wake import Alarm

_log = structlog.get_logger(__name__)

POLL_S = 1.0
_AFTER_ERROR_S = 2.0


def work(runtime: Runtime, queues: Sequence[str], alarm: Alarm) -> None:
    """Run jobs until the alarm is stopped. A database that is away for a while is waited for."""
    while not runtime.stopping.is_set():
        try:
            outcome = run(runtime, queues)
        except (DBAPIError, sqlite3.Error) as error:
            _log.warning("database_not_ready", error=type(error).__name__)
            alarm.wait(_AFTER_ERROR_S)
            continue
        if outcome is Outcome.NOTHING:
            alarm.wait(POLL_S)
