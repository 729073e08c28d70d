"""Who may write a job's outcome: races, late workers, hung handlers, cancelling."""

import threading
from datetime import timedelta

import pytest

from lorahub_server.jobs import Job, JobFailed, cancel, end_leases
from lorahub_server.jobs.runner import Outcome, run
from lorahub_server.kit.clock import now

CPU = ("cpu",)


class Boom(Exception):
    pass


def test_threads_race_and_each_job_is_done_once(probe, runtime, handle) -> None:
    @handle("count")
    def count(ctx, args):
        return probe.note(f"{args['n']:02d}")

    for number in range(30):
        probe.enqueue("count", args={"n": number})

    def work() -> None:
        while run(runtime, CPU) is not Outcome.NOTHING:
            pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run(runtime, CPU) is Outcome.NOTHING
    assert probe.effects() == [f"{number:02d}" for number in range(30)]


def test_a_late_worker_changes_nothing(probe, runtime, handle) -> None:
    """Its lease ran out (as when it was frozen), another did the job, then it wakes up."""

    @handle("slow")
    def slow(ctx, args):
        if ctx.attempt == 1:
            probe.make_due(job_id)
            assert run(runtime, CPU) is Outcome.DONE
            return probe.note("late")
        return probe.note("in time")

    job_id = probe.enqueue("slow")
    assert run(runtime, CPU) is Outcome.DROPPED
    assert probe.effects() == ["in time"]
    assert probe.job(job_id).attempts == 2


@pytest.mark.parametrize("error", [Boom(), JobFailed("no", "No.")])
def test_a_late_failure_changes_nothing(probe, runtime, handle, error) -> None:
    @handle("slow")
    def slow(ctx, args):
        if ctx.attempt == 1:
            probe.make_due(job_id)
            assert run(runtime, CPU) is Outcome.DONE
            raise error
        return probe.note("in time")

    job_id = probe.enqueue("slow")
    assert run(runtime, CPU) is Outcome.DROPPED
    job = probe.job(job_id)
    assert (job.state, job.error_code) == ("done", None)


def test_a_job_that_kills_its_workers_is_parked(probe, runtime, handle, db) -> None:
    @handle("poison", max_attempts=2)
    def poison(ctx, args):
        raise AssertionError("never run here")

    job_id = probe.enqueue("poison")
    with db.write() as session:
        job = session.get(Job, job_id)
        job.state, job.attempts, job.lease = "running", 2, "dead"
    assert run(runtime, CPU) is Outcome.PARKED
    job = probe.job(job_id)
    assert (job.state, job.error_code) == ("parked", "worker_died")
    assert "2 times" in job.error_message


def test_a_new_start_takes_over_at_once(probe, runtime, handle, db) -> None:
    @handle("cut")
    def cut(ctx, args):
        if ctx.attempt == 1:
            with db.write() as session:
                end_leases(session)
            assert run(runtime, CPU) is Outcome.DONE
        return probe.note(f"attempt {ctx.attempt}")

    probe.enqueue("cut")
    assert run(runtime, CPU) is Outcome.DROPPED
    assert probe.effects() == ["attempt 2"]


def test_progress_is_seen_and_renews_the_lease(probe, runtime, handle) -> None:
    seen = []

    @handle("steps", lease_s=100)
    def steps(ctx, args):
        before = probe.job(job_id).due_at
        for step in range(50):
            ctx.progress(step, 50, "walking")
        seen.append(probe.job(job_id))
        ctx.progress(50, 50, "there")
        seen.append(probe.job(job_id))
        assert seen[0].due_at > before
        return lambda session: None

    job_id = probe.enqueue("steps")
    assert run(runtime, CPU) is Outcome.DONE
    # Fifty reports in no time are one write, and the last one is always written.
    assert seen[0].progress == {"done": 0, "total": 50, "note": "walking"}
    assert seen[1].to_dict()["progress"] == {"done": 50, "total": 50, "note": "there"}


def test_a_silent_handler_keeps_its_lease(probe, runtime, handle) -> None:
    @handle("silent", lease_s=1.0)
    def silent(ctx, args):
        probe.wait(lambda: probe.job(job_id).due_at > first + timedelta(seconds=1.2))
        assert run(runtime, CPU) is Outcome.NOTHING
        return probe.note("silent")

    job_id = probe.enqueue("silent")
    first = now() + timedelta(seconds=1)
    assert run(runtime, CPU) is Outcome.DONE
    assert probe.effects() == ["silent"]


def test_a_hung_handler_loses_its_lease(probe, runtime, handle) -> None:
    @handle("hung", lease_s=0.6, max_run_s=0.5)
    def hung(ctx, args):
        if ctx.attempt == 1:
            probe.wait(lambda: run(runtime, CPU) is Outcome.DONE, 5)
            return probe.note("hung")
        return probe.note("rescued")

    probe.enqueue("hung")
    assert run(runtime, CPU) is Outcome.DROPPED
    assert probe.effects() == ["rescued"]


def test_cancel_while_running(probe, runtime, handle, db) -> None:
    @handle("long")
    def long(ctx, args):
        with db.write() as session:
            cancel(session, job_id)
        try:
            ctx.progress(1, 1)
        except Exception:
            return probe.note("swallowed")
        return probe.note("went on")

    job_id = probe.enqueue("long")
    assert run(runtime, CPU) is Outcome.DROPPED
    assert probe.job(job_id).state == "cancelled"
    assert probe.effects() == []


def test_a_stopping_worker_gives_its_job_back(probe, runtime, handle) -> None:
    @handle("long")
    def long(ctx, args):
        runtime.stopping.set()
        ctx.progress(1)
        return probe.note("went on")

    job_id = probe.enqueue("long")
    assert run(runtime, CPU) is Outcome.RELEASED
    job = probe.job(job_id)
    assert (job.state, job.attempts, job.lease) == ("queued", 0, None)
    assert probe.effects() == []
