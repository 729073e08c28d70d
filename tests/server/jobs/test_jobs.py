"""The life of a job, on both databases."""

import threading
from datetime import timedelta

import pytest

from lorahub_server.jobs import (
    Job,
    JobFailed,
    JobNotChangeable,
    JobNotFound,
    cancel,
    enqueue,
    jobs_of_repo,
    list_jobs,
    retry,
    service,
)
from lorahub_server.jobs.runner import Outcome, backoff_s, run
from lorahub_server.kit.clock import now
from lorahub_server.kit.errors import HubError
from lorahub_server.storage import StorageError

CPU = ("cpu",)


class Boom(Exception):
    pass


def test_work_then_effect(probe, runtime, handle) -> None:
    seen = {}

    @handle("add")
    def add(ctx, args):
        seen.update(args, attempt=ctx.attempt)
        assert probe.effects() == []
        return probe.note("added")

    job_id = probe.enqueue("add", args={"a": [1, "ä"]}, repo_id=7)
    queued = probe.job(job_id)
    assert (queued.state, queued.attempts, queued.queue) == ("queued", 0, "cpu")
    assert run(runtime, CPU) is Outcome.DONE
    assert seen == {"a": [1, "ä"], "attempt": 1}
    assert probe.effects() == ["added"]
    done = probe.job(job_id)
    assert (done.state, done.due_at, done.lease) == ("done", None, None)
    assert done.finished_at is not None
    assert abs(now() - done.finished_at) < timedelta(minutes=1)
    assert run(runtime, CPU) is Outcome.NOTHING


def test_a_rolled_back_cause_owes_nothing(probe, runtime, db) -> None:
    def cause() -> None:
        with db.write() as session:
            enqueue(session, "add", {})
            raise Boom

    with pytest.raises(Boom):
        cause()
    with db.read() as session:
        assert list_jobs(session) == []


def test_failures_back_off_and_are_parked_with_the_error(probe, runtime, handle) -> None:
    @handle("bad", max_attempts=3)
    def bad(ctx, args):
        raise Boom("secret /var/path")

    job_id = probe.enqueue("bad")
    waits = []
    for attempt in (1, 2):
        assert run(runtime, CPU) is Outcome.RETRY
        job = probe.job(job_id)
        assert (job.state, job.attempts) == ("queued", attempt)
        waits.append((job.due_at - now()).total_seconds())
        assert run(runtime, CPU) is Outcome.NOTHING
        probe.make_due(job_id)
    assert 0.5 < waits[0] < 2.1
    assert 1.5 < waits[1] < 4.1
    assert run(runtime, CPU) is Outcome.PARKED
    job = probe.job(job_id)
    assert (job.state, job.attempts, job.due_at) == ("parked", 3, None)
    assert job.error_code == "job_crashed"
    assert "/var/path" not in job.error_message
    assert "Boom: secret /var/path" in job.error_detail
    shown = job.to_dict()
    assert shown["error"] == {"code": "job_crashed", "message": job.error_message}
    assert "detail" not in str(shown)
    assert shown["finished_at"].endswith("Z")


def test_backoff_doubles_up_to_an_hour() -> None:
    for attempt in range(1, 40):
        assert min(2**attempt, 3600) / 2 <= backoff_s(attempt) <= min(2**attempt, 3600)


def test_a_permanent_failure_is_parked_at_once_with_its_effect(probe, runtime, handle) -> None:
    @handle("hopeless")
    def hopeless(ctx, args):
        raise JobFailed("not_an_adapter", "This is a whole checkpoint.", probe.note("recorded"))

    job_id = probe.enqueue("hopeless")
    assert run(runtime, CPU) is Outcome.PARKED
    job = probe.job(job_id)
    assert (job.state, job.attempts) == ("parked", 1)
    assert (job.error_code, job.error_message) == ("not_an_adapter", "This is a whole checkpoint.")
    assert probe.effects() == ["recorded"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StorageError("s3://keys"), "storage_unavailable"),
        (MemoryError(), "out_of_memory"),
        (HubError("Say this."), HubError.code),
    ],
)
def test_errors_are_told_without_the_machine(probe, runtime, handle, error, code) -> None:
    @handle("bad", max_attempts=1)
    def bad(ctx, args):
        raise error

    job_id = probe.enqueue("bad")
    assert run(runtime, CPU) is Outcome.PARKED
    assert probe.job(job_id).error_code == code
    assert "s3://" not in probe.job(job_id).error_message


