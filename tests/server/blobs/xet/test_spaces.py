"""Who may send, for how long, how much, and when it goes."""

from datetime import timedelta

import pytest

from lorahub_server import jobs
from lorahub_server.access import Caller
from lorahub_server.access.errors import (
    LoginRequired,
    NotAllowed,
    RepoGone,
    RepoNotFound,
    ScopeMissing,
)
from lorahub_server.blobs.errors import StagingFull
from lorahub_server.blobs.xet import limits, spaces
from lorahub_server.blobs.xet.collect import collect
from lorahub_server.blobs.xet.errors import ChunksMissing, SpaceGone, XetTokenInvalid
from lorahub_server.blobs.xet.tables import XetSpace, XetXorb
from lorahub_server.jobs import runner
from lorahub_server.kit.clock import now
from lorahub_server.repos import service as repos
from lorahub_server.storage.keys import XORBS
from lorahub_worker.tasks import collect_xet
from support import xet
from support.inside import sha256

A = xet.Xorb([b"a" * 100, b"b" * 200], 1)
MINUTE = timedelta(minutes=1)


def issue(inside, who, repo="alice/style", *, caller=None, **more):
    owner, name = repo.split("/")
    with inside.tx(who, **({"caller": caller} if caller else {})) as tx:
        return spaces.open_space(tx, repos.get_repo(tx, owner, name), **more)


def admit(inside, given, *, space=None, token=None, later=timedelta(0)):
    with inside.look() as tx:
        return spaces.admit(
            tx.session,
            inside.settings,
            space or given.space_id,
            given.token if token is None else token,
            now() + later,
        )


def test_the_token_lets_its_account_in(sending):
    given = issue(sending.inside, "alice")
    assert given.space_id == sending.space
    assert admit(sending.inside, given).caller.name == "alice"
    assert admit(sending.inside, given, later=limits.TOKEN_LIFE - MINUTE).caller.name == "alice"


def test_tokens_that_are_none(here):
    given = issue(here.inside, "alice")
    here.inside.make_repo("other")
    other = issue(here.inside, "alice", "alice/other")
    space, expires, signature = given.token.split(".")
    wrong = [
        "",
        "x",
        f"{space}.{int(expires) + 1}.{signature}",
        f"{other.space_id}.{expires}.{signature}",
        f"{space}.{expires}.{'0' * 64}",
        other.token,
        given.token + "0",
    ]
    for token in wrong:
        with pytest.raises(XetTokenInvalid) as caught:
            admit(here.inside, given, token=token)
        assert caught.value.status == 401
    with pytest.raises(XetTokenInvalid):
        admit(here.inside, given, space=other.space_id)
    with pytest.raises(XetTokenInvalid):
        admit(here.inside, given, later=limits.TOKEN_LIFE + MINUTE)


def test_a_token_is_worth_what_its_account_may(here):
    inside = here.inside
    given = issue(inside, "bob", pull_request=True)
    with inside.tx() as tx:
        repos.set_private(tx, repos.get_repo(tx, "alice", "style"), private=True)
    with pytest.raises(RepoNotFound):
        admit(inside, given)
    own = issue(inside, "alice")
    with inside.tx() as tx:
        repos.delete_repo(tx, repos.get_repo(tx, "alice", "style"))
    with pytest.raises(RepoGone):
        admit(inside, own)


def test_a_deleted_account_sends_nothing(here):
    given = issue(here.inside, "bob", pull_request=True)
    with here.inside.tx("bob") as tx:
        tx.session.merge(tx.caller.account).deleted_at = tx.now
    with pytest.raises(XetTokenInvalid):
        admit(here.inside, given)


def test_who_may_send(here):
    inside = here.inside
    inside.make_repo("secret", private=True)
    for who in (None, "bob"):
        for pull_request in (False, True):
            with pytest.raises(RepoNotFound):
                issue(inside, who, "alice/secret", pull_request=pull_request)
    with pytest.raises(LoginRequired):
        issue(inside, None)
    with pytest.raises(LoginRequired):
        issue(inside, None, pull_request=True)
    with pytest.raises(NotAllowed):
        issue(inside, "bob")
    assert issue(inside, "bob", pull_request=True).space_id != here.space
    for who in ("alice", "bob"):
        reader = Caller(inside.caller(who).account, frozenset({"read"}), "token")
        with pytest.raises(ScopeMissing):
            issue(inside, who, caller=reader, pull_request=True)
    reader = Caller(inside.caller("alice").account, frozenset({"read"}), "token")
    with pytest.raises(ScopeMissing):
        issue(inside, "alice", caller=reader)


def test_uploads_go_on_in_their_space_for_some_days(here, start):
    assert start(here.inside, now=now() + limits.SPACE_FRESH - MINUTE).space == here.space
    later = start(here.inside, now=now() + limits.SPACE_FRESH + MINUTE)
    assert later.space != here.space
    # Who began in the old one may finish there.
    assert here.send(A) == [True]


