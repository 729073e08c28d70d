"""Whose turn it is on the queue of long work, on both databases."""

import itertools
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import insert, text

from lorahub_server.jobs import enqueue, fair, queries, queries_fair
from lorahub_server.jobs.runner import Outcome, Runtime, run
from lorahub_server.jobs.tables import Job, State
from lorahub_server.kit.clock import now

GPU = ("gpu",)
WANTED = queries.Wanted(GPU, ["draw"])


@pytest.fixture
def taken(db, runtime, handle):
    """The work that was done, in order: (account, lane)."""
    done = []

    @handle("draw", queue="gpu")
    def draw(ctx, args):
        done.append((args["account"], args["lane"]))
        return lambda session: None

    return done


def owe(db, account: int, lane: str | None = "sd", *, count: int = 1, urgent: bool = False) -> None:
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


def test_one_comes_after_a_single_job_of_two_hundred(db, runtime, handle) -> None:
    seen = []

    @handle("draw", queue="gpu")
    def draw(ctx, args):
        seen.append(args["account"])
        time.sleep(0.01)
        return lambda session: None

    owe(db, 1, count=200)
    owe(db, 2)
    work(runtime, 2)
    assert seen == [1, 2]


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


def fill(db, count: int, accounts: int = 50) -> None:
    """Let jobs wait, as many done before them, in all lanes and with the hub's own among them."""
    moment = now()
    with db.write() as session:
        rows = [
            {
                "kind": "draw",
                "queue": "gpu",
                "args": {"account": n % accounts, "lane": f"lane-{n % 3}"},
                "account_id": n % accounts or None,
                "lane": f"lane-{n % 3}",
                "due_at": moment - timedelta(seconds=count - n),
            }
            for n in range(count)
        ]
        session.execute(insert(Job), rows)


def claim_cost(db) -> int:
    """Return what a choice costs: hundreds of SQLite's steps, or rows that PostgreSQL reads."""
    read = (
        "SELECT seq_tup_read + COALESCE(idx_tup_fetch, 0) "
        "FROM pg_stat_xact_user_tables WHERE relname = 'jobs'"
    )
    with db.write() as session:
        if db.is_sqlite:
            ticks = itertools.count()
            connection = session.connection().connection.driver_connection
            connection.set_progress_handler(lambda: next(ticks) and 0, 100)
            assert queries_fair.lock_fair(session, WANTED, {"lane-1", "lane-2"}) is not None
            connection.set_progress_handler(None, 0)
            return next(ticks)
        before = session.scalar(text(read)) or 0
        assert queries_fair.lock_fair(session, WANTED, {"lane-1", "lane-2"}) is not None
        return session.scalar(text(read)) - before


def test_a_long_queue_costs_no_more_than_a_short_one(db, taken) -> None:
    fill(db, 400)
    short = claim_cost(db)
    fill(db, 10_000)
    if not db.is_sqlite:
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE jobs"))
    long = claim_cost(db)
    assert 0 < long < 2 * short, (long, short)


def test_a_long_queue_gives_few_candidates(db, taken) -> None:
    fill(db, 3000)
    with db.write() as session:
        found = queries_fair._candidates(session, WANTED, {"lane-1"}, urgent=False)
    # Two of each account, and two of each in the warm lane; all oldest of their kind.
    assert 2 * 50 < len(found) <= 4 * 50
    assert {one.account_id for one in found} == {None, *range(1, 50)}
    first = min(found, key=lambda one: one.due_at)
    assert (first.account_id, first.lane) == (None, "lane-0")


def test_what_was_served_is_known_behind_a_long_queue(db, runtime, taken) -> None:
    """What is done first is older than the thousands that were owed after it."""
    served(db, 1, 90)
    fill(db, 6000, accounts=2)
    work(runtime, 1)
    assert taken == [(0, "lane-0")]
    served(db, 2, 30)
    served(db, 0, 95)
    owe(db, 2)
    work(runtime, 1)
    assert taken[1:] == [(0, "lane-2")]


def test_two_warm_lanes_hold_up_no_third(db, runtime, taken) -> None:
    """Though the work changes between the two at every claim."""
    runtime.warm = lambda: frozenset({"xl", "flux"})
    owe(db, 1, "sd")
    for _ in range(10):
        owe(db, 1, "xl")
        owe(db, 1, "flux")
    work(runtime, fair.STREAK_JOBS + 1)
    lanes = [lane for _, lane in taken]
    assert lanes == ["xl", "flux"] * (fair.STREAK_JOBS // 2) + ["sd"]


def test_work_for_a_base_that_is_elsewhere_is_left(db, runtime, taken) -> None:
    """However long it has waited, and whoever it is for; what is for no base in particular is done."""
    runtime.barred = lambda: frozenset({"xl"})
    owe(db, 1, "xl", count=60, urgent=True)
    owe(db, 2, "xl")
    owe(db, 1, "sd")
    owe(db, 2, None)
    work(runtime, 2)
    assert sorted(taken, key=str) == [(1, "sd"), (2, None)]
    assert run(runtime, GPU) is Outcome.NOTHING
    runtime.barred = frozenset
    assert run(runtime, GPU) is Outcome.DONE
    assert taken[2:] == [(1, "xl")]


def test_a_name_makes_no_worker_take_what_it_can_not_do(db, runtime, taken) -> None:
    runtime.barred = lambda: frozenset({"xl"})
    owe(db, 1, "xl")
    with db.read() as session:
        named = session.query(Job).one().id
    assert run(runtime, ("cpu", "gpu"), named) is Outcome.NOTHING
    assert run(runtime, GPU, named) is Outcome.NOTHING


def test_what_somebody_else_holds_is_passed_by(db, taken) -> None:
    """On SQLite nobody can: a second writer waits for the first to end."""
    owe(db, 1, count=5)
    with db.write() as session:
        held = queries_fair.lock_fair(session, WANTED, [])
        if db.is_sqlite:
            return
        with db.write() as other:
            free = queries_fair.lock_fair(other, WANTED, [])
            with db.write() as third:
                last = queries_fair.lock_fair(third, WANTED, [])
                assert len({held.id, free.id, last.id}) == 3


def test_a_dead_workers_job_is_taken_again(db, runtime, taken, probe) -> None:
    owe(db, 1)
    with db.write() as session:
        job = session.query(Job).one()
        job.state, job.lease, job.attempts = State.RUNNING, "dead", 1
        job.due_at = now() + timedelta(minutes=1)
        job_id = job.id
    assert run(runtime, GPU) is Outcome.NOTHING
    probe.make_due(job_id)
    work(runtime, 1)
    assert probe.job(job_id).attempts == 2


def test_a_name_on_this_queue_only_wakes(db, runtime, taken, handle) -> None:
    @handle("read", queue="cpu")
    def read(ctx, args):
        taken.append("read")
        return lambda session: None

    owe(db, 1)
    owe(db, 2, urgent=True)
    with db.write() as session:
        named = session.query(Job).filter_by(account_id=1).one().id
        short = enqueue(session, "read", {}).id
    both = ("cpu", "gpu")
    assert run(runtime, both, named) is Outcome.DONE
    assert run(runtime, both, short) is Outcome.DONE
    assert run(runtime, both, named) is Outcome.DONE
    assert run(runtime, both, named) is Outcome.NOTHING
    assert taken == [(2, "sd"), "read", (1, "sd")]


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