@pytest.mark.parametrize("why", ["refused", "raised", "died"])
def test_the_kind_hears_that_its_job_is_parked(probe, runtime, handle, db, why) -> None:
    def on_parked(session, args, code, message):
        probe.note(f"{args['n']} {code}")(session)
        assert list_jobs(session)[0].state == "parked"

    @handle("bad", max_attempts=1, on_parked=on_parked)
    def bad(ctx, args):
        raise JobFailed("refused", "No.") if why == "refused" else Boom

    job_id = probe.enqueue("bad", args={"n": 3})
    if why == "died":
        with db.write() as session:
            job = session.get(Job, job_id)
            job.state, job.attempts, job.lease = "running", 1, "x" * 32
        probe.make_due(job_id)
    assert run(runtime, CPU) is Outcome.PARKED
    code = {"refused": "refused", "raised": "job_crashed", "died": "worker_died"}[why]
    assert probe.effects() == [f"3 {code}"]


def test_a_job_is_parked_even_if_its_kind_cannot_hear(probe, runtime, handle) -> None:
    def on_parked(session, args, code, message):
        probe.note("half")(session)
        raise Boom

    @handle("bad", max_attempts=1, on_parked=on_parked)
    def bad(ctx, args):
        raise Boom

    job_id = probe.enqueue("bad")
    assert run(runtime, CPU) is Outcome.PARKED
    assert probe.job(job_id).state == "parked"
    assert probe.effects() == []


def test_a_failing_effect_leaves_nothing_and_is_tried_again(probe, runtime, handle) -> None:
    @handle("half")
    def half(ctx, args):
        def effect(session):
            probe.note("half")(session)
            if ctx.attempt == 1:
                raise Boom

        return effect

    job_id = probe.enqueue("half")
    assert run(runtime, CPU) is Outcome.RETRY
    assert probe.effects() == []
    probe.make_due(job_id)
    assert run(runtime, CPU) is Outcome.DONE
    assert probe.effects() == ["half"]
    assert probe.job(job_id).error_code is None


def test_dedup_is_for_unfinished_jobs(probe, runtime, handle) -> None:
    during = []

    @handle("once")
    def once(ctx, args):
        during.append(probe.enqueue("once", dedup="k"))
        return probe.note("once")

    first = probe.enqueue("once", dedup="k")
    assert probe.enqueue("once", dedup="k") == first
    assert probe.enqueue("once", dedup="other") != first
    assert run(runtime, CPU) is Outcome.DONE
    assert during == [first]
    assert probe.enqueue("once", dedup="k") != first


