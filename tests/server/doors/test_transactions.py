"""An answer tells what is so: the commit comes first, and one that fails is an error."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from lorahub_server.access import Tx
from lorahub_server.accounts.service import (
    find_account,
    get_account,
    insert_account,
    update_profile,
)
from lorahub_server.doors import deps
from lorahub_server.doors.deps import OwnHub, ReadTx, WriteTx
from lorahub_server.kit.db import Database


def kill_own_connection(tx: Tx, tables_url: str) -> None:
    """Let the commit fail for real: a broken rule that is looked at late, or a cut connection."""
    if tables_url.startswith("sqlite"):
        tx.session.execute(text("PRAGMA defer_foreign_keys = ON"))
        tx.session.execute(
            text("INSERT INTO former_names VALUES ('nobody', 999, '2026-01-01 00:00:00')")
        )
        return
    pid = tx.session.scalar(text("SELECT pg_backend_pid()"))
    other = Database(tables_url)
    with other.write() as session:
        session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    other.engine.dispose()


def test_the_row_is_there_when_the_answer_arrives(each_site, tables_url):
    @each_site.app.post("/api/test/accounts/{name}")
    def make(tx: WriteTx, name: str) -> dict[str, str]:
        insert_account(tx.session, name, None)
        return {"name": name}

    other, seen = Database(tables_url), []

    def look(message) -> None:
        with other.read() as session:
            seen.append((message["status"], find_account(session, "carol") is not None))

    each_site.as_token(None).post("/api/test/accounts/carol", on_start=look).expect(200)
    other.engine.dispose()
    assert seen == [(200, True)]


def test_a_commit_that_fails_is_an_error_answer(each_site, tables_url):
    alice = each_site.add_account("alice")

    @each_site.app.post("/api/test/broken")
    def broken(tx: WriteTx) -> dict[str, bool]:
        update_profile(tx.session, get_account(tx.session, "alice"), bio="never")
        tx.session.flush()
        kill_own_connection(tx, tables_url)
        return {"done": True}

    answer = alice.post("/api/test/broken")
    assert answer.status in (500, 503), answer.body
    assert answer.code in ("internal_error", "busy")
    assert alice.get("accounts/alice").json()["bio"] == ""


def test_an_error_in_the_endpoint_leaves_nothing(each_site):
    alice = each_site.add_account("alice")

    @each_site.app.post("/api/test/half")
    def half(tx: WriteTx) -> None:
        update_profile(tx.session, get_account(tx.session, "alice"), bio="half")
        raise ZeroDivisionError

    assert alice.post("/api/test/half").code == "internal_error"
    assert alice.get("accounts/alice").json()["bio"] == ""


def test_a_reading_transaction_is_over_before_the_answer(each_site):
    states = []

    @each_site.app.get("/api/test/reading")
    def look(tx: ReadTx) -> None:
        states.append(tx.session)

    def note(message) -> None:
        states.append(states[0].in_transaction())

    each_site.as_token(None).get("/api/test/reading", on_start=note).expect(200)
    assert states[1] is False


def test_many_requests_at_once_do_not_block_each_other(each_site):
    """More writers than threads, with readers and own transactions among them."""
    alice = each_site.add_account("alice")

    @each_site.app.post("/api/test/own")
    def own(hub: OwnHub) -> None:
        with hub.db.write() as session:
            update_profile(session, get_account(session, "alice"), bio="x")

    def ask(number: int) -> int:
        if number % 3 == 0:
            return alice.get("whoami").status
        if number % 3 == 1:
            return alice.post("/api/test/own").status
        return alice.post("repos", json={"name": f"repo-{number}"}).status

    began = time.monotonic()
    with ThreadPoolExecutor(150) as pool:
        statuses = list(pool.map(ask, range(150)))
    assert set(statuses) == {200, 201}
    assert time.monotonic() - began < 25


def test_who_waits_for_too_long_is_told_to_come_back(site, monkeypatch):
    monkeypatch.setattr(deps, "_PATIENCE_S", 0.2)
    held, free = threading.Event(), threading.Event()

    @site.app.post("/api/test/slow")
    def slow(tx: WriteTx) -> None:
        held.set()
        free.wait(20)

    alice = site.add_account("alice")
    with ThreadPoolExecutor(deps.WRITERS) as pool:
        running = [pool.submit(alice.post, "/api/test/slow") for _ in range(deps.WRITERS)]
        assert held.wait(10)
        time.sleep(0.3)
        refused = alice.post("repos", json={"name": "late"})
        reading = alice.get("whoami")
        free.set()
        assert [done.result().status for done in running] == [200] * deps.WRITERS
    assert (refused.status, refused.code) == (503, "busy")
    assert int(refused.headers["Retry-After"]) > 0
    assert reading.status == 200


@pytest.mark.parametrize("scope", ["read", "write"])
def test_the_dependencies_end_with_the_function(scope):
    """What the promise hangs on: without it the commit would follow the answer."""
    kind = {"read": ReadTx, "write": WriteTx}[scope]
    assert kind.__metadata__[0].scope == "function"
