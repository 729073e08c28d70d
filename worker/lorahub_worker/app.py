"""The Celery application: `celery -A lorahub_worker.app worker -Q cpu`.

A message names a job row; the row decides whether there is anything to do.
"""

import os
from functools import cache

from celery import Celery

from lorahub_server.cli.common import load_settings, open_database, use_carrier
from lorahub_server.jobs import runner
from lorahub_server.jobs.celery_app import TASK, make_app
from lorahub_server.storage import open_store
from lorahub_worker import tasks

QUEUES = frozenset(os.environ.get("LORAHUB_QUEUES", "cpu").split(","))


@cache
def _runtime(pid: int) -> runner.Runtime:
    """Return this process's connections; a forked child must not share its parent's."""
    del pid
    settings = load_settings()
    use_carrier(settings)
    return runner.Runtime(open_database(settings), open_store(settings.store_url))


def run(job_id: int) -> str:
    return runner.run(_runtime(os.getpid()), QUEUES, job_id).name.lower()


def _make() -> Celery:
    settings = load_settings()
    if not settings.redis_url:
        raise SystemExit("A Celery worker needs LORAHUB_REDIS_URL, such as redis://host:6379/0.")
    tasks.load(QUEUES)
    made = make_app(settings.redis_url)
    made.task(run, name=TASK, acks_late=True, ignore_result=True)
    return made


app = _make()
