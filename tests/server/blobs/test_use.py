"""Who may commit which bytes: those who uploaded them, and those who can read them somewhere."""

import pytest

from lorahub_server.access import Caller
from lorahub_server.blobs import service
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import BadCommit
from support.inside import Inside, adapter, sha256


def may(inside: Inside, who: str | None, sha: str) -> bool:
    with inside.look(who) as tx:
        return service.may_use(tx, sha) is not None


def test_an_upload_is_its_accounts_right(inside):
    weights = inside.upload(adapter())
    assert [may(inside, who, weights) for who in ("alice", "bob", None)] == [True, False, False]


def test_readers_of_a_repository_may_use_what_it_has(inside):
    weights = inside.upload(adapter())
    inside.make_repo("secret", private=True)
    inside.commit({"a.safetensors": weights}, "secret")
    assert [may(inside, who, weights) for who in ("alice", "bob", None)] == [True, False, False]
    with inside.tx() as tx:
        repos.set_private(tx, repos.get_repo(tx, "alice", "secret"), False)
    assert [may(inside, who, weights) for who in ("alice", "bob", None)] == [True, True, True]
    with inside.tx() as tx:
        repos.delete_repo(tx, repos.get_repo(tx, "alice", "secret"))
    assert [may(inside, who, weights) for who in ("bob", None)] == [False, False]


def test_a_token_that_may_not_read_sees_public_bytes_only(small):
    weights = small.upload(adapter(), who="bob")
    small.make_repo("secret", "bob", private=True)
    small.commit({"a.safetensors": weights}, "secret", "bob")
    with small.db.write() as session:
        for upload in session.query(_uploads()):
            session.delete(upload)
    assert may(small, "bob", weights)
    blind = Caller(small.caller("bob").account, frozenset({"write"}), "token")
    with small.look(caller=blind) as tx:
        assert service.may_use(tx, weights) is None


def _uploads():
    from lorahub_server.blobs.tables import Upload

    return Upload


def test_knowing_a_hash_grants_nothing(inside):
    weights = inside.upload(adapter())
    inside.make_repo("secret", private=True)
    inside.commit({"a.safetensors": weights}, "secret")
    inside.make_repo("mine", "bob")
    errors = []
    for sha in (weights, sha256(b"never seen")):
        with pytest.raises(BadCommit) as caught:
            inside.commit({"a.safetensors": sha}, "mine", "bob")
        assert caught.value.place == "a.safetensors"
        errors.append(caught.value.message)
    assert errors[0] == errors[1]
    with inside.tx() as tx:
        repos.set_private(tx, repos.get_repo(tx, "alice", "secret"), False)
    assert inside.commit({"a.safetensors": weights}, "mine", "bob").changed


@pytest.mark.parametrize("text", ["", "xyz", "0" * 63, "A" * 64, "0" * 64 + "\n", "\0"])
def test_what_is_no_hash_is_no_blob(small, text):
    assert not may(small, "alice", text)


def test_many_are_asked_for_at_once(inside):
    mine = [inside.upload(adapter(n)) for n in range(3)]
    theirs = inside.upload(adapter(9), who="bob")
    unknown = [sha256(b"%d" % n) for n in range(400)]
    with inside.look() as tx, inside.counted() as statements:
        found = service.may_use_all(tx, [*mine, theirs, *unknown])
    assert set(found) == set(mine)
    assert len(statements) == 1
