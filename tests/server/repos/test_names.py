"""What repositories are called, who finds them, and what stays of a name."""

import pytest

from lorahub_server.access import Caller
from lorahub_server.access.errors import (
    LoginRequired,
    NotAllowed,
    RepoGone,
    RepoNotFound,
    ScopeMissing,
)
from lorahub_server.accounts.service import get_account, rename_account
from lorahub_server.kit.names import InvalidName
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import NameUsed, RepoExists, RepoMoved
from lorahub_server.repos.tables import CommitRow, GitObject, Ref
from support.inside import Inside, adapter


def find(inside: Inside, who: str | None, owner: str = "alice", name: str = "style") -> str:
    with inside.look(who) as tx:
        return repos.get_repo(tx, owner, name).full_name


def rename(inside: Inside, old: str, new: str) -> None:
    with inside.tx() as tx:
        repos.rename_repo(tx, repos.get_repo(tx, "alice", old), new)


def delete(inside: Inside, name: str = "style") -> None:
    with inside.tx() as tx:
        repos.delete_repo(tx, repos.get_repo(tx, "alice", name))


def test_a_new_repository_is_found_whatever_the_case(inside):
    with inside.tx() as tx:
        made = repos.create_repo(tx, "ALICE", "My.Style_1")
        assert made.full_name == "alice/My.Style_1"
    assert find(inside, None, "Alice", "my.style_1") == "alice/My.Style_1"


def test_only_the_owner_makes_repositories_under_a_name(small):
    small.caller("alice")
    with small.tx("bob") as tx:
        for owner in ("alice", "nobody"):
            with pytest.raises(NotAllowed):
                repos.create_repo(tx, owner, "style")
    with small.tx(None) as tx, pytest.raises(LoginRequired):
        repos.create_repo(tx, "alice", "style")
    reading = Caller(small.caller("alice").account, frozenset({"read"}), "token")
    with small.tx(caller=reading) as tx, pytest.raises(ScopeMissing):
        repos.create_repo(tx, "alice", "style")
    with small.tx() as tx, pytest.raises(InvalidName):
        repos.create_repo(tx, "alice", "a..b")


def test_a_name_is_taken_once(inside):
    inside.make_repo("style")
    for name in ("style", "STYLE"):
        with pytest.raises(RepoExists), inside.tx() as tx:
            repos.create_repo(tx, "alice", name)
    inside.make_repo("style", "bob")


def test_private_looks_like_missing(inside):
    inside.make_repo("secret", private=True)
    assert find(inside, "alice", name="secret") == "alice/secret"
    inside.caller("bob")
    for who in (None, "bob"):
        errors = []
        for name in ("secret", "missing"):
            with inside.counted() as statements, pytest.raises(RepoNotFound) as caught:
                find(inside, who, name=name)
            errors.append((str(caught.value), caught.value.details, len(statements)))
        assert errors[0] == errors[1]


@pytest.mark.parametrize("name", ["", "a/b", "a\0b", "é", "a" * 97, "x' OR 1=1", ".."])
def test_what_is_no_name_is_not_found(small, name):
    small.caller("alice")
    for owner, repo in (("alice", name), (name, "style")):
        with pytest.raises(RepoNotFound):
            find(small, None, owner, repo)


def test_a_former_name_leads_to_the_repository(inside):
    inside.make_repo("first")
    rename(inside, "first", "second")
    rename(inside, "second", "third")
    for name in ("first", "FIRST", "second"):
        with pytest.raises(RepoMoved) as caught:
            find(inside, None, name=name)
        assert (caught.value.owner, caught.value.name) == ("alice", "third")
        assert caught.value.details == {"owner": "alice", "name": "third"}
    assert find(inside, None, name="third") == "alice/third"


def test_a_former_name_is_nobody_elses(inside):
    inside.make_repo("first")
    inside.make_repo("other")
    rename(inside, "first", "second")
    with pytest.raises(NameUsed), inside.tx() as tx:
        repos.create_repo(tx, "alice", "First")
    with pytest.raises(NameUsed):
        rename(inside, "other", "first")
    with pytest.raises(RepoExists):
        rename(inside, "other", "second")


