"""What each role in an organisation may do, as the rules say it."""

from typing import Any

import pytest
from sqlalchemy import select

from lorahub_server import access
from lorahub_server.access import caller
from lorahub_server.access.errors import NotAllowed
from lorahub_server.accounts.roles import ROLES
from lorahub_server.accounts.tables import Account
from lorahub_server.kit.errors import HubError

ORG, OTHER_ORG, ME = 10, 11, 1
READ, WRITE = frozenset({"read"}), frozenset({"read", "write"})
WHO = [*ROLES, "none"]


def member(role: str, scopes: frozenset[str] = WRITE, *, org: int = ORG) -> caller.Caller:
    roles = {} if role == "none" else {str(org): role}
    account = Account(id=ME, name="me", org_roles=roles, is_admin=False)
    return caller.Caller(account, scopes, "token")


def outcome(function: Any, *args: Any) -> str | None:
    try:
        function(*args)
    except HubError as error:
        return f"{error.status} {error.code}"
    return None


@pytest.fixture
def org_repos(repo_class):
    """By whom it was made, and whether it is private."""
    return {
        (mine, private): repo_class(
            id=20 + 2 * mine + private, owner_id=ORG, creator_id=ME if mine else 2, private=private
        )
        for mine in (True, False)
        for private in (True, False)
    }


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("mine", [True, False])
@pytest.mark.parametrize("role", WHO)
def test_roles(org_repos, role, mine, private):
    repo, me = org_repos[mine, private], member(role)
    reads = role != "none" or not private
    writes = role in {"write", "admin"} or (role == "contributor" and mine)
    assert access.can_read(me, repo) == reads
    assert access.can_write(me, repo) == writes
    assert outcome(access.require_read, me, repo) == (None if reads else "404 repo_not_found")
    refused = "403 not_allowed" if reads else "404 repo_not_found"
    assert outcome(access.require_write, me, repo) == (None if writes else refused)
    assert access.can_create(me, ORG) == (role in {"contributor", "write", "admin"})


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_no_further_than_its_organisation(org_repos, repo_class, role):
    elsewhere = member(role, org=OTHER_ORG)
    # Who made it doesn't count once they are no member any more.
    for repo in org_repos.values():
        assert access.can_read(elsewhere, repo) == (not repo.private)
        assert not access.can_write(elsewhere, repo)
    assert not access.can_create(elsewhere, ORG)
    person = repo_class(id=50, owner_id=2, creator_id=ME, private=True)
    assert not access.can_read(member(role), person)
    assert not access.can_write(member(role), person)


@pytest.mark.parametrize("role", ROLES)
def test_a_token_limits_the_role(org_repos, role):
    repo = org_repos[True, True]
    reader = member(role, READ)
    assert access.can_read(reader, repo)
    assert not access.can_write(reader, repo)
    wanted = "403 not_allowed" if role == "read" else "403 scope_missing"
    assert outcome(access.require_write, reader, repo) == wanted
    assert not access.can_create(reader, ORG)
    nothing = member(role, frozenset())
    assert outcome(access.require_read, nothing, repo) == "404 repo_not_found"


@pytest.mark.parametrize("scopes", [READ, WRITE, frozenset()])
@pytest.mark.parametrize("role", WHO)
def test_lists_show_exactly_what_may_be_opened(db, org_repos, repo_class, role, scopes):
    me = member(role, scopes)
    with db.write() as session:
        session.add_all(org_repos.values())
        session.add(repo_class(id=5, owner_id=ME, creator_id=ME, private=True))
        session.add(repo_class(id=6, owner_id=OTHER_ORG, creator_id=ME, private=True))
    condition = access.visible(
        me,
        owner_id=repo_class.owner_id,
        private=repo_class.private,
        deleted_at=repo_class.deleted_at,
    )
    with db.read() as session:
        listed = set(session.scalars(select(repo_class.id).where(condition)))
        every = session.scalars(select(repo_class)).all()
        assert listed == {repo.id for repo in every if access.can_read(me, repo)}


@pytest.mark.parametrize("role", WHO)
def test_only_administrators_change_the_organisation(role):
    org = Account(id=ORG, name="studio", kind="organization")
    may = outcome(access.require_org_admin, member(role), org)
    assert may == (None if role == "admin" else "403 not_allowed")
    assert outcome(access.require_org_admin, caller.anonymous(), org) == "401 login_required"
    if role == "admin":
        assert outcome(access.require_org_admin, member(role, READ), org) == "403 scope_missing"
        with pytest.raises(NotAllowed, match="studio"):
            access.require_org_admin(member(role, org=OTHER_ORG), org)


def test_a_hub_administrator_is_no_member(org_repos):
    account = Account(id=3, name="carol", is_admin=True)
    carol = caller.of_account(account)
    assert not access.can_read(carol, org_repos[True, True])
    assert not access.can_write(carol, org_repos[True, False])
    assert not access.can_create(carol, ORG)