def test_dedup_between_transactions_at_once(probe, db) -> None:
    ids, barrier = [], threading.Barrier(6)

    def owe() -> None:
        barrier.wait()
        ids.append(probe.enqueue("once", dedup="same"))

    threads = [threading.Thread(target=owe) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 6
    assert len(set(ids)) == 1


def test_oldest_first_and_not_before_their_time(probe, runtime, handle) -> None:
    order = []

    @handle("say")
    def say(ctx, args):
        order.append(args["n"])
        return lambda session: None

    probe.enqueue("say", args={"n": 1})
    probe.enqueue("say", args={"n": "later"}, run_after=now() + timedelta(hours=1))
    probe.enqueue("say", args={"n": 2})
    while run(runtime, CPU) is not Outcome.NOTHING:
        pass
    assert order == [1, 2]


def test_queues_and_unknown_kinds_are_left_alone(probe, runtime, handle) -> None:
    @handle("paint", queue="gpu")
    def paint(ctx, args):
        return lambda session: None

    painted = probe.enqueue("paint")
    unknown = probe.enqueue("of-the-next-release")
    assert probe.job(painted).queue == "gpu"
    assert run(runtime, CPU) is Outcome.NOTHING
    assert run(runtime, CPU, painted) is Outcome.NOTHING
    assert run(runtime, ("gpu",), painted) is Outcome.DONE
    assert probe.job(unknown).state == "queued"


def test_an_id_that_is_not_due_is_left_alone(probe, runtime, handle) -> None:
    runs = []

    @handle("say")
    def say(ctx, args):
        runs.append(1)
        return lambda session: None

    job_id = probe.enqueue("say")
    assert run(runtime, CPU, job_id) is Outcome.DONE
    assert run(runtime, CPU, job_id) is Outcome.NOTHING
    assert run(runtime, CPU, 999_999) is Outcome.NOTHING
    assert runs == [1]


def test_cancel_and_retry(probe, runtime, handle, db) -> None:
    @handle("fine")
    def fine(ctx, args):
        return probe.note("fine")

    job_id = probe.enqueue("fine")
    with db.write() as session:
        assert cancel(session, job_id).state == "cancelled"
        assert cancel(session, job_id).state == "cancelled"
    assert run(runtime, CPU) is Outcome.NOTHING
    with db.write() as session:
        assert retry(session, job_id).state == "queued"
    assert run(runtime, CPU) is Outcome.DONE
    with db.write() as session, pytest.raises(JobNotChangeable, match="is done"):
        cancel(session, job_id)
    with db.write() as session, pytest.raises(JobNotChangeable, match="only a parked"):
        retry(session, job_id)
    for change in (cancel, retry, service.get_job):
        with db.write() as session, pytest.raises(JobNotFound, match="no job 4711"):
            change(session, 4711)


def test_a_parked_job_gets_all_its_attempts_again(probe, runtime, handle, db) -> None:
    broken = True

    @handle("mended", max_attempts=1)
    def mended(ctx, args):
        if broken:
            raise Boom
        return probe.note("mended")

    job_id = probe.enqueue("mended")
    assert run(runtime, CPU) is Outcome.PARKED
    broken = False
    with db.write() as session:
        assert service.parked_ids(session) == [job_id]
        job = retry(session, job_id)
        assert (job.state, job.attempts) == ("queued", 0)
        assert job.due_at is not None
    assert run(runtime, CPU) is Outcome.DONE
    assert probe.job(job_id).to_dict()["error"] is None


def test_retry_of_work_that_is_owed_anew(probe, runtime, handle, db) -> None:
    @handle("bad", max_attempts=1)
    def bad(ctx, args):
        raise Boom

    old = probe.enqueue("bad", dedup="k")
    assert run(runtime, CPU) is Outcome.PARKED
    new = probe.enqueue("bad", dedup="k")
    assert new != old
    with pytest.raises(JobNotChangeable, match="Another job"), db.write() as session:
        retry(session, old)
    assert probe.job(old).state == "parked"
    assert probe.job(new).state == "queued"


def test_lists(probe, db, runtime, handle) -> None:
    first = probe.enqueue("a", repo_id=1)
    second = probe.enqueue("b", repo_id=2)
    third = probe.enqueue("a", repo_id=1)
    with db.write() as session:
        cancel(session, first)
    with db.read() as session:
        assert [job.id for job in jobs_of_repo(session, 1)] == [third, first]
        assert [job.id for job in jobs_of_repo(session, 1, limit=1)] == [third]
        assert [job.id for job in list_jobs(session)] == [third, second, first]
        assert [job.id for job in list_jobs(session, states=["cancelled"])] == [first]
        assert [job.id for job in list_jobs(session, kind="b")] == [second]
