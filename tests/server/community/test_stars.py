"""Stars on both databases: counted once, also when many give and take them at once."""

import threading

import pytest
from sqlalchemy import select

from lorahub_server.access import Caller
from lorahub_server.access.errors import LoginRequired, RepoGone, RepoNotFound, ScopeMissing
from lorahub_server.community.stars import StarState, has_starred, star, unstar
from lorahub_server.community.tables import Star
from lorahub_server.library.tables import LibraryEntry
from lorahub_server.repos import service as repos


@pytest.fixture
def hub(inside):
    inside.make_repo()
    inside.commit({"README.md": b"# Style\n"})
    return inside


def act(hub, what, who="bob", **changes):
    with hub.look("alice") as tx:
        repo = repos.get_repo(tx, "alice", "style")
    with hub.tx(who, **changes) as tx:
        return what(tx, repo)


def entry(hub) -> LibraryEntry:
    with hub.look() as tx:
        return tx.session.scalars(select(LibraryEntry)).one()


def test_starring_twice_is_starring_once(hub):
    before = entry(hub).trending
    assert act(hub, star) == act(hub, star) == StarState(starred=True, stars=1)
    assert entry(hub).stars == 1
    lively = entry(hub).trending
    assert lively > before
    assert act(hub, star, "carol") == StarState(starred=True, stars=2)
    assert act(hub, unstar) == act(hub, unstar) == StarState(starred=False, stars=1)
    assert act(hub, unstar, "carol") == StarState(starred=False, stars=0)
    # Giving and taking leaves no trace.
    assert entry(hub).trending == pytest.approx(before)
    for _ in range(20):
        act(hub, star)
        act(hub, unstar)
    assert entry(hub).trending == pytest.approx(before)


def test_who_starred_what(hub):
    act(hub, star)
    with hub.look("bob") as tx:
        repo = repos.get_repo(tx, "alice", "style")
        assert has_starred(tx, [repo.id, 999]) == {repo.id}
        assert has_starred(tx, []) == set()
    for who in ("alice", None):
        with hub.look(who) as tx:
            assert has_starred(tx, [repo.id]) == set()


@pytest.mark.parametrize("what", [star, unstar])
def test_who_may(inside, what):
    inside.make_repo()
    inside.make_repo("hidden", private=True)
    with inside.look() as tx:
        public, hidden = (repos.get_repo(tx, "alice", name) for name in ("style", "hidden"))
    reader = Caller(inside.caller("bob").account, frozenset({"read"}), "token")
    for caller, repo, error in (
        (inside.caller(None), public, LoginRequired),
        (inside.caller(None), hidden, RepoNotFound),
        (inside.caller("bob"), hidden, RepoNotFound),
        (reader, public, ScopeMissing),
    ):
        with inside.look(caller=caller) as tx, pytest.raises(error):
            what(tx, repo)
    with inside.tx("alice") as tx:
        what(tx, hidden)
        repos.delete_repo(tx, repos.get_repo(tx, "alice", "style"))
    with inside.look() as tx:
        gone = tx.session.get(type(public), public.id)
        with pytest.raises(RepoGone):
            what(tx, gone)


def test_many_at_once_are_all_counted(hub):
    people = [f"person-{letter}" for letter in "abcdefgh"]
    for name in people:
        hub.caller(name)
    faults: list[Exception] = []

    def go(name: str) -> None:
        try:
            for what in (star, star, unstar, star):
                act(hub, what, name)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=go, args=(name,)) for name in people for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with hub.look() as tx:
        given = len(tx.session.scalars(select(Star)).all())
    assert entry(hub).stars == given == len(people)
