"""Brings overdue rows to the broker: jobs to be tried again, and those whose message got lost."""

from dataclasses import dataclass
from threading import Event

import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy.exc import DBAPIError

from lorahub_server.jobs import queries
from lorahub_server.jobs.celery_app import send
from lorahub_server.kit.db import Database

_log = structlog.get_logger(__name__)

QUEUES = ("cpu", "gpu")


@dataclass(frozen=True, slots=True)
class Pace:
    every_s: float = 1.0
    # A message not taken up for so long counts as lost.
    resend_after_s: float = 60.0
    # More than this never waits in the broker, so a long outage of the workers cannot fill it.
    most_waiting: int = 500
    after_error_s: float = 5.0


def relay(db: Database, app: Celery, stop: Event, pace: Pace | None = None) -> None:
    """Send due jobs until `stop` is set, through outages of the broker and of the database."""
    pace = pace or Pace()
    client = redis.Redis.from_url(app.conf.broker_url, socket_timeout=5, socket_connect_timeout=2)
    while not stop.is_set():
        try:
            sent = relay_once(db, app, client, pace)
        except (OperationalError, redis.RedisError, DBAPIError, OSError) as error:
            _log.warning("relay_waits", error=type(error).__name__)
            stop.wait(pace.after_error_s)
            continue
        if sent:
            _log.info("jobs_sent", count=sent)
        stop.wait(pace.every_s)


def relay_once(db: Database, app: Celery, client: redis.Redis, pace: Pace) -> int:
    """Send what is due now and return how many ids were sent.

    Two relays at once, or one killed between sending and marking, send an id twice: harmless.
    """
    total = 0
    for queue in QUEUES:
        with db.read() as session:
            job_ids = queries.to_send(
                session, queue, sent_before_s=pace.resend_after_s, limit=pace.most_waiting
            )
        if not job_ids:
            continue
        job_ids = job_ids[: max(0, pace.most_waiting - _waiting(client, queue))]
        for job_id in job_ids:
            send(app, queue, job_id)
        if job_ids:
            with db.write() as session:
                queries.mark_sent(session, job_ids)
        total += len(job_ids)
    return total


def _waiting(client: redis.Redis, queue: str) -> int:
    length = client.llen(queue)
    assert isinstance(length, int)
    return length
