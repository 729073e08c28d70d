import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from lorahub_server.jobs import Job, carrier, enqueue, registry
from lorahub_server.jobs.runner import Runtime
from lorahub_server.kit.db import Database
from lorahub_server.storage import open_store


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    with database.write() as session:
        connection = session.connection()
        Job.metadata.create_all(connection, tables=[Job.__table__])
        connection.exec_driver_sql("CREATE TABLE effects (name VARCHAR(50))")
    yield database
    database.engine.dispose()


@pytest.fixture
def runtime(db: Database, tmp_path: Path) -> Runtime:
    return Runtime(db, open_store(f"file://{tmp_path}/objects"))


@pytest.fixture
def handle() -> Iterator[Callable]:
    """Register handlers for one test."""
    before = dict(registry._handlers)
    yield registry.handler
    registry._handlers.clear()
    registry._handlers.update(before)
    carrier.use(None)


class Probe:
    """Looks at and pushes the jobs of one test."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @staticmethod
    def note(name: str) -> Callable:
        """Return an effect that can be counted."""

        def effect(session) -> None:
            session.execute(text("INSERT INTO effects VALUES (:name)"), {"name": name})

        return effect

    def effects(self) -> list[str]:
        with self.db.read() as session:
            return sorted(session.scalars(text("SELECT name FROM effects")))

    def job(self, job_id: int) -> Job:
        with self.db.read() as session:
            job = session.get(Job, job_id)
            assert job is not None
            return job

    def enqueue(self, kind: str, **more) -> int:
        with self.db.write() as session:
            return enqueue(session, kind, more.pop("args", {}), **more).id

    def make_due(self, job_id: int) -> None:
        """Let the wait, or the lease, of a job be over."""
        with self.db.write() as session:
            job = session.get(Job, job_id)
            assert job is not None
            assert job.due_at is not None
            job.due_at -= timedelta(days=1)

    def until(self, job_id: int, state: str, seconds: float = 15) -> Job:
        self.wait(lambda: self.job(job_id).state == state, seconds)
        return self.job(job_id)

    @staticmethod
    def wait(condition: Callable[[], object], seconds: float = 15) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, f"not within {seconds} s"
            time.sleep(0.02)


@pytest.fixture
def probe(db: Database) -> Probe:
    return Probe(db)
