"""What is recorded of files, who hears of it, and where each file stands; on both databases."""

import pytest
from sqlalchemy import delete, select, update

from lorahub.adapters.inspect import Inspection as Findings
from lorahub.adapters.inspect import StreamInspector
from lorahub_server.access import Caller
from lorahub_server.blobs.tables import Blob
from lorahub_server.insight import service, states
from lorahub_server.insight.tables import FileHash, Inspection
from lorahub_server.jobs.runner import Outcome
from lorahub_server.jobs.tables import Job, State
from lorahub_server.library.tables import LibraryEntry
from lorahub_server.repos import service as repos
from lorahub_worker.tasks import inspect as inspect_task
from support.inside import Inside, adapter, sha256
from support.running import run_jobs

DATA = adapter()
SHA = sha256(DATA)


def found_in(data: bytes = DATA) -> Findings:
    inspector = StreamInspector(len(data))
    inspector.feed(data)
    return inspector.finish()


@pytest.fixture
def hub(inside: Inside) -> Inside:
    """A hub with the adapter in alice's public repository, its inspection owed."""
    inside.make_repo()
    inside.commit({"a.safetensors": inside.upload(DATA)})
    return inside


def record(hub: Inside, data: bytes = DATA) -> Findings:
    found = found_in(data)
    with hub.tx() as tx:
        service.record_inspection(tx.session, sha256(data), found)
    return found


def standing(hub: Inside) -> states.Standing:
    with hub.look() as tx:
        return states.standings(tx.session, [SHA])[SHA]


def test_an_inspection_is_kept(hub):
    found = record(hub)
    with hub.look(None) as tx:
        kept = service.get_inspections(tx, [SHA])[SHA]
        assert (kept.state, kept.error_code) == ("done", None)
        assert kept.summary == found.summary.to_dict()
        assert kept.health == found.health
        assert kept.data_sha256 == found.data_sha256
        hashes = {row.kind: row.value for row in tx.session.scalars(select(FileHash))}
    assert hashes == {k: v for k, v in found.hashes.items() if k != "AutoV1"}


def test_recording_again_changes_nothing(hub):
    record(hub)
    with hub.look() as tx:
        before = {(row.kind, row.value) for row in tx.session.scalars(select(FileHash))}
    record(hub)
    with hub.look() as tx:
        assert {(row.kind, row.value) for row in tx.session.scalars(select(FileHash))} == before
        assert len(tx.session.scalars(select(Inspection)).all()) == 1


def test_a_failure_takes_the_place_of_facts_and_gives_way_to_them(hub):
    record(hub)
    with hub.tx() as tx:
        service.record_failure(tx.session, SHA, "c" * 100, "m\0" * 5000)
    with hub.look() as tx:
        kept = service.get_inspections(tx, [SHA])[SHA]
        assert (kept.state, kept.summary, kept.health) == ("failed", None, None)
        assert (len(kept.error_code), "\0" in kept.error_message) == (64, False)
        assert service.find_by_hash(tx, found_in().hashes["BLAKE3"]) == []
    record(hub)
    with hub.look() as tx:
        kept = service.get_inspections(tx, [SHA])[SHA]
        assert (kept.state, kept.error_code, kept.error_message) == ("done", None, None)


def test_a_file_that_was_collected_meanwhile_is_left_alone(inside):
    with inside.tx() as tx:
        service.record_inspection(tx.session, SHA, found_in())
        service.record_failure(tx.session, SHA, "truncated", "It is cut off.")
    with inside.look() as tx:
        assert tx.session.scalars(select(Inspection)).all() == []


def test_files_are_found_by_every_hash(hub):
    found = record(hub)
    with hub.look(None) as tx:
        for kind, value in found.hashes.items():
            expected = [] if kind == "AutoV1" else [SHA]
            assert list(service.find_by_hash(tx, value)) == expected, kind
            assert list(service.find_by_hash(tx, f" {value.upper()} ")) == expected
        assert list(service.find_by_hash(tx, found.data_sha256)) == [SHA]


def test_files_are_found_by_their_sha256_before_they_are_inspected(hub):
    with hub.look(None) as tx:
        assert list(service.find_by_hash(tx, f"sha256:{SHA}")) == [SHA]


@pytest.mark.parametrize("value", ["", "x", "abc", "g" * 64, "%", "a" * 65, "' OR 1=1", "\0" * 8])
def test_what_is_no_hash_finds_nothing(hub, value):
    record(hub)
    with hub.look(None) as tx:
        assert list(service.find_by_hash(tx, value)) == []


def test_short_hashes_may_name_several_files(hub):
    hub.commit({"b.safetensors": hub.upload(adapter(2))})
    record(hub)
    record(hub, adapter(2))
    with hub.tx() as tx:
        tx.session.execute(update(FileHash).where(FileHash.kind == "CRC32").values(value="0" * 8))
    with hub.look(None) as tx:
        assert list(service.find_by_hash(tx, "00000000")) == sorted([SHA, sha256(adapter(2))])


