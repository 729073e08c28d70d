"""Uploads: opened, resumed, counted against a quota, cancelled."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lorahub_server import jobs
from lorahub_server.access import Caller
from lorahub_server.access.errors import LoginRequired, ScopeMissing
from lorahub_server.blobs import uploads
from lorahub_server.blobs.errors import FileTooLarge, InvalidUpload, StagingFull, UploadNotFound
from lorahub_server.kit.names import InvalidPath
from lorahub_server.storage.keys import blob_key
from support.inside import Inside, adapter, sha256

HASH = sha256(b"anything")


def start(inside: Inside, who: str = "alice", **fields) -> str:
    wanted = {"size": 10, "name": "a.safetensors", **fields}
    with inside.tx(who) as tx:
        return uploads.open_upload(tx, **wanted).id


def staged(inside: Inside) -> list[str]:
    return [found.key for found in inside.store.list("staging/")]


def test_an_upload_waits_for_its_bytes(inside):
    upload_id = start(inside, name="some folder/a.safetensors")
    with inside.look() as tx:
        upload = uploads.get_upload(tx, upload_id)
        assert (upload.size, upload.received, upload.state) == (10, 0, "open")
        assert upload.name == "a.safetensors"


def test_an_upload_is_its_owners(small):
    upload_id = start(small)
    for who in ("bob", None):
        error = UploadNotFound if who else LoginRequired
        with small.look(who) as tx, pytest.raises(error):
            uploads.get_upload(tx, upload_id)
        with small.tx(who) as tx, pytest.raises(error):
            uploads.cancel_upload(tx, upload_id)
    with small.look() as tx:
        assert uploads.get_upload(tx, upload_id).received == 0
    with small.look() as tx, pytest.raises(UploadNotFound):
        uploads.get_upload(tx, "0" * 32)


def test_uploading_needs_the_right_to_write(small):
    reading = Caller(small.caller("alice").account, frozenset({"read"}), "token")
    with small.tx(caller=reading) as tx, pytest.raises(ScopeMissing):
        uploads.open_upload(tx, size=1, name="a")
    with small.tx(None) as tx, pytest.raises(LoginRequired):
        uploads.open_upload(tx, size=1, name="a")


def test_what_is_announced_is_checked(small):
    for fields in ({"size": -1}, {"sha256": "xyz"}, {"sha256": "0" * 63}):
        with pytest.raises(InvalidUpload):
            start(small, **fields)
    for name in ("", "a/../b", "a\0b", "a" * 300):
        with pytest.raises(InvalidPath):
            start(small, name=name)
    with pytest.raises(FileTooLarge) as caught:
        start(small, size=small.settings.max_file_bytes + 1)
    assert caught.value.status == 413


def test_the_same_upload_is_resumed(inside):
    fields = {"size": 10, "sha256": HASH}
    first = start(inside, **fields)
    uploads.append(inside.db, inside.store, inside.caller("alice"), first, 0, [b"1234"])
    assert start(inside, size=10, sha256=HASH.upper(), name="b.safetensors") == first
    with inside.look() as tx:
        upload = uploads.get_upload(tx, first)
        assert (upload.received, upload.name) == (4, "b.safetensors")
    assert start(inside, size=11, sha256=HASH) != first
    assert start(inside, size=10) != first
    assert start(inside, "bob", **fields) != first


def test_bytes_that_the_caller_may_use_need_no_upload(inside):
    data = adapter()
    inside.upload(data)
    with inside.tx() as tx:
        upload = uploads.open_upload(tx, size=len(data), name="x", sha256=sha256(data))
        assert (upload.state, upload.received) == ("done", len(data))
    caller = inside.caller("alice")
    assert uploads.complete(inside.db, inside.store, caller, upload.id).sha256 == sha256(data)
    with inside.tx() as tx, pytest.raises(InvalidUpload):
        uploads.open_upload(tx, size=len(data) + 1, name="x", sha256=sha256(data))


def test_what_others_hold_in_private_is_asked_for(inside):
    data = adapter()
    weights = inside.upload(data)
    inside.make_repo("secret", private=True)
    inside.commit({"a.safetensors": weights}, "secret")
    with inside.tx("bob") as tx:
        upload = uploads.open_upload(tx, size=len(data), name="x", sha256=weights)
        assert (upload.state, upload.received) == ("open", 0)
    # A wrong size is no way to find out either.
    with inside.tx("bob") as tx:
        other = uploads.open_upload(tx, size=len(data) + 1, name="x", sha256=weights)
        assert other.state == "open"
    inside.make_repo("open")
    inside.commit({"a.safetensors": weights}, "open")
    with inside.tx("bob") as tx:
        upload = uploads.open_upload(tx, size=len(data), name="x", sha256=weights)
        assert upload.state == "done"


def test_unfinished_uploads_fill_a_quota(inside):
    limit = {"max_staged_bytes": 100, "max_file_bytes": 80}
    inside.settings = inside.settings.model_copy(update=limit)
    first = start(inside, size=60)
    with pytest.raises(StagingFull) as caught:
        start(inside, size=41)
    assert caught.value.details == {"limit": 100, "used": 60}
    start(inside, size=40)
    start(inside, "bob", size=80)
    with inside.tx() as tx:
        uploads.cancel_upload(tx, first)
    start(inside, size=60)


def test_uploads_opened_at_once_stay_below_the_quota(inside):
    inside.settings = inside.settings.model_copy(update={"max_staged_bytes": 100})
    inside.caller("alice")
    ready = threading.Barrier(8)

    def attempt(_) -> bool:
        ready.wait()
        try:
            start(inside, size=30)
        except StagingFull:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 3


def test_a_finished_upload_no_longer_counts(small):
    data = adapter()
    small.settings = small.settings.model_copy(update={"max_staged_bytes": len(data)})
    small.upload(data)
    small.upload(adapter(2))


def test_a_cancelled_upload_leaves_nothing(stored):
    upload_id = start(stored)
    uploads.append(stored.db, stored.store, stored.caller("alice"), upload_id, 0, [b"123"])
    assert len(staged(stored)) == 1
    with stored.tx() as tx:
        uploads.cancel_upload(tx, upload_id)
    assert staged(stored) == []
    with stored.look() as tx, pytest.raises(UploadNotFound):
        uploads.get_upload(tx, upload_id)


def test_cancelling_a_done_upload_keeps_the_blob(small):
    weights = small.upload(adapter())
    small.make_repo()
    small.commit({"a.safetensors": weights})
    with small.tx() as tx:
        upload = uploads.open_upload(tx, size=len(adapter()), name="x", sha256=weights)
        uploads.cancel_upload(tx, upload.id)
    assert small.store.size(blob_key(weights)) == len(adapter())


def test_an_upload_owes_a_collection(inside):
    start(inside)
    start(inside)
    with inside.look() as tx:
        (job,) = jobs.list_jobs(tx.session, kind="collect")
        assert job.due_at is not None
        assert job.due_at > tx.now
