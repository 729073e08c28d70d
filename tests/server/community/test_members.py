"""Memberships and collections while much happens at once, on both databases."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from lorahub_server.access import of_account
from lorahub_server.access.errors import NotAllowed
from lorahub_server.accounts.errors import (
    LastAdmin,
    NotAnOrganization,
    NotEmpty,
    TooManyMembers,
)
from lorahub_server.accounts.service import delete_account, get_account
from lorahub_server.accounts.tables import Account, Membership
from lorahub_server.community import follows, orgs
from lorahub_server.community.collections import items, service
from lorahub_server.community.collections.errors import CollectionExists, ItemExists
from lorahub_server.repos import service as repos
from support.inside import Inside


def at_once(works: list[Callable[[], object]]) -> list[object]:
    """Run all of them together; an error is a result."""
    ready = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        ready.wait()
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def fresh(inside: Inside, name: str) -> None:
    """Let the next transactions of this account know of its memberships, as requests do."""
    inside.caller(name)
    with inside.look(name) as tx:
        inside.know(of_account(get_account(tx.session, name)))


@pytest.fixture
def studio(inside: Inside) -> Inside:
    """With the organisation of alice and bob, both administrators."""
    inside.caller("bob")
    with inside.tx("alice") as tx:
        orgs.create(tx, "studio")
    fresh(inside, "alice")
    set_role(inside, "bob", "admin")
    fresh(inside, "bob")
    return inside


def set_role(inside: Inside, name: str, role: str, by: str = "alice", org: str = "studio") -> None:
    with inside.tx(by) as tx:
        orgs.set_member(tx, orgs.get(tx, org), name, role)


def leave(inside: Inside, name: str, by: str | None = None) -> None:
    with inside.tx(by or name) as tx:
        orgs.remove_member(tx, orgs.get(tx, "studio"), name)


def in_step(inside: Inside) -> bool:
    """Tell whether the accounts say what the rows say."""
    with inside.look() as tx:
        rows: dict[int, dict[str, str]] = {}
        for row in tx.session.scalars(select(Membership)):
            rows.setdefault(row.account_id, {})[str(row.org_id)] = row.role
        accounts = tx.session.scalars(select(Account)).all()
        return all(account.org_roles == rows.get(account.id, {}) for account in accounts)


def test_two_administrators_leave_or_remove_each_other_at_once(studio):
    results = at_once([lambda: leave(studio, "alice"), lambda: leave(studio, "bob")])
    assert sorted(type(result).__name__ for result in results) == ["LastAdmin", "NoneType"]
    assert in_step(studio)
    left = "bob" if results[0] is not None else "alice"
    set_role(studio, left, "admin", by="alice" if left == "bob" else "bob")
    results = at_once(
        [lambda: leave(studio, "bob", by="alice"), lambda: leave(studio, "alice", by="bob")]
    )
    assert results.count(None) == 1
    (refused,) = [result for result in results if result is not None]
    assert isinstance(refused, NotAllowed | LastAdmin)
    assert in_step(studio)


def test_many_organisations_add_one_person(studio):
    studio.caller("carol")
    for number in range(4):
        with studio.tx("alice") as tx:
            orgs.create(tx, f"org-{number}")
    fresh(studio, "alice")
    works = [
        lambda n=number: set_role(studio, "carol", "read", org=f"org-{n}") for number in range(4)
    ]
    assert at_once(works) == [None] * 4
    assert in_step(studio)
    with studio.look() as tx:
        assert len(orgs.organizations_of(tx, get_account(tx.session, "carol"))) == 4


def test_nobody_gets_into_more_than_the_most_at_once(studio, monkeypatch):
    from lorahub_server.accounts import members

    monkeypatch.setattr(members, "ORGS_MAX", 2)
    studio.caller("carol")
    with studio.tx("alice") as tx:
        orgs.create(tx, "other")
    with studio.tx("bob") as tx:
        orgs.create(tx, "third")
    for name in ("alice", "bob"):
        fresh(studio, name)
    works = [
        lambda: set_role(studio, "carol", "read"),
        lambda: set_role(studio, "carol", "read", org="other"),
        lambda: set_role(studio, "carol", "read", by="bob", org="third"),
    ]
    results = at_once(works)
    assert [type(one) for one in results if one is not None] == [TooManyMembers]
    assert in_step(studio)


def test_removed_in_the_midst_of_a_change(studio):
    """A transaction that began before the removal does not change anything after it."""
    studio.caller("carol")
    set_role(studio, "carol", "write")
    fresh(studio, "carol")
    with studio.tx("alice") as tx:
        repos.create_repo(tx, "studio", "glass")
    stale = studio.caller("carol")
    leave(studio, "carol", by="alice")
    with studio.tx(caller=stale) as tx:
        repo = repos.get_repo(tx, "studio", "glass")
        with pytest.raises(NotAllowed):
            repos.set_private(tx, repo, private=True)
        with pytest.raises(NotAllowed):
            repos.create_repo(tx, "studio", "more")
        with pytest.raises(NotAllowed):
            service.create(tx, "studio", "Mine")
        with pytest.raises(NotAllowed):
            orgs.set_member(tx, orgs.get(tx, "studio"), "carol", "admin")


def test_a_deleted_account_is_no_member(studio):
    with studio.tx("alice") as tx:
        delete_account(tx.session, get_account(tx.session, "bob"))
    assert in_step(studio)
    with studio.look() as tx:
        org = orgs.get(tx, "studio")
        found = orgs.members_of(tx, org, None, 10).items
        assert [(one.account.name, one.role) for one in found] == [("alice", "admin")]
        assert orgs.count_members(tx, org) == 1


def test_ending_and_filling_at_once(studio):
    def end() -> None:
        with studio.tx("alice") as tx:
            orgs.delete(tx, orgs.get(tx, "studio"))

    def fill() -> None:
        with studio.tx("bob") as tx:
            repos.create_repo(tx, "studio", "glass")

    ended, filled = at_once([end, fill])
    if ended is None:
        assert isinstance(filled, NotAllowed)
    else:
        assert isinstance(ended, NotEmpty)
        assert filled is None
    assert in_step(studio)
    if ended is None:
        with studio.look() as tx, pytest.raises(NotAnOrganization):
            orgs.get(tx, "studio")


def test_moving_at_once(studio):
    def move(owner: str, name: str, to: str) -> None:
        with studio.tx("alice") as tx:
            repos.move_repo(tx, repos.get_repo(tx, owner, name), to, name)

    def make(owner: str, name: str, by: str = "alice") -> None:
        with studio.tx(by) as tx:
            repos.create_repo(tx, owner, name)

    # Two that want one name.
    make("alice", "glass")
    works = [lambda: move("alice", "glass", "studio"), lambda: make("studio", "glass", "bob")]
    results = at_once(works)
    assert [type(one).__name__ for one in results if one is not None] == ["RepoExists"]
    # Crosswise ones don't wait for each other for ever.
    make("studio", "out")
    make("alice", "in")
    works = [lambda: move("studio", "out", "alice"), lambda: move("alice", "in", "studio")]
    assert at_once(works) == [None, None]


def test_one_thing_twice_at_once_and_positions(inside):
    for number in range(4):
        inside.make_repo(f"r{number}")
    with inside.tx("alice") as tx:
        slug = service.slug_of(service.create(tx, "alice", "Glass"))

    def add(name: str) -> None:
        with inside.tx("alice") as tx:
            items.add(tx, service.get(tx, slug), "model", f"alice/{name}")

    results = at_once([lambda n=n: add(f"r{n % 4}") for n in range(8)])
    assert [type(one) for one in results if one is not None] == [ItemExists] * 4
    with inside.look() as tx:
        found = items.items_of(tx, service.get(tx, slug))
        assert [item.position for item in found] == [0, 1, 2, 3]
        ids = [item.id for item in found]

    def move(item_id: str, to: int) -> None:
        with inside.tx("alice") as tx:
            items.update(tx, service.get(tx, slug), item_id, position=to)

    assert at_once([lambda n=n: move(ids[n], 3 - n) for n in range(4)]) == [None] * 4
    with inside.look() as tx:
        found = items.items_of(tx, service.get(tx, slug))
        assert [item.position for item in found] == [0, 1, 2, 3]


def test_what_counts_once(inside):
    def make() -> str:
        with inside.tx("alice") as tx:
            return service.slug_of(service.create(tx, "alice", "Glass"))

    voters = [f"voter-{number}" for number in range(4)]
    for name in ("alice", "bob", *voters):
        inside.caller(name)
    results = at_once([make] * 4)
    assert [isinstance(one, CollectionExists) for one in results].count(True) == 3
    (slug,) = [one for one in results if isinstance(one, str)]

    def vote(name: str) -> None:
        with inside.tx(name) as tx:
            items.upvote(tx, service.get(tx, slug))

    def follow() -> None:
        with inside.tx("alice") as tx:
            follows.follow(tx, get_account(tx.session, "bob"))

    works = [*[lambda name=name: vote(name) for name in voters * 2], *[follow] * 4]
    assert at_once(works) == [None] * len(works)
    with inside.look() as tx:
        assert service.get(tx, slug).upvotes == len(voters)
        assert follows.state(tx, get_account(tx.session, "bob")).followers == 1
