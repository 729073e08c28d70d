"""What somebody did, on both databases."""

from lorahub_server.accounts.service import get_account
from lorahub_server.community import activity, stars
from lorahub_server.repos import forks
from lorahub_server.repos import service as repos


def pages(hub, name: str, who: str | None, size: int) -> list[activity.Act]:
    found, cursor = [], None
    while True:
        with hub.look(who) as tx:
            page = activity.of_account(tx, get_account(tx.session, name), cursor, size)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_everything_once_in_order(inside):
    inside.make_repo("one")
    inside.make_repo("two")
    moment = None
    for number in range(5):
        inside.commit({"a.txt": str(number).encode() * 9}, "one" if number % 2 else "two")
    with inside.tx() as tx:
        for name in ("one", "two"):
            stars.star(tx, repos.get_repo(tx, "alice", name))
        moment = tx.now
    assert moment is not None
    whole = pages(inside, "alice", None, 100)
    assert [act.kind for act in whole].count("commit") == 5
    assert [act.kind for act in whole].count("star") == 2
    assert [act.at for act in whole] == sorted((act.at for act in whole), reverse=True)
    for size in (1, 2, 3):
        assert pages(inside, "alice", None, size) == whole


def test_a_fork_tells_nothing_twice_and_private_ones_nothing(inside):
    inside.make_repo("one")
    inside.commit({"a.txt": b"1"}, "one")
    inside.make_repo("hidden", private=True)
    inside.commit({"a.txt": b"1"}, "hidden")
    with inside.tx("bob") as tx:
        forks.fork(tx, repos.get_repo(tx, "alice", "one"), "bob", "one")
    assert [act.owner for act in pages(inside, "alice", "bob", 10)] == ["alice"]
    assert len(pages(inside, "alice", "alice", 10)) == 2
