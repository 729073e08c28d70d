"""Whose turn it is on the queue of long work, on both databases."""

import threading
import time
from datetime import timedelta

import pytest

from lorahub_server.jobs import enqueue, fair, queries_fair
from lorahub_server.jobs.runner import Outcome, Runtime, run
from lorahub_server.jobs.tables import Job, State
from lorahub_server.kit.clock import now

GPU = ("gpu",)


@pytest.fixture
def taken(db, runtime, handle):
    """The work that was done, in order: (account, lane)."""
    done = []

    @handle("draw", queue="gpu")
    def draw(ctx, args):
        done.append((args["account"], args["lane"]))
        return lambda session: None

    return done


def owe(db, account: int, lane: str = "sd", *, count: int = 1, urgent: bool = False) -> None:
    with db.write() as session:
        for _ in range(count):
            args = {"account": account, "lane": lane}
            enqueue(
                session, "draw", args, queue="gpu", account_id=account, lane=lane, urgent=urgent
            )


def work(runtime: Runtime, count: int) -> None:
    for _ in range(count):
        assert run(runtime, GPU) is Outcome.DONE


def served(db, account: int, seconds: int, ago: timedelta = timedelta(minutes=5)) -> None:
    with db.write() as session:
        ended = now() - ago
        session.add(
            Job(kind="draw", queue="gpu", args={}, state=State.DONE, account_id=account,
                started_at=ended - timedelta(seconds=seconds), finished_at=ended)
        )  # fmt: skip


def test_one_is_not_held_up_by_two_hundred(db, runtime, taken) -> None:
    owe(db, 1, count=200)
    owe(db, 2)
    served(db, 1, 90)
    work(runtime, 2)
    assert taken[0] == (2, "sd")


def test_what_was_served_long_ago_counts_no_more(db, runtime, taken) -> None:
    owe(db, 1)
    owe(db, 2)
    served(db, 1, 90, ago=timedelta(hours=2))
    work(runtime, 1)
    assert taken == [(1, "sd")]


def test_whose_work_is_running_waits_for_others(db, runtime, taken) -> None:
    owe(db, 1, count=2)
    with db.write() as session:
        first = session.query(Job).order_by(Job.id).first()
        first.state, first.lease = State.RUNNING, "x"
        first.due_at = now() + timedelta(minutes=1)
    owe(db, 2)
    work(runtime, 2)
    assert taken == [(2, "sd"), (1, "sd")]


def test_who_waits_in_front_of_a_page_comes_first(db, runtime, taken) -> None:
    owe(db, 1)
    owe(db, 2, urgent=True)
    served(db, 2, 900)
    work(runtime, 1)
    assert taken == [(2, "sd")]


def test_a_warm_lane_goes_on_and_then_yields(db, runtime, taken) -> None:
    runtime.warm = lambda: frozenset({"xl"})
    owe(db, 1, "sd", count=3)
    owe(db, 1, "xl", count=20)
    work(runtime, fair.STREAK_JOBS + 1)
    lanes = [lane for _, lane in taken]
    assert lanes == ["xl"] * fair.STREAK_JOBS + ["sd"]


def test_a_lane_waits_no_longer_than_a_minute(db, runtime, taken, monkeypatch) -> None:
    runtime.warm = lambda: frozenset({"xl"})
    owe(db, 1, "sd")
    owe(db, 1, "xl", count=5)
    work(runtime, 1)
    moment = time.monotonic()
    monkeypatch.setattr(fair.time, "monotonic", lambda: moment + fair.STREAK_S + 1)
    work(runtime, 1)
    assert [lane for _, lane in taken] == ["xl", "sd"]


def test_two_workers_never_take_the_same(db, runtime, taken) -> None:
    owe(db, 1, count=15)
    owe(db, 2, count=15)
    workers = [Runtime(db, runtime.store, name=f"w{n}") for n in range(3)]

    def until_done(one: Runtime) -> None:
        while run(one, GPU) is not Outcome.NOTHING:
            pass

    threads = [threading.Thread(target=until_done, args=(one,)) for one in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while run(runtime, GPU) is not Outcome.NOTHING:
        pass
    assert len(taken) == 30
    with db.read() as session:
        assert {job.attempts for job in session.query(Job)} == {1}


def test_a_long_queue_gives_few_candidates(db, taken) -> None:
    with db.write() as session:
        moment = now()
        session.add_all(
            Job(
                kind="draw",
                queue="gpu",
                args={},
                account_id=n % 50,
                lane=f"lane-{n % 3}",
                due_at=moment,
            )
            for n in range(3000)
        )
    with db.write() as session:
        assert len(queries_fair._candidates(session, ["draw"])) == 2 * 150
        assert queries_fair.lock_fair(session, ["draw"], []) is not None


def test_a_worker_of_both_queues_takes_short_work_first(db, runtime, taken, handle) -> None:
    @handle("read", queue="cpu")
    def read(ctx, args):
        taken.append("read")
        return lambda session: None

    owe(db, 1)
    with db.write() as session:
        enqueue(session, "read", {})
    both = ("cpu", "gpu")
    assert [run(runtime, both) for _ in range(3)] == [Outcome.DONE, Outcome.DONE, Outcome.NOTHING]
    assert taken == ["read", (1, "sd")]
