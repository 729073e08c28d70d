"""The Celery application: `celery -A lorahub_worker.app worker -Q cpu`.

A message names a job row; the row decides whether there is anything to do.
"""

import os
from functools import cache

from celery import Celery, signals

from lorahub_server.cli.common import load_settings, open_database, use_carrier
from lorahub_server.jobs import runner
from lorahub_server.jobs.celery_app import TASK, make_app
from lorahub_server.storage import open_store
from lorahub_worker import studios, tasks

QUEUES = frozenset(os.environ.get("LORAHUB_QUEUES", "cpu").split(","))


@cache
def _runtime(pid: int) -> runner.Runtime:
    """Return this process's connections; a forked child must not share its parent's."""
    del pid
    settings = load_settings()
    use_carrier(settings)
    store = open_store(settings.store_url)
    database = open_database(settings)
    if "gpu" not in QUEUES:
        return runner.Runtime(database, store)
    from lorahub_worker.bases import Absent

    return runner.Runtime(database, store, warm=studios.warm, barred=Absent(database))


def run(job_id: int) -> str:
    """Run the job that a message names; on the gpu queue alone, the one whose turn it is."""
    if {"gpu"} == QUEUES:
        return runner.run(_runtime(os.getpid()), QUEUES).name.lower()
    return runner.run(_runtime(os.getpid()), QUEUES, job_id).name.lower()


def _advertise() -> None:
    """Say which bases this worker holds, from its start to its end."""
    from lorahub_worker.advertising import Advertising

    advertising = Advertising(open_database(load_settings()))
    signals.worker_ready.connect(lambda **_: advertising.start(), weak=False)
    signals.worker_shutdown.connect(lambda **_: advertising.stop(), weak=False)


def _make() -> Celery:
    settings = load_settings()
    if not settings.redis_url:
        raise SystemExit("A Celery worker needs LORAHUB_REDIS_URL, such as redis://host:6379/0.")
    tasks.load(QUEUES)
    made = make_app(settings.redis_url)
    if "gpu" in QUEUES:
        _advertise()
    made.task(run, name=TASK, acks_late=True, ignore_result=True)
    return made


app = _make()