def test_a_full_space_ends_once_its_files_are_built(here, start):
    settings = here.inside.settings.model_copy(update={"max_staged_bytes": 1000})
    here.settings = here.inside.settings
    here.send(A)
    assert start(here.inside, settings=settings).space == here.space
    here.build([xet.file([A.run()])])
    assert start(here.inside, settings=settings).space != here.space
    assert start(here.inside).space == start(here.inside).space


def test_an_account_has_only_so_much_room(sending):
    sending.settings = sending.inside.settings.model_copy(
        update={"max_staged_bytes": limits.XORB_BYTES + 400}
    )
    sending.send(A)
    big = xet.Xorb([b"c" * limits.CHUNK_BYTES, b"d"])
    sending.settings = sending.inside.settings.model_copy(update={"max_staged_bytes": 100_000})
    with pytest.raises(StagingFull) as caught:
        sending.send(big)
    assert caught.value.status == 413
    assert "Wait an hour" in caught.value.message
    assert [found.key.rpartition("/")[2] for found in sending.inside.store.list(XORBS)] == [A.name]
    # What is there needs no room.
    assert sending.send(A) == [False]


def test_idle_chunks_make_room(here, start):
    here.send(A)
    old = here.inside
    with old.tx() as tx:
        tx.session.get_one(XetSpace, here.space).touched_at = tx.now - limits.SPACE_IDLE - MINUTE
    old.make_repo("other")
    other = start(old, "alice", "alice/other")
    other.settings = old.settings.model_copy(update={"max_staged_bytes": limits.XORB_BYTES + 1})
    assert other.send(xet.Xorb([b"x"])) == [True]
    assert {found.key.split("/")[1] for found in old.store.list(XORBS)} == {other.space}
    with pytest.raises(SpaceGone):
        here.send(xet.Xorb([b"y"]))
    with pytest.raises(ChunksMissing):
        here.build([xet.file([A.run()])])


def test_the_same_chunks_cannot_be_multiplied_for_ever(here):
    here.send(A)
    here.settings = here.inside.settings.model_copy(update={"max_staged_bytes": 2000})
    for count in (1, 2, 3):  # 1800 bytes built of 300 sent
        here.build([xet.file([A.run()] * count)])
    with pytest.raises(StagingFull) as caught:
        here.build([xet.file([A.run()] * 4)])
    assert "HF_HUB_DISABLE_XET" in caught.value.message
    here.build([xet.file([A.run(0, 1)])])


def test_what_was_refused_does_not_count(here):
    here.send(A)
    for _ in range(5):
        with pytest.raises(Exception, match="doesn't fit"):
            here.build([xet.file([A.run()], wrong_ranges=True)])
    with here.inside.look() as tx:
        space = tx.session.get_one(XetSpace, here.space)
        assert (space.sent, space.built) == (300, 0)


def test_chunks_are_dropped_when_the_upload_is_long_over(sending, start):
    inside = sending.inside
    sending.send(A)
    sending.build([xet.file([A.run()])])
    inside.make_repo("other")
    assert collect(inside.db, inside.store, now() + limits.SPACE_KEPT - MINUTE, print) == 0
    later = now() + limits.SPACE_KEPT + MINUTE
    fresh = start(inside, "alice", "alice/other", now=later)
    seen: list[int] = []
    assert collect(inside.db, inside.store, later, seen.append) == 1
    assert seen
    assert not list(inside.store.list(XORBS))
    with inside.look() as tx:
        assert [space.id for space in tx.session.query(XetSpace)] == [fresh.space]
        assert tx.session.query(XetXorb).count() == 0
    # The file is not made of them any more.
    assert sending.usable(sha256(A.run().data)) == A.run().data
    with pytest.raises(ChunksMissing):
        sending.build([xet.file([A.run(0, 1)])])


def test_strays_are_dropped(here):
    here.send(A)
    here.inside.store.put(f"{XORBS}{'0' * 32}/{A.name}", [b"left by a writer that was killed"])
    assert collect(here.inside.db, here.inside.store, now(), print) == 0
    with here.inside.tx() as tx:
        tx.session.get_one(XetSpace, here.space).touched_at = tx.now + timedelta(days=2)
    assert collect(here.inside.db, here.inside.store, now() + timedelta(days=2), print) == 1
    assert [found.key.split("/")[1] for found in here.inside.store.list(XORBS)] == [here.space]


def test_the_job_drops_them_and_is_owed_again(here, monkeypatch):
    inside = here.inside
    here.send(A)
    monkeypatch.setattr(collect_xet, "now", lambda: now() + 2 * limits.SPACE_KEPT)
    with inside.db.write() as session:
        (job,) = jobs.list_jobs(session, kind="collect_xet")
        job.due_at = now() - MINUTE
        first = job.id
    runtime = runner.Runtime(inside.db, inside.store)
    assert runner.run(runtime, ["cpu"], first) is runner.Outcome.DONE
    assert not list(inside.store.list(XORBS))
    with inside.look() as tx:
        states = {job.id: str(job.state) for job in jobs.list_jobs(tx.session, kind="collect_xet")}
    assert states.pop(first) == "done"
    assert list(states.values()) == ["queued"]
