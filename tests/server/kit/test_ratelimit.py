import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from sqlalchemy import func, select

from lorahub_server.kit.ratelimit import (
    Limit,
    RateLimited,
    RateWindow,
    forgive,
    give_back,
    hit,
    network,
    purge,
)

THREE = Limit("three", count=3, seconds=60, does="tries")
START = datetime(2030, 1, 1, tzinfo=UTC)  # a window's beginning


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_the_fourth_is_refused_and_told_when(accounts_db):
    for second in range(3):
        hit(accounts_db, THREE, "alice", at=after(second))
    with pytest.raises(RateLimited) as caught:
        hit(accounts_db, THREE, "alice", at=after(10))
    error = caught.value
    assert (error.status, error.code) == (429, "rate_limited")
    assert "seconds" in str(error)
    with pytest.raises(RateLimited):
        hit(accounts_db, THREE, "alice", at=after(10 + error.retry_after - 2))
    hit(accounts_db, THREE, "alice", at=after(10 + error.retry_after))


def test_keys_and_limits_are_apart(accounts_db):
    other = Limit("other", count=3, seconds=60, does="tries")
    for key in [("alice", "x"), ("alicex",), ("alice",), ("alice", "\ud800")]:
        for _ in range(3):
            hit(accounts_db, THREE, *key, at=START)
    for _ in range(3):
        hit(accounts_db, other, "alice", at=START)


def test_a_burst_over_the_window_border_is_no_double_ration(accounts_db):
    for _ in range(3):
        hit(accounts_db, THREE, "bob", at=after(59))
    with pytest.raises(RateLimited):
        hit(accounts_db, THREE, "bob", at=after(61))


def test_refused_tries_do_not_prolong_the_wait(accounts_db):
    for _ in range(3):
        hit(accounts_db, THREE, "bob", at=START)
    waits = []
    for second in (1, 2, 3):
        with pytest.raises(RateLimited) as caught:
            hit(accounts_db, THREE, "bob", at=after(second))
        waits.append(second + caught.value.retry_after)
    assert len(set(waits)) == 1


@pytest.mark.parametrize("accounts_db", ["sqlite"], indirect=True)
@limits(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(1, 6),
    gaps=st.lists(st.floats(0, 40), min_size=1, max_size=12),
)
def test_who_waits_as_told_gets_in(accounts_db, count, gaps):
    limit = Limit("waits", count=count, seconds=60, does="tries")
    key = uuid.uuid4()  # the examples share one database
    moment = 0.0
    for gap in gaps:
        moment += gap
        try:
            hit(accounts_db, limit, str(key), at=after(moment))
        except RateLimited as error:
            moment += min(error.retry_after, 2 * limit.seconds)
            hit(accounts_db, limit, str(key), at=after(moment))


def test_forgive_and_give_back(accounts_db):
    for _ in range(3):
        hit(accounts_db, THREE, "alice", at=START)
    with accounts_db.write() as session:
        give_back(session, THREE, "alice", at=START)
        give_back(session, THREE, "nobody", at=START)
    hit(accounts_db, THREE, "alice", at=START)
    with pytest.raises(RateLimited):
        hit(accounts_db, THREE, "alice", at=START)
    with accounts_db.write() as session:
        forgive(session, THREE, "alice")
    for _ in range(3):
        hit(accounts_db, THREE, "alice", at=START)


def test_many_at_once_get_no_more_than_the_limit(accounts_db):
    limit = Limit("crowd", count=5, seconds=3600, does="tries")
    accepted = []
    barrier = threading.Barrier(12)

    def one():
        barrier.wait()
        try:
            hit(accounts_db, limit, "alice", at=START)
        except RateLimited:
            return
        accepted.append(1)

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(accepted) == 5


def test_purge_keeps_what_still_counts(accounts_db):
    hit(accounts_db, THREE, "old", at=START)
    hit(accounts_db, THREE, "new", at=after(300))
    with accounts_db.write() as session:
        purge(session, after(301))
        assert session.scalar(select(func.count()).select_from(RateWindow)) == 1
        assert session.scalars(select(RateWindow.start)).one() == after(300).timestamp()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_network(address, expected):
    assert network(address) == expected
