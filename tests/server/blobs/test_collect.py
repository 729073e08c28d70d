"""What nobody needs goes after a while; what a commit just used never does."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from lorahub_server import jobs
from lorahub_server.blobs import collect as collecting
from lorahub_server.blobs import queries_collect, service, uploads
from lorahub_server.blobs.collect import collect
from lorahub_server.blobs.errors import UploadNotFound
from lorahub_server.blobs.tables import Blob, Upload
from lorahub_server.insight.tables import FileHash, Inspection
from lorahub_server.jobs import registry, runner
from lorahub_server.kit.clock import now
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import BadCommit
from lorahub_server.storage.keys import blob_key
from support.inside import Inside, adapter, sha256

DAY = timedelta(days=1)


def run(inside: Inside, after: timedelta = timedelta(0)) -> int:
    return collect(inside.db, inside.store, now() + after, lambda gone: None)


def forget_uploads(inside: Inside) -> None:
    with inside.db.write() as session:
        for upload in session.query(Upload):
            session.delete(upload)


def keys(inside: Inside) -> list[str]:
    return [found.key for found in inside.store.list("")]


def test_a_forgotten_upload_goes(stored):
    with stored.tx() as tx:
        upload_id = uploads.open_upload(tx, size=10, name="a").id
    uploads.append(stored.db, stored.store, stored.caller("alice"), upload_id, 0, [b"123"])
    assert run(stored, 6.9 * DAY) == 0
    assert len(keys(stored)) == 1
    assert run(stored, 7.1 * DAY) == 1
    assert keys(stored) == []
    with stored.look() as tx, pytest.raises(UploadNotFound):
        uploads.get_upload(tx, upload_id)


def test_a_blob_that_was_never_committed_goes(stored):
    weights = stored.upload(adapter())
    assert run(stored, 2.9 * DAY) == 0
    assert run(stored, 3.1 * DAY) == 2  # the upload, then the blob
    assert keys(stored) == []
    with stored.look() as tx:
        assert service.may_use(tx, weights) is None
        assert tx.session.get(Blob, weights) is None


def test_what_a_repository_has_stays(inside):
    weights = inside.upload(adapter())
    inside.make_repo()
    inside.commit({"a.safetensors": weights})
    inside.commit({"a.safetensors": None})  # history still has it
    run(inside, 400 * DAY)
    assert keys(inside) == [blob_key(weights)]
    with inside.tx() as tx:
        tx.session.get_one(Blob, weights).touched_at = now() - 100 * DAY
        repos.delete_repo(tx, repos.get_repo(tx, "alice", "style"))
    assert run(inside, 2.9 * DAY) == 0
    assert run(inside, 3.1 * DAY) == 1
    assert keys(inside) == []


def test_what_another_repository_has_stays(inside):
    weights = inside.upload(adapter())
    for name in ("one", "two"):
        inside.make_repo(name)
        inside.commit({"a.safetensors": weights}, name)
    with inside.tx() as tx:
        repos.delete_repo(tx, repos.get_repo(tx, "alice", "one"))
    run(inside, 400 * DAY)
    assert keys(inside) == [blob_key(weights)]


def test_what_was_found_out_about_the_file_goes_with_it(inside):
    weights = inside.upload(adapter())
    with inside.db.write() as session:
        session.add(Inspection(sha256=weights, state="done", inspected_at=now()))
        session.add(FileHash(value=weights, kind="SHA256", sha256=weights))
    run(inside, 4 * DAY)
    with inside.look() as tx:
        assert tx.session.query(Inspection).count() == 0
        assert tx.session.query(FileHash).count() == 0


def test_sending_the_same_file_again_begins_a_new_wait(small):
    weights = small.upload(adapter())
    later = now() + 3.1 * DAY
    forget_uploads(small)
    small.upload(adapter())
    forget_uploads(small)
    with small.db.write() as session:
        session.get_one(Blob, weights).touched_at = later
    assert run(small, 4 * DAY) == 0
    assert keys(small) == [blob_key(weights)]


def test_pieces_without_an_upload_go(stored):
    stored.store.put("staging/" + "a" * 32 + "/0000-x", [b"123"])
    with stored.tx() as tx:
        upload_id = uploads.open_upload(tx, size=10, name="a").id
    uploads.append(stored.db, stored.store, stored.caller("alice"), upload_id, 0, [b"123"])
    assert run(stored, 0.9 * DAY) == 0
    assert run(stored, 1.1 * DAY) == 1
    (left,) = keys(stored)
    assert upload_id in left


@pytest.mark.parametrize("first", ["commit", "collect"])
def test_collection_and_a_commit_of_the_same_bytes(inside, monkeypatch, first):
    """Whichever comes first, the other sees what it did."""
    weights = inside.upload(adapter())
    inside.make_repo()
    inside.make_repo("other")
    in_the_middle, go_on = threading.Event(), threading.Event()

    def commit() -> object:
        try:
            return inside.commit({"a.safetensors": weights})
        except BadCommit as error:
            return error

    if first == "collect":
        real = queries_collect.delete_unused_blob

        def slow(*arguments):
            answer = real(*arguments)
            in_the_middle.set()
            go_on.wait(5)
            return answer

        monkeypatch.setattr(collecting.queries, "delete_unused_blob", slow)
        works = [lambda: run(inside, 4 * DAY), commit]
    else:
        real_keep = service.keep_all

        def slow_keep(*arguments):
            answer = real_keep(*arguments)
            in_the_middle.set()
            go_on.wait(5)
            return answer

        monkeypatch.setattr("lorahub_server.repos.build.blobs.keep_all", slow_keep)
        works = [commit, lambda: run(inside, 4 * DAY)]
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(works[0])
        assert in_the_middle.wait(10)
        two = pool.submit(works[1])
        threading.Timer(0.3, go_on.set).start()
        results = {"collect": None, "commit": None}
        results[first], results["commit" if first == "collect" else "collect"] = (
            one.result(30),
            two.result(30),
        )
    if first == "commit":
        assert getattr(results["commit"], "changed", False)
        assert keys(inside) == [blob_key(weights)]
    else:
        assert isinstance(results["commit"], BadCommit)
        assert keys(inside) == []


def test_collection_and_the_same_upload_again(inside, monkeypatch):
    """The bytes that a new upload puts in place are not the ones that the collection removes."""
    weights = inside.upload(adapter())
    forget_uploads(inside)
    in_the_middle = threading.Event()
    real = inside.store.delete

    def slow(some):
        some = list(some)
        if blob_key(weights) in some:
            in_the_middle.set()
            threading.Event().wait(0.5)
        real(some)

    monkeypatch.setattr(inside.store, "delete", slow)
    with ThreadPoolExecutor(2) as pool:
        gone = pool.submit(run, inside, 4 * DAY)
        assert in_the_middle.wait(10)
        again = pool.submit(inside.upload, adapter())
        assert (gone.result(30), again.result(30)) == (1, weights)
    assert inside.store.read(blob_key(weights)) == adapter()
    with inside.look() as tx:
        assert service.may_use(tx, weights) is not None


def test_a_report_can_end_the_work(small):
    small.upload(adapter(1))
    small.upload(adapter(2))

    def stop(gone: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        collect(small.db, small.store, now() + 4 * DAY, stop)
    assert run(small, 4 * DAY) == 3


def test_the_job_collects_and_owes_the_next(inside, monkeypatch):
    from lorahub_worker.tasks import collect as task

    weights = inside.upload(adapter())
    monkeypatch.setattr(task, "now", lambda: now() + 4 * DAY)
    with inside.db.write() as session:
        (job,) = jobs.list_jobs(session, kind="collect")
        job.due_at = now() - DAY
        first = job.id
    assert registry.find("collect") is not None
    runtime = runner.Runtime(inside.db, inside.store)
    assert runner.run(runtime, ["cpu"], first) is runner.Outcome.DONE
    assert inside.store.size(blob_key(weights)) is None
    with inside.look() as tx:
        states = {job.id: str(job.state) for job in jobs.list_jobs(tx.session, kind="collect")}
    assert states.pop(first) == "done"
    assert list(states.values()) == ["queued"]


def test_the_bytes_of_a_blob_without_them_come_back(small):
    """A collection that was killed between the bytes and the row is made good by an upload."""
    weights = small.upload(adapter())
    small.store.delete([blob_key(weights)])
    forget_uploads(small)
    assert small.upload(adapter()) == weights
    assert sha256(small.store.read(blob_key(weights))) == weights