@pytest.mark.parametrize(
    ("who", "sees"), [("alice", True), ("bob", False), (None, False), ("root", False)]
)
def test_knowing_a_hash_grants_nothing(inside, who, sees):
    inside.make_repo(private=True)
    inside.commit({"a.safetensors": inside.upload(DATA)})
    found = record(inside)
    caller = inside.caller(who)
    if who == "root":
        caller.account.is_admin = True
    with inside.look(caller=caller) as tx:
        assert bool(service.get_inspections(tx, [SHA])) == sees
        for value in (*found.hashes.values(), found.data_sha256):
            if value[:8] != "e3b0c442":
                assert bool(service.find_by_hash(tx, value)) == sees


def test_a_token_without_the_scope_learns_nothing(inside):
    inside.make_repo(private=True)
    inside.commit({"a.safetensors": inside.upload(DATA)})
    record(inside)
    caller = Caller(inside.caller("alice").account, frozenset(), "token")
    with inside.look(caller=caller) as tx:
        assert not service.get_inspections(tx, [SHA])
        assert not service.find_by_hash(tx, SHA)


def test_a_deleted_repository_shows_nothing(hub):
    record(hub)
    with hub.tx() as tx:
        repos.delete_repo(tx, repos.get_repo(tx, "alice", "style"))
    with hub.look() as tx:
        assert not service.get_inspections(tx, [SHA])
        assert not service.find_by_hash(tx, SHA)


def test_where_a_file_stands(hub):
    assert standing(hub).state == "waiting"
    with hub.tx() as tx:
        (job,) = tx.session.scalars(select(Job).where(Job.kind == "inspect")).all()
        assert job.dedup == states.dedup_key(SHA)
        job.state, job.progress = State.RUNNING, {"done": 1, "total": 2, "note": ""}
    now = standing(hub)
    assert (now.state, now.progress) == ("running", {"done": 1, "total": 2, "note": ""})
    with hub.tx() as tx:
        values = {"state": State.PARKED, "error_code": "gone", "error_message": "Not there."}
        tx.session.execute(update(Job).where(Job.kind == "inspect").values(**values, due_at=None))
    now = standing(hub)
    assert (now.state, now.progress) == ("failed", None)
    assert now.error == {"code": "gone", "message": "Not there."}
    record(hub)
    now = standing(hub)
    assert (now.state, now.error, now.hashes["SHA256"]) == ("done", None, SHA)


def test_a_failure_that_is_tried_again_is_under_way(hub):
    with hub.tx() as tx:
        service.record_failure(tx.session, SHA, "truncated", "It is cut off.")
    assert standing(hub).state == "waiting"
    with hub.tx() as tx:
        tx.session.execute(delete(Job))
    now = standing(hub)
    assert (now.state, now.error) == (
        "failed",
        {"code": "truncated", "message": "It is cut off."},
    )


def test_without_a_job_it_waits(hub):
    with hub.tx() as tx:
        tx.session.execute(delete(Job))
    assert standing(hub).state == "waiting"


def test_many_files_take_few_queries(hub):
    with hub.tx() as tx:
        for number in range(1200):
            tx.session.add(
                Blob(sha256=f"{number:064x}", size=1, created_at=tx.now, touched_at=tx.now)
            )
    with hub.look() as tx, hub.counted() as seen:
        states.standings(tx.session, [f"{number:064x}" for number in range(1200)])
    assert len(seen) <= 8
    with hub.look() as tx:
        assert states.standings(tx.session, []) == {}


def test_a_given_up_inspection_fails_until_it_is_tried_again(hub, monkeypatch):
    """The worker breaks down for a reason that nobody foresaw."""

    def broken(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(inspect_task, "_read", broken)
    inspect_task_attempts(hub, left=1)
    assert run_jobs(hub.db, hub.store) == [Outcome.PARKED]
    where = standing(hub)
    assert (where.state, where.error["code"]) == ("failed", "out_of_memory")
    assert library_health(hub) == "failed"
    with hub.look() as tx:
        assert service.get_inspections(tx, [SHA])[SHA].state == "failed"
    # Others who have the same bytes may try again too, and twice is once.
    for _ in range(2):
        with hub.tx("bob") as tx:
            service.try_again(tx.session, [SHA])
        assert (standing(hub).state, library_health(hub)) == ("waiting", "waiting")
    monkeypatch.undo()
    assert run_jobs(hub.db, hub.store)[0] is Outcome.DONE
    assert (standing(hub).state, library_health(hub)) == ("done", "ok")


def test_what_is_known_outlives_a_given_up_job(hub):
    record(hub)
    with hub.tx() as tx:
        service.record_given_up(tx.session, SHA, "worker_died", "It hung.")
    assert (standing(hub).state, library_health(hub)) == ("done", "ok")


def inspect_task_attempts(hub: Inside, *, left: int) -> None:
    with hub.tx() as tx:
        tx.session.execute(update(Job).values(attempts=5 - left))


def library_health(hub: Inside) -> str:
    with hub.look() as tx:
        return tx.session.scalars(select(LibraryEntry.health)).one()
