"""Counting downloads without a write for each: a sum in the process, written every few seconds.

A process that is killed loses the last seconds' counts, and nothing else.
"""

import threading
from collections import Counter

import structlog
from sqlalchemy.exc import SQLAlchemyError

from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Database
from lorahub_server.library import indexing, queries, trending

_log = structlog.get_logger(__name__)

EVERY_S = 5.0
# Of one transaction: it holds the locks of as many rows.
_BATCH = 200
_waiting: Counter[int] = Counter()
_lock = threading.Lock()


def count(repo_id: int, times: int = 1) -> None:
    """Count a download; cheap, and safe from any thread."""
    with _lock:
        _waiting[repo_id] += times


def flush(db: Database) -> int:
    """Write what was counted and return how much that was. What fails to be written stays."""
    with _lock:
        taken = dict(_waiting)
        _waiting.clear()
    # Always in the same order, so that two processes never wait for each other in a circle.
    ids = sorted(taken)
    written = 0
    try:
        while ids:
            batch = ids[:_BATCH]
            _write(db, {repo_id: taken[repo_id] for repo_id in batch})
            written += sum(taken[repo_id] for repo_id in batch)
            ids = ids[_BATCH:]
    finally:
        with _lock:
            for repo_id in ids:
                _waiting[repo_id] += taken[repo_id]
    return written


class Flusher:
    """Writes the counts every few seconds, from a thread of its own, and at the end."""

    def __init__(self, db: Database, every_s: float = EVERY_S) -> None:
        self._db = db
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="downloads", daemon=True)

    def start(self) -> "Flusher":
        self._thread.start()
        return self

    def close(self) -> None:
        """Write what is left and end the thread."""
        self._over.set()
        self._thread.join()
        self._flush()

    def _run(self) -> None:
        while not self._over.wait(self._every_s):
            self._flush()

    def _flush(self) -> None:
        try:
            flush(self._db)
        except (SQLAlchemyError, TimeoutError):
            _log.exception("downloads_not_written")


def _write(db: Database, counts: dict[int, int]) -> None:
    moment = now()
    with db.write() as session:
        for entry in queries.lock_entries(session, counts):
            times = counts[entry.repo_id]
            entry.downloads += times
            weight = trending.DOWNLOADED * times
            entry.trending = trending.plus(entry.trending, weight, moment)
            indexing.count(session, entry)
