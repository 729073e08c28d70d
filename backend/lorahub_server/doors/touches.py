"""Notes when something was last used, behind the answers: nobody waits for a note."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from sqlalchemy.orm import Session

from lorahub_server.access import Caller
from lorahub_server.access.authenticate import is_touch_due, touch
from lorahub_server.kit.db import Database, is_busy

_log = structlog.get_logger(__name__)


class Touches:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="touches")
        self._waiting: set[tuple[str, int | str]] = set()
        self._lock = threading.Lock()

    def note(self, caller: Caller) -> None:
        """Write the use down soon, at most hourly; may get lost with the process."""
        row = caller.token or caller.login
        if row is None or not is_touch_due(caller):
            return
        self.later((caller.via, row.id), lambda session: touch(session, caller))

    def later(self, key: tuple[str, int | str], work: Callable[[Session], object]) -> None:
        """Do `work` in a transaction of its own, once for all that come with this key meanwhile."""
        with self._lock:
            if key in self._waiting:
                return
            self._waiting.add(key)
        self._thread.submit(self._write, key, work)

    def close(self) -> None:
        self._thread.shutdown(wait=True)

    def _write(self, key: tuple[str, int | str], work: Callable[[Session], object]) -> None:
        try:
            with self._db.write() as session:
                work(session)
        except Exception as error:
            if not is_busy(error):
                _log.exception("touch_failed")
                raise
        finally:
            with self._lock:
                self._waiting.discard(key)
