"""The Celery carrier with a real Redis, which is stopped, flushed and frozen."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from lorahub_server.jobs import carrier
from lorahub_server.jobs.celery_app import CeleryCarrier, make_app
from lorahub_server.jobs.relay import Pace, relay, relay_once
from lorahub_server.kit.db import Database
from support import programs

SCRIPT = Path(__file__).with_name("worker_process.py")
SOON = Pace(every_s=0.1, resend_after_s=0.5, after_error_s=0.2)


class Broker:
    def __init__(self, folder: Path) -> None:
        self.port = programs.free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis.from_url(self.url)
        self._folder = folder
        self._process: subprocess.Popen | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                "redis-server",
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
                str(self._folder),
            ],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + 10
        while True:
            try:
                self.client.ping()
            except redis.ConnectionError:
                assert time.monotonic() < until
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    programs.need("redis-server", package="redis-server")
    made = Broker(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def celery_carrier(broker: Broker) -> Iterator[CeleryCarrier]:
    made = CeleryCarrier(make_app(broker.url, hasty=True))
    carrier.use(made)
    yield made
    carrier.use(None)


@pytest.fixture
def relaying(db: Database, broker: Broker) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=relay, args=(db, make_app(broker.url, hasty=True), stop, SOON))
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.fixture
def start_worker(db, database_url: str, tmp_path: Path, broker: Broker):
    del db
    (tmp_path / "log").touch()
    started = []

    def start() -> subprocess.Popen:
        worker = subprocess.Popen(
            [sys.executable, str(SCRIPT), "celery", database_url, str(tmp_path)],
            env={**os.environ, "BROKER": broker.url},
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.wait()


def test_a_job_is_sent_after_the_commit(probe, db, broker, celery_carrier, start_worker) -> None:
    start_worker()
    with db.write():
        pass
    job_id = probe.enqueue("quick", args={"n": 1})
    probe.until(job_id, "done")
    assert probe.effects() == ["001"]


def test_a_killed_worker_s_job_is_done_once(
    probe, celery_carrier, relaying, start_worker, tmp_path
) -> None:
    victim = start_worker()
    job_id = probe.enqueue("slow")
    probe.wait(lambda: "slow 1" in (tmp_path / "log").read_text())
    victim.kill()
    start_worker()
    assert probe.until(job_id, "done", 30).attempts == 2
    assert probe.effects() == ["slow"]


def test_without_a_broker_requests_go_on_and_jobs_follow(
    probe, broker, celery_carrier, relaying, start_worker
) -> None:
    broker.stop()
    began = time.monotonic()
    ids = [probe.enqueue("quick", args={"n": n}) for n in range(20)]
    assert time.monotonic() - began < 1.0
    broker.start()
    start_worker()
    for job_id in ids:
        probe.until(job_id, "done", 30)
    assert probe.effects() == [f"{n:03d}" for n in range(20)]


def test_a_frozen_broker_slows_nobody(probe, broker, celery_carrier) -> None:
    broker.client.execute_command("CLIENT", "PAUSE", "3000", "ALL")
    began = time.monotonic()
    for n in range(50):
        probe.enqueue("quick", args={"n": n})
    assert time.monotonic() - began < 1.5


def test_a_flushed_broker_loses_nothing(
    probe, broker, celery_carrier, relaying, start_worker
) -> None:
    ids = [probe.enqueue("quick", args={"n": n}) for n in range(10)]
    probe.wait(lambda: broker.client.llen("cpu") >= 10)
    broker.client.flushall()
    start_worker()
    for job_id in ids:
        probe.until(job_id, "done", 30)
    assert probe.effects() == [f"{n:03d}" for n in range(10)]


def test_the_relay_never_fills_the_broker(probe, db, broker) -> None:
    app, pace = make_app(broker.url), Pace(resend_after_s=0, most_waiting=5)
    for n in range(8):
        probe.enqueue("quick", args={"n": n})
    later = probe.enqueue("quick", args={"n": 9}, queue="gpu")
    assert relay_once(db, app, broker.client, pace) == 6
    assert relay_once(db, app, broker.client, pace) == 1
    assert (broker.client.llen("cpu"), broker.client.llen("gpu")) == (5, 2)
    assert probe.job(later).sent_at is not None
    patient = Pace(resend_after_s=60)
    assert relay_once(db, app, broker.client, patient) == 3
    assert relay_once(db, app, broker.client, patient) == 0


def test_a_message_that_comes_twice_does_nothing(probe, db, broker, start_worker, tmp_path) -> None:
    job_id = probe.enqueue("quick", args={"n": 1})
    for _ in range(3):
        relay_once(db, make_app(broker.url), broker.client, Pace(resend_after_s=0))
    start_worker()
    log = tmp_path / "log"
    probe.wait(lambda: log.read_text().count(f"message {job_id}\n") == 3, 30)
    probe.until(job_id, "done")
    time.sleep(0.3)
    assert log.read_text().count("quick") == 1
    assert probe.effects() == ["001"]
