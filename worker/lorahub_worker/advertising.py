"""Tells the hub which bases this worker holds, every minute, from threads of its own."""

import os
import socket
import threading
import time
from collections.abc import Callable

import structlog
from sqlalchemy.exc import DBAPIError

from lorahub_server.insight.bases import service as registry
from lorahub_server.insight.bases.tables import BaseModel
from lorahub_server.insight.previews.jobs import owe_family
from lorahub_server.kit.db import Database
from lorahub_worker import bases
from lorahub_worker.engines import devices

_log = structlog.get_logger(__name__)
# New bases are taken up soon; that one is held, or is not, is looked at and said every while.
LOOK_EVERY_S = 1.0
READ_EVERY_S = 5.0
SAY_EVERY_S = 60.0

# What a base is made of: another source under the same name is another base.
_Key = tuple[str, ...]


class Advertising:
    """Begins with `start`; `stop` says that nothing is held here any more.

    One thread tells. Two find, as to fetch a repository may take an hour and to hash a folder
    minutes: what is slow to come must not hide what is here.
    """

    def __init__(self, db: Database, worker: str = "") -> None:
        self._db = db
        self._worker = worker or f"{socket.gethostname()[:80]}:{os.getpid()}"
        self._over = threading.Event()
        self._wanted: dict[_Key, BaseModel] = {}
        self._read_at = 0.0
        self._digests: dict[_Key, str] = {}
        self._look_at: dict[_Key, float] = {}
        self._reasons: dict[_Key, str] = {}
        self._said: dict[_Key, tuple[str, float]] = {}

    def start(self) -> None:
        steps: dict[str, Callable[[], None]] = {
            "tell": self.tell,
            "find-files": lambda: self.find(repos=False),
            "find-repos": lambda: self.find(repos=True),
        }
        for name, step in steps.items():
            threading.Thread(target=self._again, args=(step,), name=name, daemon=True).start()

    def stop(self) -> None:
        self._over.set()
        try:
            with self._db.write() as session:
                registry.leave(session, self._worker)
        except DBAPIError as error:
            _log.warning("bases_not_withdrawn", error=type(error).__name__)

    def look(self) -> None:
        """Read the registry, look at each base once and say what is news."""
        self._read()
        self.find(repos=False)
        self.find(repos=True)
        self.tell()

    def find(self, *, repos: bool) -> None:
        for key, base in self._wanted.items():
            if (base.kind == "repo") is not repos or self._over.is_set():
                continue
            if time.monotonic() < self._look_at.get(key, 0.0):
                continue
            found = self._find(key, base)
            if found is None:
                self._digests.pop(key, None)
            else:
                self._digests[key] = found
            self._look_at[key] = time.monotonic() + SAY_EVERY_S

    def tell(self) -> None:
        if time.monotonic() >= self._read_at:
            self._read()
        for key, base in self._wanted.items():
            found, (said, until) = self._digests.get(key), self._said.get(key, ("", 0.0))
            if found is None or self._over.is_set():
                continue
            if found != said or time.monotonic() >= until:
                self._say(base, found)
                self._said[key] = (found, time.monotonic() + SAY_EVERY_S)

    def _read(self) -> None:
        with self._db.read() as session:
            wanted = [one.base for one in registry.list_bases(session) if one.base.enabled]
            session.expunge_all()
        # Replaced and never changed, as other threads go through it.
        self._wanted = {_key(base): base for base in wanted}
        self._read_at = time.monotonic() + READ_EVERY_S

    def _find(self, key: _Key, base: BaseModel) -> str | None:
        try:
            found = bases.digest(bases.place(base, fetch=True))
        except (bases.NoBaseError, OSError) as error:
            reason = str(error)
            if self._reasons.get(key) != reason:
                _log.warning("base_not_held", base=base.id, reason=reason)
            self._reasons[key] = reason
            return None
        self._reasons.pop(key, None)
        return found

    def _say(self, base: BaseModel, digest: str) -> None:
        told = {"digest": digest, "device": devices.expected(), "dtype": base.dtype}
        with self._db.write() as session:
            if registry.advertise(session, base.id, self._worker, **told):
                owe_family(session, base.family)
                _log.info("base_held", base=base.id, digest=digest[:10])

    def _again(self, step: Callable[[], None]) -> None:
        while not self._over.is_set():
            try:
                step()
            except DBAPIError as error:
                _log.warning("bases_not_told", error=type(error).__name__)
            except Exception:
                # This thread's end would be the end of all that this worker is said to hold.
                _log.exception("bases_not_told")
            self._over.wait(LOOK_EVERY_S)


def _key(base: BaseModel) -> _Key:
    return (base.id, base.kind, base.source, base.endpoint, base.revision)
