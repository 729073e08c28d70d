from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lorahub_server.community.webhooks import delivery, outbox, queries, service
from lorahub_server.community.webhooks.service import Watched
from lorahub_server.community.webhooks.tables import WebhookDelivery
from lorahub_server.jobs import State
from lorahub_server.jobs.tables import Job
from lorahub_server.kit.clock import now
from lorahub_server.repos import events
from support import tables
from support.inside import Inside
from support.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


class Hooked(Inside):
    """A hub that may send to this machine, and does its own webhook jobs."""

    def __init__(self, database_url: str, folder: Path) -> None:
        super().__init__(database_url, f"file://{folder}/objects", folder, make_tables=False)
        self.settings = self.settings.model_copy(
            update={"webhook_private_hosts": "127.0.0.1", "public_url": "http://hub.test"}
        )
        events.listen(outbox.OUTBOX)

    def add_hook(self, url: str, *watched: str, who: str = "alice", **more: Any) -> int:
        things = [Watched("model" if "/" in name else "user", name) for name in watched]
        with self.tx(who) as tx:
            return service.create_hook(tx, url, things, **more).id

    def jobs(self, kind: str) -> list[dict[str, Any]]:
        with self.db.read() as session:
            rows = session.query(Job).filter_by(kind=kind, state=State.QUEUED).order_by(Job.id)
            return [{"id": row.id, "due_at": row.due_at, **row.args} for row in rows]

    def work(self, *, hurry: bool = False) -> None:
        """Do what is owed now; in a `hurry` also what should wait."""
        while self._step(hurry):
            pass

    def _step(self, hurry: bool) -> bool:
        for job in self.jobs(outbox.SHARE_OUT):
            self._do(job["id"], outbox.share_out(job["event"], job["after"], now()))
            return True
        for job in self.jobs(outbox.DELIVER):
            if job["due_at"] > now() and not hurry:
                continue
            if hurry:
                self._forget_pause(job["delivery"])
            self._do(job["id"], delivery.deliver(self.db, self.settings, job["delivery"]))
            return True
        return False

    def _do(self, job_id: int, effect: Any) -> None:
        with self.db.write() as session:
            job = session.get(Job, job_id)
            job.state = State.DONE
            session.flush()
            effect(session)

    def _forget_pause(self, delivery_id: int) -> None:
        with self.db.write() as session:
            row = queries.delivery(session, delivery_id)
            if row is not None:
                queries.lock_hook(session, row.hook_id).paused_until = None

    def deliveries(self, hook_id: int) -> list[WebhookDelivery]:
        with self.db.read() as session:
            return list(reversed(queries.deliveries_of(session, hook_id, None, 1000)))

    def hook(self, hook_id: int) -> Any:
        with self.db.read() as session:
            return queries.hook_of(session, self.caller("alice").account_id, hook_id)


@pytest.fixture
def hooked(tables_url: str, tmp_path: Path) -> Iterator[Hooked]:
    hub = Hooked(tables_url, tmp_path)
    yield hub
    hub.close()


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Hooked]:
    """On SQLite, where the engine makes no difference."""
    url = f"sqlite:///{tmp_path}/hub.db"
    tables.fill(url)
    hub = Hooked(url, tmp_path)
    yield hub
    hub.close()
