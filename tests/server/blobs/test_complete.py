"""Verification: good files become blobs, bad ones leave nothing, and a crash loses nothing."""

import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from lorahub_server.blobs import complete as completing
from lorahub_server.blobs import service, uploads
from lorahub_server.blobs.errors import BadFile, HashMismatch, StoreFull, UploadNotFound
from lorahub_server.blobs.tables import Blob, UploadPart
from lorahub_server.blobs.verify import verify
from lorahub_server.storage import StorageFull
from lorahub_server.storage.keys import blob_key
from support import bad_inputs
from support.inside import Inside, adapter, sha256

PNG = b"\x89PNG\r\n\x1a\n" + bytes(3000)


def sent(inside: Inside, data: bytes, name: str = "a.safetensors", who: str = "alice", **more):
    """Open an upload and send the bytes in two pieces; return its id."""
    with inside.tx(who) as tx:
        upload_id = uploads.open_upload(tx, size=len(data), name=name, **more).id
    half = len(data) // 2
    for offset, piece in ((0, data[:half]), (half, data[half:])):
        uploads.append(inside.db, inside.store, inside.caller(who), upload_id, offset, [piece])
    return upload_id


def finish(inside: Inside, upload_id: str, who: str = "alice"):
    return uploads.complete(inside.db, inside.store, inside.caller(who), upload_id)


def keys(inside: Inside) -> list[str]:
    return [found.key for found in inside.store.list("")]


def test_a_good_file_becomes_a_blob(inside):
    data = adapter()
    done = finish(inside, sent(inside, data, sha256=sha256(data)))
    assert (done.sha256, done.size, done.name) == (sha256(data), len(data), "a.safetensors")
    assert done.summary is not None
    assert (done.summary["layout"], done.summary["rank"]) == ("peft", 2)
    assert inside.store.read(blob_key(done.sha256)) == data
    assert keys(inside) == [blob_key(done.sha256)]
    with inside.look() as tx:
        blob = service.may_use(tx, done.sha256)
        assert blob is not None
        assert (blob.size, blob.summary) == (len(data), done.summary)
        assert tx.session.query(UploadPart).count() == 0


def test_it_may_be_finished_twice(stored):
    upload_id = sent(stored, adapter())
    assert finish(stored, upload_id) == finish(stored, upload_id)
    assert finish(stored, sent(stored, adapter())).sha256 == sha256(adapter())
    assert keys(stored) == [blob_key(sha256(adapter()))]


def test_it_may_be_finished_by_several_at_once(inside):
    upload_id = sent(inside, adapter())
    ready = threading.Barrier(4)

    def attempt(_):
        ready.wait()
        return finish(inside, upload_id)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(attempt, range(4)))
    assert answers == [answers[0]] * 4
    assert keys(inside) == [blob_key(sha256(adapter()))]
    assert inside.store.read(keys(inside)[0]) == adapter()


def test_several_may_send_the_same_bytes_at_once(inside):
    ids = {who: sent(inside, adapter(), who=who) for who in ("alice", "bob", "carol")}
    ready = threading.Barrier(3)

    def attempt(who: str):
        ready.wait()
        return finish(inside, ids[who], who).sha256

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(attempt, ids)) == {sha256(adapter())}
    assert keys(inside) == [blob_key(sha256(adapter()))]
    assert inside.store.read(keys(inside)[0]) == adapter()
    with inside.look() as tx:
        assert tx.session.query(Blob).count() == 1


def test_only_the_owner_finishes(small):
    upload_id = sent(small, adapter())
    with pytest.raises(UploadNotFound):
        finish(small, upload_id, "bob")


@pytest.mark.parametrize("bad", bad_inputs.ALL, ids=str)
def test_bad_files_are_refused_and_leave_nothing(small, bad):
    upload_id = sent(small, bad.make(), bad.filename)
    for _ in range(2):  # the answer is remembered
        with pytest.raises(BadFile) as caught:
            finish(small, upload_id)
        assert (caught.value.code, caught.value.status) == (bad.code, 422)
        assert caught.value.to_dict()["code"] == bad.code
        assert caught.value.message
    assert keys(small) == []
    with small.look() as tx:
        assert tx.session.query(Blob).count() == 0
        assert tx.session.query(UploadPart).count() == 0
        with pytest.raises(BadFile):
            uploads.get_upload(tx, upload_id)


def refuse_one(hub: Inside) -> None:
    bad = bad_inputs.NOT_ADAPTERS[1]
    with pytest.raises(BadFile) as caught:
        finish(hub, sent(hub, bad.make(), bad.filename))
    assert caught.value.code == bad.code
    assert keys(hub) == []


def test_refusing_works_on_every_database(inside):
    refuse_one(inside)


def test_refusing_works_on_every_store(stored):
    refuse_one(stored)


def test_the_place_of_the_fault_is_named(small):
    bad = bad_inputs.container({"x.lora_A.weight": bad_inputs.tensor(dtype="f32")}, bytes(64))
    with pytest.raises(BadFile) as caught:
        finish(small, sent(small, bad))
    assert caught.value.place == "x.lora_A.weight"