def test_a_repository_may_take_its_own_name_back(inside):
    inside.make_repo("first")
    rename(inside, "first", "second")
    rename(inside, "second", "First")
    assert find(inside, None, name="first") == "alice/First"
    with pytest.raises(RepoMoved):
        find(inside, None, name="second")
    rename(inside, "First", "FIRST")
    assert find(inside, None, name="first") == "alice/FIRST"


def test_a_former_account_name_leads_on_too(inside):
    inside.make_repo("first")
    with inside.tx() as tx:
        rename_account(tx.session, get_account(tx.session, "alice"), "alicia")
    rename_in = [("alice", "first"), ("Alice", "FIRST")]
    for owner, name in rename_in:
        with pytest.raises(RepoMoved) as caught:
            find(inside, None, owner, name)
        assert (caught.value.owner, caught.value.name) == ("alicia", "first")
    with inside.tx() as tx:
        repos.rename_repo(tx, repos.get_repo(tx, "alicia", "first"), "second")
    for owner in ("alice", "alicia"):
        with pytest.raises(RepoMoved) as caught:
            find(inside, None, owner, "first")
        assert (caught.value.owner, caught.value.name) == ("alicia", "second")


def test_where_a_private_repository_moved_is_its_owners_to_know(inside):
    inside.make_repo("first", private=True)
    rename(inside, "first", "second")
    with pytest.raises(RepoMoved):
        find(inside, "alice", name="first")
    for who in (None, "bob"):
        with pytest.raises(RepoNotFound):
            find(inside, who, name="first")


def test_a_deleted_repository_leaves_its_name(inside):
    inside.make_repo()
    inside.commit({"README.md": b"# hi", "a.safetensors": inside.upload(adapter())})
    delete(inside)
    for who in ("alice", None):
        with pytest.raises(RepoGone):
            find(inside, who)
    with pytest.raises(NameUsed), inside.tx() as tx:
        repos.create_repo(tx, "alice", "Style")
    with inside.look() as tx:
        for table in (GitObject, CommitRow, Ref):
            assert tx.session.query(table).count() == 0
        assert repos.repos_of(tx, get_account(tx.session, "alice")) == []


def test_that_a_private_repository_was_deleted_is_its_owners_to_know(inside):
    inside.make_repo("secret", private=True)
    rename(inside, "secret", "hidden")
    delete(inside, "hidden")
    for name in ("secret", "hidden"):
        with pytest.raises(RepoGone):
            find(inside, "alice", name=name)
        with pytest.raises(RepoNotFound):
            find(inside, "bob", name=name)


def test_only_the_owner_changes_a_repository(small):
    small.make_repo()
    small.make_repo("secret", private=True)
    changes = [
        lambda tx, repo: repos.rename_repo(tx, repo, "mine"),
        lambda tx, repo: repos.set_private(tx, repo, True),
        repos.delete_repo,
    ]
    for change in changes:
        with small.tx("bob") as tx, pytest.raises(NotAllowed):
            change(tx, repos.get_repo(tx, "alice", "style"))
        reading = Caller(small.caller("alice").account, frozenset({"read"}), "token")
        with small.tx(caller=reading) as tx, pytest.raises(ScopeMissing):
            change(tx, repos.get_repo(tx, "alice", "style"))
    with small.tx("bob") as tx, pytest.raises(NotAllowed):
        repos.get_repo_for_write(tx, "alice", "style")
    with small.tx("bob") as tx, pytest.raises(RepoNotFound):
        repos.get_repo_for_write(tx, "alice", "secret")
    with small.tx() as tx:
        assert repos.get_repo_for_write(tx, "alice", "secret").private


def test_the_list_of_an_account_shows_what_may_be_read(inside):
    inside.make_repo("one")
    inside.make_repo("two", private=True)
    with inside.tx() as tx:
        repos.set_private(tx, repos.get_repo(tx, "alice", "one"), True)
        repos.set_private(tx, repos.get_repo(tx, "alice", "two"), False)
    seen = {}
    for who in ("alice", "bob", None):
        with inside.look(who) as tx:
            found = repos.repos_of(tx, get_account(tx.session, "alice"))
            seen[who] = {repo.name for repo in found}
    assert seen == {"alice": {"one", "two"}, "bob": {"two"}, None: {"two"}}


def test_finding_a_repository_is_one_question(inside):
    inside.make_repo()
    with inside.look(None) as tx, inside.counted() as statements:
        assert repos.get_repo(tx, "alice", "style").full_name == "alice/style"
    assert len(statements) == 1
