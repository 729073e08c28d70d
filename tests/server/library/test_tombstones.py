"""What a deleted repository was, on both databases."""

import pytest
from sqlalchemy import delete, select

from lorahub_server.access.errors import LoginRequired, NotAllowed, RepoGone, RepoNotFound
from lorahub_server.insight.tables import FileHash
from lorahub_server.kit.errors import BadRequest
from lorahub_server.library import past
from lorahub_server.library.tables import PublishedFile, Tombstone, TombstoneHash
from lorahub_server.repos import service as repos
from support.inside import adapter, sha256

OLD, NEW = adapter(1), adapter(2)
CARD = b"---\nlicense: mit\ntrigger_words: [glasspaint]\nbase_model: a/base\n---\n# Glass\n"


@pytest.fixture
def glass(inside):
    """A repository whose file was replaced once."""
    inside.make_repo()
    inside.commit({"w.safetensors": inside.upload(OLD), "README.md": CARD})
    inside.commit({"w.safetensors": inside.upload(NEW)})
    return inside


def end(hub, reason: str = "", who: str = "alice", name: str = "style") -> None:
    with hub.tx(who) as tx:
        repos.delete_repo(tx, repos.get_repo(tx, who, name), reason)


def gone(hub, who: str | None = None, name: str = "style") -> RepoGone:
    with hub.look(who) as tx, pytest.raises(RepoGone) as told:
        repos.get_repo(tx, "alice", name)
    return told.value


def found(hub, value: str, who: str | None = None) -> list[str]:
    with hub.look(who) as tx:
        (answer,) = past.look_up(tx, [value])
        assert answer.holdings == []
        return [one.repo.full_name for one in answer.buried]


def test_the_name_tells_what_was_there(glass):
    end(glass, "  The second\n one is better. ")
    error = gone(glass)
    stone = error.tombstone
    assert stone["repo"] == "alice/style"
    assert (stone["title"], stone["base_model"], stone["license"]) == ("Glass", "a/base", "mit")
    assert stone["trigger_words"] == ["glasspaint"]
    assert stone["reason"] == "The second one is better."
    assert "The second one is better." in error.message
    (file,) = stone["files"]
    assert (file["path"], file["sha256"]) == ("w.safetensors", sha256(NEW))
    assert error.to_dict()["tombstone"] == stone


def test_every_file_it_had_is_found_by_its_hash(glass):
    end(glass)
    with glass.tx() as tx:
        # As the collection of their bytes leaves it.
        tx.session.execute(delete(FileHash))
    assert found(glass, sha256(OLD)) == found(glass, sha256(NEW)) == ["alice/style"]
    with glass.look() as tx:
        # What is told of living ones has forgotten it.
        assert tx.session.scalars(select(PublishedFile)).all() == []


def test_private_ones_look_like_missing_ones_for_ever(glass):
    with glass.tx() as tx:
        repos.set_private(tx, repos.get_repo(tx, "alice", "style"), private=True)
    end(glass, "secret reason")
    with glass.look("bob") as tx, pytest.raises(RepoNotFound):
        repos.get_repo(tx, "alice", "style")
    assert found(glass, sha256(NEW), "bob") == []
    assert found(glass, sha256(NEW), "alice") == ["alice/style"]
    assert gone(glass, "alice").tombstone["reason"] == "secret reason"


def test_removal_for_cause_tells_the_reason_alone(glass):
    for who, refusal in (("alice", NotAllowed), ("bob", NotAllowed), (None, LoginRequired)):
        with glass.tx(who) as tx, pytest.raises(refusal):
            repos.take_down(tx, repos.get_repo(tx, "alice", "style"), "x")
    with glass.tx("bob") as tx:
        tx.caller.account.is_admin = True
        repos.take_down(tx, repos.get_repo(tx, "alice", "style"), "It broke the rules.")
    stone = gone(glass).tombstone
    assert set(stone) == {"repo", "removed_by", "removed_at", "reason"}
    assert (stone["removed_by"], stone["reason"]) == ("administrators", "It broke the rules.")
    assert found(glass, sha256(NEW)) == found(glass, sha256(NEW), "alice") == []
    with glass.look() as tx:
        assert tx.session.scalars(select(TombstoneHash)).all() == []


def test_under_a_former_name_too(glass):
    with glass.tx() as tx:
        repos.rename_repo(tx, repos.get_repo(tx, "alice", "style"), "other")
    end(glass, name="other")
    assert gone(glass, name="style").tombstone["repo"] == "alice/other"


def test_a_refused_reason_deletes_nothing(glass):
    with pytest.raises(BadRequest):
        end(glass, "x" * 501)
    with glass.look() as tx:
        assert repos.get_repo(tx, "alice", "style").deleted_at is None
        assert tx.session.scalars(select(Tombstone)).all() == []


def test_an_empty_one(inside):
    inside.make_repo("empty")
    end(inside, name="empty")
    assert gone(inside, name="empty").tombstone["files"] == []
