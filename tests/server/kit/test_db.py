"""Transactions: all or nothing, in turn, and seen by others only when they are over."""

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from lorahub_server.kit.db import Database, UtcDateTime, before_commit, on_commit, once


class OwnBase(DeclarativeBase):
    pass


class Note(OwnBase):
    __tablename__ = "kit_notes"

    name: Mapped[str] = mapped_column(primary_key=True)
    moment: Mapped[datetime | None] = mapped_column(UtcDateTime)


@pytest.fixture
def db(database_url):
    database = Database(database_url)
    with database.write() as session:
        OwnBase.metadata.create_all(session.connection())
    yield database
    database.engine.dispose()


def add(db: Database, name: str, moment: datetime | None = None) -> None:
    with db.write() as session:
        session.add(Note(name=name, moment=moment))


def names(db: Database) -> list[str]:
    with db.read() as session:
        return sorted(session.scalars(text("SELECT name FROM kit_notes")))


def add_and_fail(db: Database, action) -> None:
    with db.write() as session:
        session.add(Note(name="lost"))
        session.flush()
        on_commit(session, action)
        _ = 1 / 0


def fail_at_the_end(db: Database) -> None:
    with db.write() as session:
        session.add(Note(name="lost"))
        before_commit(session, lambda: 1 / 0)


def write_while_reading(db: Database) -> None:
    with db.read() as session:
        session.add(Note(name="a"))
        session.flush()


def test_a_write_is_there_when_the_block_ends(db, database_url):
    add(db, "a")
    other = Database(database_url)
    assert names(other) == ["a"]
    other.engine.dispose()


def test_an_error_leaves_nothing_and_frees_the_turn(db):
    with pytest.raises(ZeroDivisionError):
        add_and_fail(db, lambda: None)
    assert names(db) == []
    add(db, "b")
    assert names(db) == ["b"]


def test_others_see_nothing_before_the_commit(db, database_url):
    other = Database(database_url)
    with db.write() as session:
        session.add(Note(name="a"))
        session.flush()
        assert names(other) == []
    assert names(other) == ["a"]
    other.engine.dispose()


def test_what_was_read_outlives_the_session(db):
    add(db, "a", datetime(2026, 1, 2, tzinfo=UTC))
    with db.read() as session:
        note = session.get_one(Note, "a")
    assert note.moment == datetime(2026, 1, 2, tzinfo=UTC)


def test_a_reading_session_can_t_write(db):
    if db.is_sqlite:
        write_while_reading(db)
    else:
        with pytest.raises(DBAPIError, match="read-only"):
            write_while_reading(db)
    assert names(db) == []


def test_actions_run_after_the_commit_and_only_then(db):
    seen = []
    with db.write() as session:
        session.add(Note(name="a"))
        on_commit(session, lambda: seen.append(names(db)))
        assert seen == []
    assert seen == [["a"]]
    with pytest.raises(ZeroDivisionError):
        add_and_fail(db, lambda: seen.append("never"))
    assert seen == [["a"]]


def test_an_action_that_fails_harms_neither_the_commit_nor_the_next_action(db):
    seen = []
    with db.write() as session:
        session.add(Note(name="a"))
        on_commit(session, lambda: 1 / 0)
        on_commit(session, lambda: seen.append(1))
    assert names(db) == ["a"]
    assert seen == [1]


def test_what_comes_last_is_part_of_the_transaction(db):
    with db.write() as session:
        before_commit(session, lambda: session.add(Note(name="last")))
        session.add(Note(name="first"))
    assert sorted(names(db)) == ["first", "last"]
    with pytest.raises(ZeroDivisionError):
        fail_at_the_end(db)
    assert sorted(names(db)) == ["first", "last"]


def test_a_reader_asks_once_and_a_writer_each_time(db):
    answers = iter(range(10))
    with db.read() as session:
        asked = [once(session, key, lambda: next(answers)) for key in ("a", "b", "a")]
    assert asked == [0, 1, 0]
    with db.read() as session:
        assert once(session, "a", lambda: next(answers)) == 2
    with db.write() as session:
        assert [once(session, "a", lambda: next(answers)) for _ in range(2)] == [3, 4]


def test_writers_of_one_process_take_turns(db):
    """Each reads the count and adds one: without turns some would be lost or fail."""

    def work() -> None:
        for _ in range(10):
            with db.write() as session:
                lock = "" if db.is_sqlite else "LOCK TABLE kit_notes IN EXCLUSIVE MODE"
                if lock:
                    session.execute(text(lock))
                count = session.scalar(text("SELECT count(*) FROM kit_notes"))
                session.add(Note(name=f"{count:03}"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(db)) == 80


def test_writers_of_two_processes_take_turns(db, database_url):
    code = (
        "import sys\n"
        "from sqlalchemy import text\n"
        "from lorahub_server.kit.db import Database\n"
        "db = Database(sys.argv[1])\n"
        "for n in range(50):\n"
        "    with db.write() as session:\n"
        "        session.execute(text('SELECT count(*) FROM kit_notes'))\n"
        "        session.execute(text('INSERT INTO kit_notes (name) VALUES (:n)'),"
        " {'n': f'{sys.argv[2]}-{n}'})\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, database_url, name]) for name in ("a", "b")
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    assert len(names(db)) == 100


def test_a_reader_keeps_its_view_and_blocks_nobody(db):
    add(db, "a")
    with db.read() as session:
        assert len(session.scalars(text("SELECT name FROM kit_notes")).all()) == 1
        began = time.monotonic()
        add(db, "b")
        assert time.monotonic() - began < 5
        if db.is_sqlite:
            assert len(session.scalars(text("SELECT name FROM kit_notes")).all()) == 1
    assert names(db) == ["a", "b"]


def test_moments_keep_their_instant(db):
    east = datetime(2026, 5, 1, 12, 30, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    add(db, "east", east)
    with db.read() as session:
        moment = session.get_one(Note, "east").moment
    assert moment == east
    assert moment.tzinfo is UTC or moment.utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_a_mistake(db):
    with pytest.raises(StatementError, match="time zone"):
        add(db, "naive", datetime.fromisoformat("2026-05-01"))


def test_sqlite_is_set_up_to_lose_nothing(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/hub.db")
    with db.read() as session:
        pragmas = {
            name: session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    db.engine.dispose()