def test_a_refused_upload_is_not_resumed(small):
    data = b"not weights"
    first = sent(small, data, sha256=sha256(data))
    with pytest.raises(BadFile):
        finish(small, first)
    with small.tx() as tx:
        again = uploads.open_upload(tx, size=len(data), name="a.txt", sha256=sha256(data))
        assert again.id != first
        assert again.received == 0


def test_bytes_that_changed_on_the_way_are_refused(stored):
    data = adapter()
    upload_id = sent(stored, data, sha256=sha256(b"other"))
    with pytest.raises(HashMismatch) as caught:
        finish(stored, upload_id)
    assert caught.value.details == {"announced": sha256(b"other"), "found": sha256(data)}
    assert keys(stored) == []
    with pytest.raises(BadFile) as remembered:
        finish(stored, upload_id)
    assert remembered.value.code == "sha256_mismatch"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("photo.png", PNG),
        ("notes.txt", b"long text " * 1000),
        ("pictures.zip", b"PK\x03\x04" + bytes(100)),
        ("data", b""),
        ("raw.dat", bytes(range(256)) * 20),
    ],
)
def test_other_files_are_taken_as_they_are(stored, name, data):
    done = finish(stored, sent(stored, data, name))
    assert (done.summary, done.size) == (None, len(data))
    assert stored.store.read(blob_key(done.sha256)) == data


@pytest.mark.parametrize("name", ["photo.png", "notes.txt", "data"])
def test_what_must_not_be_is_refused_under_any_name(small, name):
    for bad in bad_inputs.NOT_SAFETENSORS:
        if bad.code in {"pickle_refused", "gguf_refused", "executable_refused"}:
            data = bad.make()
            if bad.what in {"safetensors named bin", "old pickle"}:
                continue  # harmless as what it then is
            with pytest.raises(BadFile) as caught:
                finish(small, sent(small, data, name))
            assert caught.value.code == bad.code


def test_an_adapter_is_one_under_any_name(small):
    done = finish(small, sent(small, adapter(), "weights.dat"))
    assert done.summary is not None


def test_a_bad_header_ends_the_reading(small):
    """A terabyte of junk is not hashed to the end before it is refused."""
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield b"\x80\x02junk" + bytes(1_000_000)

    with pytest.raises(BadFile):
        verify(endless(), name="a.safetensors", size=10**12, announced=None)
    assert len(taken) == 1


def test_large_files_need_little_memory(small):
    data = adapter()
    header = int.from_bytes(data[:8], "little")
    zeros = 200 * 1024 * 1024

    def chunks():
        yield b"text " * 1000
        for _ in range(zeros // 2**20):
            yield bytes(2**20)

    assert header < zeros
    tracemalloc.start()
    verify(chunks(), name="a.dat", size=zeros + 5000, announced=None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 2**20


class _PowerCut(BaseException):
    pass


@pytest.mark.parametrize("point", ["_mark_verified", "_move", "_mark_done"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_point_loses_nothing(stored, monkeypatch, point, when):
    data = adapter()
    upload_id = sent(stored, data)
    real = getattr(completing, point)

    def cut(*arguments):
        if when == "after":
            real(*arguments)
        raise _PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(completing, point, cut)
        with pytest.raises(_PowerCut):
            finish(stored, upload_id)
    is_done = point == "_mark_done" and when == "after"
    with stored.look() as tx:
        assert (service.may_use(tx, sha256(data)) is not None) == is_done
    done = finish(stored, upload_id)
    assert (done.sha256, done.summary and done.summary["rank"]) == (sha256(data), 2)
    assert stored.store.read(blob_key(done.sha256)) == data
    assert keys(stored) == [blob_key(done.sha256)]


def test_a_crash_in_the_middle_of_moving_is_mended(small, monkeypatch):
    """The parts are half gone when the next call comes."""
    upload_id = sent(small, adapter())
    real = small.store.delete

    def cut(some):
        real(list(some)[:1])
        raise _PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(small.store, "delete", cut)
        with pytest.raises(_PowerCut):
            finish(small, upload_id)
    assert finish(small, upload_id).sha256 == sha256(adapter())
    assert keys(small) == [blob_key(sha256(adapter()))]


def test_a_full_disk_is_said_and_can_be_gone_on_from(small, monkeypatch):
    upload_id = sent(small, adapter())

    def full(target, parts):
        raise StorageFull(target)

    with monkeypatch.context() as patch:
        patch.setattr(small.store, "compose", full)
        with pytest.raises(StoreFull):
            finish(small, upload_id)
    assert finish(small, upload_id).sha256 == sha256(adapter())


def test_an_upload_cancelled_meanwhile_is_no_right(small, monkeypatch):
    upload_id = sent(small, adapter())
    real = completing._move

    def cancel_first(*arguments):
        with small.tx() as tx:
            uploads.cancel_upload(tx, upload_id)
        real(*arguments)

    monkeypatch.setattr(completing, "_move", cancel_first)
    with pytest.raises(UploadNotFound):
        finish(small, upload_id)
    with small.look() as tx:
        assert service.may_use(tx, sha256(adapter())) is None
