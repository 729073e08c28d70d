"""What a handler is given, and the thread that keeps its lease alive."""

import os
import threading
import time
from collections.abc import Callable

import structlog
from sqlalchemy.exc import DBAPIError

from lorahub_server.jobs import queries
from lorahub_server.jobs.errors import JobCancelled, WorkerStopping
from lorahub_server.kit.db import Database
from lorahub_server.storage import ObjectStore

_log = structlog.get_logger(__name__)
PROGRESS_EVERY_S = 0.5


class JobContext:
    """One attempt: the database, the store, and the way to report progress."""

    def __init__(
        self,
        db: Database,
        store: ObjectStore,
        claim: queries.Claim,
        *,
        lease_s: float,
        stopping: threading.Event,
    ) -> None:
        self.db = db
        self.store = store
        self.attempt = claim.attempt
        self.job_id = claim.id
        self._claim = claim
        self._lease_s = lease_s
        self._stopping = stopping
        self._lost = threading.Event()
        self._reported_at = 0.0

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """Report how far the work is; cheap to call often, written at most twice a second.

        Raises JobCancelled when the job is no longer ours and WorkerStopping when the worker is
        told to end; let both pass.
        """
        if self._stopping.is_set():
            raise WorkerStopping
        if not self._lost.is_set() and self._report_due(done, total):
            self.renew(progress={"done": done, "total": total, "note": note})
        if self._lost.is_set():
            raise JobCancelled

    def renew(self, **values: object) -> None:
        """Prolong the lease, writing `values` too; a lost lease is remembered."""
        with self.db.write() as session:
            due = queries.db_now(session, self._lease_s)
            if not queries.update_held(session, self._claim, due_at=due, **values):
                self._lost.set()

    @property
    def lost(self) -> bool:
        return self._lost.is_set()

    def _report_due(self, done: int, total: int | None) -> bool:
        moment = time.monotonic()
        if done != total and moment - self._reported_at < PROGRESS_EVERY_S:
            return False
        self._reported_at = moment
        return True


class Heartbeat:
    """Renews a lease while a handler runs, and ends a worker whose handler will not stop.

    A handler deep in a computation reports nothing, so the renewal cannot be left to it. A hung
    one must lose its lease all the same: after `max_run_s` renewal ends, and with it the worker
    process where that is its own.
    """

    def __init__(
        self,
        ctx: JobContext,
        *,
        lease_s: float,
        max_run_s: float,
        stopping: threading.Event,
        give_up: Callable[[], object] | None,
        grace_s: float,
    ) -> None:
        self._ctx = ctx
        self._lease_s = lease_s
        self._until = time.monotonic() + max_run_s
        self._stopping = stopping
        self._give_up = give_up
        self._grace_s = grace_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        beat = min(self._lease_s / 3, 0.5)
        renewed = time.monotonic()
        while not self._over.wait(beat):
            moment = time.monotonic()
            if self._stopping.is_set() and self._give_up is not None:
                self._end_soon(self._give_up)
                return
            if moment >= self._until:
                self._end_hung()
                return
            if self._ctx.lost:
                continue
            if moment - renewed >= self._lease_s / 3:
                renewed = moment
                self._renew()

    def _renew(self) -> None:
        try:
            self._ctx.renew()
        except (DBAPIError, OSError) as error:  # the next beat tries again
            _log.warning("lease_not_renewed", job=self._ctx.job_id, error=type(error).__name__)

    def _end_hung(self) -> None:
        _log.error("job_hung", job=self._ctx.job_id)
        if self._give_up is not None:
            os._exit(1)  # the thread that hangs cannot be ended otherwise

    def _end_soon(self, give_up: Callable[[], object]) -> None:
        if self._over.wait(self._grace_s):
            return
        try:
            give_up()
        finally:
            os._exit(0)
