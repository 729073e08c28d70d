"""Tells the hub which bases this worker holds, every minute, from a thread of its own."""

import os
import socket
import threading
import time

import structlog
from sqlalchemy.exc import DBAPIError

from lorahub_server.insight.bases import service as registry
from lorahub_server.insight.bases.tables import BaseModel
from lorahub_server.insight.previews.jobs import owe_family
from lorahub_server.kit.db import Database
from lorahub_worker import bases
from lorahub_worker.engines import devices

_log = structlog.get_logger(__name__)
# New bases are taken up soon; that one is held is said again every while.
LOOK_EVERY_S = 5.0
SAY_EVERY_S = 60.0
_AFTER_ERROR_S = 300.0


class Advertising:
    """Begins with `start`; `stop` says that nothing is held here any more."""

    def __init__(self, db: Database, worker: str = "") -> None:
        self._db = db
        self._worker = worker or f"{socket.gethostname()[:80]}:{os.getpid()}"
        self._over = threading.Event()
        self._said_at: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name="advertising", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        try:
            with self._db.write() as session:
                registry.leave(session, self._worker)
        except DBAPIError as error:
            _log.warning("bases_not_withdrawn", error=type(error).__name__)

    def look(self) -> None:
        """Look at the registry once and say what is news."""
        with self._db.read() as session:
            wanted = [one.base for one in registry.list_bases(session) if one.base.enabled]
            session.expunge_all()
        if self._said_at.keys() - {base.id for base in wanted}:
            self._said_at = {base.id: self._said_at.get(base.id, 0.0) for base in wanted}
        for base in wanted:
            if time.monotonic() >= self._said_at.get(base.id, 0.0) and not self._over.is_set():
                wait_s = SAY_EVERY_S if self._say(base) else _AFTER_ERROR_S
                self._said_at[base.id] = time.monotonic() + wait_s

    def _say(self, base: BaseModel) -> bool:
        try:
            found = bases.digest(bases.place(base, fetch=True))
        except (bases.NoBaseError, OSError) as error:
            _log.warning("base_not_held", base=base.id, reason=str(error))
            return False
        told = {"digest": found, "device": devices.expected(), "dtype": base.dtype}
        with self._db.write() as session:
            if registry.advertise(session, base.id, self._worker, **told):
                owe_family(session, base.family)
                _log.info("base_held", base=base.id, digest=found[:10])
        return True

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.look()
            except (DBAPIError, OSError) as error:
                _log.warning("bases_not_told", error=type(error).__name__)
            self._over.wait(LOOK_EVERY_S)
