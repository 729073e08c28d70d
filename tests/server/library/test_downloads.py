"""Downloads: counted in memory, written in time, never lost by a database that fails."""

import threading
import time

import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from lorahub_server.kit.db import Database
from lorahub_server.library import downloads
from lorahub_server.library.tables import LibraryEntry
from lorahub_server.repos import service as repos


@pytest.fixture
def hub(inside):
    downloads._waiting.clear()
    inside.make_repo("one")
    inside.make_repo("two")
    yield inside
    downloads._waiting.clear()


def ids(hub) -> list[int]:
    with hub.look() as tx:
        return [repos.get_repo(tx, "alice", name).id for name in ("one", "two")]


def counted(hub) -> list[int]:
    with hub.look() as tx:
        rows = tx.session.scalars(select(LibraryEntry).order_by(LibraryEntry.repo_id)).all()
        return [row.downloads for row in rows]


def test_counts_are_added(hub):
    one, two = ids(hub)
    for _ in range(3):
        downloads.count(one)
    downloads.count(two, 5)
    assert counted(hub) == [0, 0]
    assert downloads.flush(hub.db) == 8
    assert counted(hub) == [3, 5]
    downloads.count(one)
    assert downloads.flush(hub.db) == 1
    assert downloads.flush(hub.db) == 0
    assert counted(hub) == [4, 5]
    with hub.look() as tx:
        assert all(entry.trending > 0 for entry in tx.session.scalars(select(LibraryEntry)))


def test_a_repository_that_is_gone_is_no_error(hub):
    downloads.count(10**9)
    downloads.flush(hub.db)
    assert counted(hub) == [0, 0]


def test_a_failing_database_loses_nothing(hub):
    one, two = ids(hub)
    downloads.count(one, 2)
    broken = Database("sqlite:////nowhere/at/all.db")
    with pytest.raises(SQLAlchemyError):
        downloads.flush(broken)
    downloads.count(two)
    assert downloads.flush(hub.db) == 3
    assert counted(hub) == [2, 1]


def test_many_batches(hub, monkeypatch):
    monkeypatch.setattr(downloads, "_BATCH", 1)
    for repo_id in ids(hub):
        downloads.count(repo_id)
    assert downloads.flush(hub.db) == 2
    assert counted(hub) == [1, 1]


def test_threads_and_processes_at_once(hub):
    pair = ids(hub)

    def go(order) -> None:
        for _ in range(20):
            for repo_id in order:
                downloads.count(repo_id)
            downloads.flush(hub.db)

    threads = [threading.Thread(target=go, args=(pair[:: 1 if n % 2 else -1],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    downloads.flush(hub.db)
    assert counted(hub) == [80, 80]


def test_the_thread_writes_by_itself_and_at_the_end(hub):
    one, two = ids(hub)
    flusher = downloads.Flusher(hub.db, every_s=0.05).start()
    downloads.count(one)
    until = time.monotonic() + 10
    while counted(hub)[0] == 0 and time.monotonic() < until:
        time.sleep(0.02)
    assert counted(hub) == [1, 0]
    downloads.count(two)
    flusher.close()
    assert counted(hub) == [1, 1]


def test_the_thread_outlives_a_failure(hub, capsys, caplog):
    one, _ = ids(hub)
    flusher = downloads.Flusher(Database("sqlite:////nowhere/at/all.db"), every_s=0.02).start()
    downloads.count(one)
    time.sleep(0.1)
    assert flusher._thread.is_alive()
    flusher.close()
    assert downloads.flush(hub.db) == 1
    # On standard output, or in the logs once another test has set logging up.
    assert "downloads_not_written" in capsys.readouterr().out + caplog.text
