"""Real worker processes on the embedded carrier, ended in every way."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lorahub_server.jobs import cancel, carrier
from lorahub_server.jobs.wake import MAX_SOCKET_PATH, Alarm, LocalCarrier

SCRIPT = Path(__file__).with_name("worker_process.py")


class Workers:
    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        (folder / "run").mkdir()
        (folder / "log").touch()
        self.started: list[subprocess.Popen] = []
        carrier.use(LocalCarrier(folder / "run"))

    def start(self) -> subprocess.Popen:
        worker = subprocess.Popen(
            [sys.executable, str(SCRIPT), "local", self.url, str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.started.append(worker)
        assert worker.stdout.readline() == b"ready\n"
        return worker

    def log(self) -> list[str]:
        return [line.split(" ", 1)[1] for line in (self.folder / "log").read_text().splitlines()]

    def stop(self) -> None:
        for worker in self.started:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
            worker.stdin.close()
            worker.stdout.close()
        carrier.use(None)


@pytest.fixture
def workers(db, database_url, tmp_path) -> Iterator[Workers]:
    del db
    made = Workers(database_url, tmp_path)
    yield made
    made.stop()


def test_a_worker_is_woken_at_once(workers, probe) -> None:
    workers.start()
    time.sleep(0.3)
    waits = []
    for n in range(5):
        began = time.monotonic()
        job_id = probe.enqueue("quick", args={"n": n})
        probe.until(job_id, "done")
        waits.append(time.monotonic() - began)
    # Without the wake-up it would be half of the poll's second on average.
    assert sorted(waits)[2] < 0.4


def test_two_workers_share_and_each_job_is_done_once(workers, probe) -> None:
    ids = [probe.enqueue("quick", args={"n": n}) for n in range(40)]
    workers.start()
    workers.start()
    for job_id in ids:
        probe.until(job_id, "done")
    assert probe.effects() == [f"{n:03d}" for n in range(40)]
    assert sorted(workers.log()) == sorted(f"quick {n}" for n in range(40))


def test_a_killed_worker_s_job_is_done_once_by_another(workers, probe) -> None:
    victim = workers.start()
    job_id = probe.enqueue("slow")
    probe.wait(lambda: (probe.job(job_id).progress or {}).get("note") == "half way")
    victim.kill()
    workers.start()
    job = probe.until(job_id, "done")
    assert job.attempts == 2
    assert probe.effects() == ["slow"]
    assert workers.log() == ["slow 1", "slow 2"]


def test_a_job_that_kills_its_workers_is_parked_and_others_go_on(workers, probe) -> None:
    poison = probe.enqueue("suicide")
    for _ in range(2):
        assert workers.start().wait(10) == 9
    workers.start()
    fine = probe.enqueue("quick", args={"n": 1})
    assert probe.until(poison, "parked").error_code == "worker_died"
    probe.until(fine, "done")
    assert workers.log().count("suicide") == 2


def test_a_hung_job_ends_its_worker_and_is_parked(workers, probe) -> None:
    job_id = probe.enqueue("hung")
    assert workers.start().wait(10) == 1
    workers.start()
    job = probe.until(job_id, "parked")
    assert "it hung" in job.error_message


def test_a_frozen_worker_that_thaws_changes_nothing(workers, probe) -> None:
    frozen = workers.start()
    job_id = probe.enqueue("frozen")
    probe.wait(lambda: "frozen 1" in workers.log())
    frozen.send_signal(signal.SIGSTOP)
    time.sleep(1.2)
    workers.start()
    probe.until(job_id, "done")
    frozen.send_signal(signal.SIGCONT)
    after = probe.enqueue("quick", args={"n": 7})
    probe.until(after, "done")
    time.sleep(2.0)
    assert probe.effects() == ["007", "frozen 2"]


@pytest.mark.parametrize(
    ("ending", "reports"),
    [("SIGTERM", True), ("SIGINT", True), ("stdin", True), ("SIGTERM", False)],
)
def test_ending_a_worker_gives_its_job_back(workers, probe, ending, reports) -> None:
    worker = workers.start()
    job_id = probe.enqueue("slow", args={"reports": reports})
    probe.wait(lambda: "slow 1" in workers.log())
    began = time.monotonic()
    if ending == "stdin":
        worker.stdin.close()
    else:
        worker.send_signal(getattr(signal, ending))
    assert worker.wait(10) == 0
    assert time.monotonic() - began < 6
    job = probe.job(job_id)
    assert (job.state, job.attempts) == ("queued", 0)


def test_an_idle_worker_ends_at_once(workers, tmp_path) -> None:
    worker = workers.start()
    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert time.monotonic() - began < 1
    assert list((tmp_path / "run").iterdir()) == []


def test_cancelling_a_running_job_frees_its_worker(workers, probe, db) -> None:
    workers.start()
    job_id = probe.enqueue("slow")
    probe.wait(lambda: "slow 1" in workers.log())
    with db.write() as session:
        cancel(session, job_id)
    after = probe.enqueue("quick", args={"n": 1})
    probe.until(after, "done")
    assert probe.job(job_id).state == "cancelled"
    assert probe.effects() == ["001"]


def test_a_dead_worker_s_socket_is_cleared_away(tmp_path) -> None:
    with Alarm(tmp_path, ["cpu"]) as alarm:
        (left,) = tmp_path.iterdir()
        for waker in alarm._sockets:
            waker.close()
        LocalCarrier(tmp_path).announce("cpu", 1)
        assert not left.exists()


def test_only_the_queue_s_workers_are_woken(tmp_path) -> None:
    with Alarm(tmp_path, ["cpu"]) as alarm:
        LocalCarrier(tmp_path).announce("gpu", 1)
        began = time.monotonic()
        alarm.wait(0.3)
        assert time.monotonic() - began > 0.25
        for _ in range(1000):  # more than any buffer holds
            LocalCarrier(tmp_path).announce("cpu", 1)
        alarm.wait(10)
        assert time.monotonic() - began < 5
        began = time.monotonic()
        alarm.wait(0.3)  # all of them were one wake-up
        assert time.monotonic() - began > 0.25


def test_a_path_too_long_for_a_socket_falls_back_to_polling(tmp_path) -> None:
    deep = tmp_path / ("x" * MAX_SOCKET_PATH)
    deep.mkdir()
    with Alarm(deep, ["cpu"]) as alarm:
        assert list(deep.iterdir()) == []
        LocalCarrier(deep).announce("cpu", 1)
        alarm.wait(0.01)
        alarm.stop()
        alarm.wait(10)
    LocalCarrier(tmp_path / "missing").announce("cpu", 1)
