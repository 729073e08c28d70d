"""The Celery side: an application, and the carrier that sends job ids through it.

A message is only a wake-up that names a row. One lost costs the relay's next look; one delivered
twice finds the row no longer due.
"""

import queue as queues
import threading
import time

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

_log = structlog.get_logger(__name__)

TASK = "lorahub.run"
_VISIBILITY_S = 3600
_HASTY_TIMEOUT_S = 1.0
_BREAK_S = 5.0
_BACKLOG = 1000


def make_app(redis_url: str, *, hasty: bool = False) -> Celery:
    """Return the application; `hasty` for senders, who give up on a broker within a second."""
    app = Celery("lorahub", broker=redis_url)
    transport: dict[str, object] = {"visibility_timeout": _VISIBILITY_S}
    if hasty:
        transport |= {
            "socket_connect_timeout": _HASTY_TIMEOUT_S,
            "socket_timeout": _HASTY_TIMEOUT_S,
            "max_retries": 0,
        }
    app.conf.update(
        broker_transport_options=transport,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=_HASTY_TIMEOUT_S if hasty else 4,
        task_ignore_result=True,
        task_acks_late=True,
        task_default_queue="cpu",
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        task_serializer="json",
        accept_content=["json"],
    )
    return app


def send(app: Celery, queue: str, job_id: int) -> None:
    """Put one id in the broker's queue. Raises OperationalError or OSError."""
    app.send_task(TASK, args=[job_id], queue=queue, retry=False, ignore_result=True)


class CeleryCarrier:
    """Sends from a thread of its own, so that a request waits for no broker."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._todo: queues.Queue[tuple[str, int] | None] = queues.Queue(maxsize=_BACKLOG)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._broken_until = 0.0

    def announce(self, queue: str, job_id: int) -> None:
        if time.monotonic() < self._broken_until:
            return  # the relay sends it when the broker is back
        self._start()
        try:
            self._todo.put_nowait((queue, job_id))
        except queues.Full:
            _log.warning("job_not_announced", job=job_id, reason="backlog")

    def close(self) -> None:
        thread = self._thread
        if thread is not None:
            try:
                self._todo.put_nowait(None)
            except queues.Full:
                return
            thread.join(timeout=2 * _HASTY_TIMEOUT_S)

    def _start(self) -> None:
        # At the first job, not in __init__: a server that forks must not lose the thread.
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._send_all, name="celery-carrier", daemon=True
                    )
                    self._thread.start()

    def _send_all(self) -> None:
        while (item := self._todo.get()) is not None:
            if time.monotonic() < self._broken_until:
                continue
            try:
                send(self._app, *item)
            except (OperationalError, OSError) as error:
                self._broken_until = time.monotonic() + _BREAK_S
                _log.warning("broker_unreachable", error=type(error).__name__)
