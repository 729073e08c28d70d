"""Who starred what, page by page, and what of it others may see."""

import pytest

from lorahub_server.access.errors import RepoNotFound
from lorahub_server.accounts.service import delete_account, get_account
from lorahub_server.community import starred, stars
from lorahub_server.kit.pagination import BadCursor
from lorahub_server.repos import service as repos


@pytest.fixture
def hub(inside):
    for name in ("one", "two", "hidden"):
        inside.make_repo(name, private=name == "hidden")
    for who in ("alice", "bob", "carol", "dave"):
        for name in ("one", "two") if who != "alice" else ("one", "two", "hidden"):
            with inside.tx(who) as tx:
                stars.star(tx, repos.get_repo(tx, "alice", name))
    return inside


def pages(ask):
    cursor, found = None, []
    while True:
        page = ask(cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_givers(hub, limit):
    with hub.look(None) as tx:
        repo = repos.get_repo(tx, "alice", "one")
        found = pages(lambda cursor: starred.givers_of(tx, repo, cursor, limit))
        assert [giver.account.name for giver in found] == ["dave", "carol", "bob", "alice"]


def test_a_deleted_account_is_not_shown(hub):
    with hub.tx() as tx:
        delete_account(tx.session, get_account(tx.session, "bob"))
    with hub.look(None) as tx:
        repo = repos.get_repo(tx, "alice", "one")
        names = [giver.account.name for giver in starred.givers_of(tx, repo, None, 10).items]
        assert names == ["dave", "carol", "alice"]


@pytest.mark.parametrize("limit", [1, 10])
def test_given(hub, limit):
    def given(who):
        with hub.look(who) as tx:
            account = get_account(tx.session, "alice")
            found = pages(lambda cursor: starred.given_by(tx, account, cursor, limit))
            assert starred.count_by(tx, account) == len(found)
            return [star.repo for star in found]

    assert given("alice") == ["alice/hidden", "alice/two", "alice/one"]
    assert given("bob") == given(None) == ["alice/two", "alice/one"]


def test_stars_of_a_hidden_repository(hub):
    with hub.look("alice") as tx:
        hidden = repos.get_repo(tx, "alice", "hidden")
    with hub.look("bob") as tx, pytest.raises(RepoNotFound):
        starred.givers_of(tx, hidden, None, 10)


@pytest.mark.parametrize("cursor", ["x", "WyJzdGFycyIsbnVsbCxudWxsXQ", "WyJzdGFycyIsMSwyLDNd"])
def test_a_cursor_of_elsewhere(hub, cursor):
    with hub.look(None) as tx, pytest.raises(BadCursor):
        starred.givers_of(tx, repos.get_repo(tx, "alice", "one"), cursor, 10)
