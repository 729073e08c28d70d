"""Chunks become files: those of the client, and no others."""

import hashlib
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lorahub_server.blobs import uploads
from lorahub_server.blobs.errors import BadFile
from lorahub_server.blobs.tables import Upload
from lorahub_server.blobs.xet import hashes
from lorahub_server.blobs.xet.errors import BadShard, BadXorb, ChunksMissing
from lorahub_server.storage.keys import STAGING, XORBS, xorb_key
from support import xet
from support.inside import adapter, sha256

DATA = Path(__file__).parent / "data"
EMPTY = hashlib.sha256(b"").hexdigest()
TEXT = "9da117f66b7d03b9e24d8f574a44471b931adf445a118c5c3cfb42d9bb3e9f9f"
MIXED = "5b17812a7a311624c914a423b7524b36a07d57a49a3b288d8ec4d0ffe023efad"
A = xet.Xorb([b"a" * 100, b"b" * 200, b"c" * 300], 1)
LORA = adapter()
WEIGHTS = xet.Xorb([LORA[:100], LORA[100:]], 2)


def keys(sending, prefix: str) -> list[str]:
    return [found.key for found in sending.inside.store.list(prefix)]


def send_captures(sending) -> None:
    for path in sorted(DATA.glob("*.xorb")):
        assert sending.receive(path.stem, [path.read_bytes()])


def test_what_the_real_client_sent_becomes_files(sending):
    send_captures(sending)
    assert sending.build_shard((DATA / "first.shard").read_bytes())
    assert sending.build_shard((DATA / "second.shard").read_bytes())
    assert sha256(sending.usable(TEXT)) == TEXT
    assert sha256(sending.usable(MIXED)) == MIXED
    assert sending.usable(EMPTY) == b""
    assert sending.usable(sha256(b"x")) == b"x"
    assert not keys(sending, STAGING)


def test_it_works_on_each_store(stored, start):
    stored.make_repo()
    sending = start(stored)
    send_captures(sending)
    assert sending.build_shard((DATA / "second.shard").read_bytes())
    assert sha256(sending.usable(MIXED)) == MIXED


def test_weights_are_verified_and_can_be_committed(here):
    here.send(WEIGHTS)
    here.build([xet.file([WEIGHTS.run()])])
    done = here.inside.commit({"adapter_model.safetensors": sha256(LORA)})
    assert done.changed


def test_a_file_of_many_runs_and_a_bundle_for_many_files(here):
    b = xet.Xorb([b"x", b"y" * 70_000])
    here.send(A, b)
    runs = [A.run(2, 3), b.run(0, 1), A.run(0, 2), b.run(1, 2), A.run(0, 1), A.run(0, 1)]
    data = b"".join(run.data for run in runs)
    here.build([xet.file(runs), xet.file([A.run()]), xet.file([b.run(1, 2)], ranges=False)])
    assert here.usable(sha256(data)) == data
    assert here.usable(sha256(A.run().data)) == A.run().data
    assert here.usable(sha256(b"y" * 70_000)) == b"y" * 70_000


def test_sending_again_changes_nothing(here):
    assert here.send(A, A) == [True, False]
    assert here.build([xet.file([A.run()])]) is True
    assert here.build([xet.file([A.run()])]) is False
    assert here.usable(sha256(A.run().data)) == A.run().data


def test_a_damaged_bundle_leaves_nothing(here):
    body = bytearray(A.body)
    body[-3] ^= 1
    with pytest.raises(BadXorb):
        here.receive(A.name, [bytes(body)])
    with pytest.raises(BadXorb):
        here.receive(xet.Xorb([b"other"]).name, [A.body])
    with pytest.raises(hashes.InvalidHash):
        here.receive("../../x", [A.body])
    assert not keys(here, XORBS)
    assert here.send(A) == [True]


def test_a_bundle_that_breaks_off_leaves_nothing(here):
    def breaking():
        yield A.body[:50]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        here.receive(A.name, breaking())
    assert not keys(here, XORBS)


def test_chunks_that_were_never_sent(here, start):
    with pytest.raises(ChunksMissing):
        here.build([xet.file([A.run()])])
    assert here.usable(sha256(A.run().data)) is None
    assert not keys(here, STAGING)
    # The client believes that they are there. In another space it forgets that.
    assert start(here.inside).space != here.space


def test_nobody_builds_on_the_chunks_of_another(here, start):
    here.send(A)
    here.build([xet.file([A.run()])])
    here.inside.make_repo("other")
    for who, repo, more in [
        ("bob", "alice/style", {"pull_request": True}),
        ("alice", "alice/other", {}),
    ]:
        other = start(here.inside, who, repo, **more)
        assert other.space != here.space
        with pytest.raises(ChunksMissing):
            other.build([xet.file([A.run(0, 2)])])
    assert here.usable(sha256(A.run().data), "bob") is None


