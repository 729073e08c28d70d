"""A worker of its own process that is stopped, and killed, in the middle of drawing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from lorahub_server import jobs
from lorahub_server.insight.previews import service as previews
from lorahub_server.insight.previews.tables import Preview
from lorahub_server.jobs.tables import Job
from lorahub_server.repos import service as repos
from lorahub_server.storage.keys import SMALL, copy_key, picture_key
from lorahub_worker import bases
from support import galleries, tiny_base
from support.inside import Inside

# So many that there is a middle.
STEPS = 16


@pytest.fixture
def hub(tmp_path: Path, shared_dir: Path) -> Iterator[Inside]:
    base = tiny_base.image_base(shared_dir)
    made = Inside(f"sqlite:///{tmp_path}/hub.db", f"file://{tmp_path}/objects", tmp_path)
    galleries.add_base(made, source=str(base), **{**tiny_base.QUICK, "steps": STEPS})
    galleries.hold_base(made, digest=bases.digest(base))
    file = tiny_base.adapter(base, tmp_path / "a.safetensors", layout="kohya")
    galleries.publish(made, data=file.read_bytes())
    yield made
    made.close()


@pytest.fixture
def start(hub: Inside, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    workers: list[subprocess.Popen[bytes]] = []
    env = {
        **os.environ,
        "LORAHUB_DATA": str(tmp_path),
        "LORAHUB_DATABASE_URL": hub.database_url,
        "LORAHUB_STORE_URL": hub.store_url,
        "OMP_NUM_THREADS": "1",
    }

    def begin() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "lorahub_worker", "--queue", "gpu"]
        # A stdin of its own that stays open: the worker ends with its parent's.
        workers.append(subprocess.Popen(command, env=env, stdin=subprocess.PIPE))
        return workers[-1]

    yield begin
    for worker in workers:
        worker.kill()
        worker.wait()


def until(what: Callable[[], bool], seconds: float = 200) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def done(hub: Inside) -> dict[str, object]:
    """The moments at which renders were made."""
    found = galleries.renders(hub)
    return {key: one.finished_at for key, one in found.items() if one.state == "done"}


def last_job(hub: Inside) -> Job:
    with hub.look() as tx:
        found = tx.session.scalars(select(Job).where(Job.kind == "render").order_by(Job.id))
        return list(found)[-1]


def change(hub: Inside, verb: Callable[..., object]) -> None:
    with hub.tx() as tx:
        verb(tx, repos.get_repo_for_write(tx, "alice", "style"))


@pytest.mark.slow
def test_stopped_and_killed_in_the_middle_nothing_is_lost_or_doubled(hub, start):
    everything = len(galleries.renders(hub))
    worker = start()
    until(lambda: len(done(hub)) > 0)
    change(hub, previews.cancel)
    until(lambda: last_job(hub).state == "cancelled")
    first = done(hub)
    assert 0 < len(first) < everything
    assert worker.poll() is None
    # The same worker goes on when it is asked again; then it is killed.
    change(hub, previews.render_again)
    until(lambda: len(done(hub)) > len(first))
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    second = done(hub)
    assert len(second) < everything
    assert last_job(hub).state == "running"
    with hub.tx() as tx:
        jobs.end_leases(tx.session)  # as a hub does when it starts
    start()
    until(lambda: last_job(hub).state == "done")
    after = done(hub)
    assert len(after) == everything == len(galleries.renders(hub))
    assert {key: after[key] for key in second} == second  # made once
    assert (last_job(hub).attempts, len(after)) == (2, everything)
    with hub.look() as tx:
        found = previews.gallery(tx, repos.get_repo(tx, "alice", "style"))
        rows = tx.session.scalars(select(Preview.id)).all()
    assert len(rows) == 9 == len(found.pictures)
    for one in found.pictures:
        picture = one.picture
        assert len(hub.store.read(picture_key(picture.sha256))) == picture.size
        assert hub.store.size(copy_key(picture.sha256, SMALL))


@pytest.mark.slow
def test_two_workers_share_one_queue(hub, start, tmp_path, shared_dir):
    base = tiny_base.image_base(shared_dir)
    for seed in range(2, 5):
        name = f"style{seed}"
        file = tiny_base.adapter(base, tmp_path / f"{name}.safetensors", seed=seed)
        galleries.publish(hub, name, file.read_bytes())
    start()
    start()
    until(lambda: {job.state for job in galleries.render_jobs(hub)} == {"done"})
    found = galleries.render_jobs(hub)
    assert len({job.worker for job in found}) == 2
    assert {job.attempts for job in found} == {1}
    # What all of them share was drawn once: four pictures of the base alone.
    made = galleries.renders(hub)
    assert {one.state for one in made.values()} == {"done"}
    assert len(made) == 4 + 4 * (4 + 4)
