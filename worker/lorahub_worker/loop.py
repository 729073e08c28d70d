"""A worker process of the embedded hub: takes jobs until it is told to end."""

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from lorahub_server.jobs.local import work
from lorahub_server.jobs.runner import Runtime
from lorahub_server.jobs.wake import Alarm
from lorahub_server.kit.child import end_with_parent, supervised, tell_ready
from lorahub_server.kit.db import Database
from lorahub_server.storage import ObjectStore
from lorahub_worker import studios

_log = structlog.get_logger(__name__)


def run_until_stopped(
    db: Database,
    store: ObjectStore,
    run_dir: Path,
    queues: Sequence[str],
    barred: Callable[[], frozenset[str]] = frozenset,
) -> None:
    """Run jobs until SIGTERM, SIGINT, or the end of a piped stdin, which is the parent's death.

    Work of the lanes that `barred` names is left to others. A job in hand is finished if that
    takes no more than a few seconds, else given back.
    """
    with Alarm(run_dir, list(queues)) as alarm:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: alarm.stop())
        if supervised():
            end_with_parent(alarm.stop)
            tell_ready()
        _log.info("worker_ready", queues=list(queues), pid=os.getpid())
        runtime = Runtime(
            db,
            store,
            stopping=alarm.stopping,
            warm=studios.warm,
            barred=barred,
            may_exit=True,
        )
        work(runtime, queues, alarm)
    _log.info("worker_ended", pid=os.getpid())