def test_a_known_hash_gets_nobody_the_bytes(here, start):
    here.send(A)
    here.build([xet.file([A.run()])])
    secret = sha256(A.run().data)
    thief = start(here.inside, "bob", pull_request=True)
    mine = xet.Xorb([b"z" * 600])
    thief.send(mine)
    with pytest.raises(BadFile) as caught:
        thief.build([xet.file([mine.run()], sha256=secret)])
    assert caught.value.code == "sha256_mismatch"
    with pytest.raises(ChunksMissing):
        thief.build([xet.file([A.run()], sha256=secret)])
    assert thief.usable(secret, "bob") is None
    assert thief.usable(sha256(b"z" * 600), "bob") is None
    assert not keys(here, STAGING)


@pytest.mark.parametrize(
    "file",
    [
        xet.file([A.run()], size=599),
        xet.file([A.run()], wrong_ranges=True),
        xet.file([A.run()], value=bytes(31) + b"\1"),
        xet.file([xet.Run(A, 0, 4)]),
    ],
)
def test_files_that_do_not_fit_their_chunks(here, file):
    here.send(A)
    with pytest.raises(BadShard) as caught:
        here.build([file])
    assert caught.value.status == 422
    with here.inside.look() as tx:
        assert tx.session.query(Upload).count() == 0


def test_a_pickle_is_refused_and_nothing_of_it_stays(here):
    data = pickle.dumps({"weights": list(range(500))})
    bad = xet.Xorb([data])
    here.send(bad, A)
    with pytest.raises(BadFile) as caught:
        here.build([xet.file([A.run()]), xet.file([bad.run()])])
    assert caught.value.code == "pickle_refused"
    assert sha256(data) in caught.value.message
    assert here.usable(sha256(data)) is None
    assert here.usable(sha256(A.run().data)) is not None
    assert not keys(here, STAGING)


def test_broken_weights_are_refused(here):
    bad = xet.Xorb([LORA[:-1]])
    here.send(bad)
    with pytest.raises(BadFile) as caught:
        here.build([xet.file([bad.run()])])
    assert caught.value.code == "truncated"


class Gone(Exception):
    pass


def test_work_ends_when_nobody_waits_for_it(here):
    here.send(A)

    def report(number: int) -> None:
        if number == 1:
            raise Gone

    with pytest.raises(Gone):
        here.build([xet.file([A.run(0, 1)]), xet.file([A.run()])], report)
    assert here.usable(sha256(A.run(0, 1).data)) is not None
    assert here.usable(sha256(A.run().data)) is None
    calls = iter([None, Gone])

    def report_later(_number: int) -> None:
        if next(calls) is Gone:
            raise Gone

    with pytest.raises(Gone):
        here.build([xet.file([A.run()])], report_later)
    assert not keys(here, STAGING)
    with here.inside.look() as tx:
        assert {upload.state for upload in tx.session.query(Upload)} == {"done"}


def test_bytes_that_the_store_lost_are_asked_for_again(here, start):
    here.send(A)
    here.inside.store.delete([xorb_key(here.space, A.name)])
    with pytest.raises(ChunksMissing):
        here.build([xet.file([A.run()])])
    again = start(here.inside)
    assert again.send(A) == [True]
    assert again.build([xet.file([A.run()])])


def test_an_upload_of_the_same_file_in_another_way_is_left_alone(here):
    data = A.run().data
    with here.inside.tx() as tx:
        other = uploads.open_upload(tx, size=len(data), name="f.dat", sha256=sha256(data)).id
    hub = here.inside
    uploads.append(hub.db, hub.store, hub.caller("alice"), other, 0, [data[:50]])
    here.send(A)
    assert here.build([xet.file([A.run()])])
    uploads.append(hub.db, hub.store, hub.caller("alice"), other, 50, [data[50:]])
    assert uploads.complete(hub.db, hub.store, hub.caller("alice"), other).sha256 == sha256(data)


def test_many_at_once(sending):
    more = [xet.Xorb([bytes([number]) * 1000, b"x" * 50_000], 1) for number in range(6)]
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda xorb: sending.send(xorb)[0], [*more, *more]))
        assert said.count(True) == 6
        shard = [xet.file([xorb.run()]) for xorb in more]
        list(pool.map(lambda _: sending.build(shard), range(4)))
    for xorb in more:
        assert sending.usable(sha256(xorb.run().data)) == xorb.run().data
    assert not keys(sending, STAGING)
