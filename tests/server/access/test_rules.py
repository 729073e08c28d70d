import pytest
from sqlalchemy import select

from lorahub_server import access
from lorahub_server.access import rules
from lorahub_server.access.errors import NotAllowed, SessionRequired
from lorahub_server.kit.errors import HubError

OK = None
CALLERS = ["anonymous", "owner", "owner-token", "owner-read-token", "owner-empty-token", "other"]
CALLERS += ["other-read-token", "admin"]
REPOS = ["public", "private", "gone", "private-gone"]
OWNERS = {"owner", "owner-token", "owner-read-token"}


def outcome(function, *args) -> str | None:
    try:
        function(*args)
    except HubError as error:
        return f"{error.status} {error.code}"
    return OK


def reading(who: str, what: str) -> str | None:
    if what.startswith("private") and who not in OWNERS:
        return "404 repo_not_found"
    return "410 repo_gone" if what.endswith("gone") else OK


def writing(who: str, what: str) -> str | None:
    refused = reading(who, what)
    if refused is not OK:
        return refused
    return {
        "anonymous": "401 login_required",
        "owner": OK,
        "owner-token": OK,
        "owner-read-token": "403 scope_missing",
        "owner-empty-token": "403 scope_missing",
    }.get(who, "403 not_allowed")


@pytest.mark.parametrize("what", REPOS)
@pytest.mark.parametrize("who", CALLERS)
def test_who_may_what(callers, repos, who, what):
    caller, repo = callers[who], repos[what]
    assert outcome(access.require_read, caller, repo) == reading(who, what)
    assert outcome(access.require_write, caller, repo) == writing(who, what)
    assert access.can_read(caller, repo) == (reading(who, what) is OK)
    assert access.can_write(caller, repo) == (writing(who, what) is OK)


@pytest.mark.parametrize("who", CALLERS)
def test_missing_is_like_private(callers, repos, who):
    private = "anonymous" if who in OWNERS else who
    for require in (access.require_read, access.require_write):
        with pytest.raises(HubError) as missing:
            require(callers[who], None)
        with pytest.raises(HubError) as hidden:
            require(callers[private], repos["private"])
        assert type(missing.value) is type(hidden.value)
        assert str(missing.value) == str(hidden.value)


@pytest.mark.parametrize("who", CALLERS)
def test_lists_show_exactly_what_may_be_opened(db, callers, repos, repo_class, who):
    with db.write() as session:
        session.add_all(repos.values())
        session.add_all(
            [
                repo_class(id=5, owner_id=2, private=True),
                repo_class(id=6, owner_id=2, private=False),
            ]
        )
    caller = callers[who]
    condition = access.visible(
        caller,
        owner_id=repo_class.owner_id,
        private=repo_class.private,
        deleted_at=repo_class.deleted_at,
    )
    with db.read() as session:
        listed = set(session.scalars(select(repo_class.id).where(condition)))
        every = session.scalars(select(repo_class)).all()
        assert listed == {repo.id for repo in every if access.can_read(caller, repo)}
        assert len(every) == 6


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("anonymous", ["401 login_required"] * 4),
        ("owner", [OK, OK, OK, "403 not_allowed"]),
        ("owner-token", [OK, OK, "403 session_required", "403 not_allowed"]),
        (
            "owner-read-token",
            [OK, "403 scope_missing", "403 session_required", "403 not_allowed"],
        ),
        ("admin", [OK, OK, OK, OK]),
    ],
)
def test_require(callers, who, expected):
    caller = callers[who]
    assert [
        outcome(access.require_login, caller),
        outcome(access.require_scope, caller, "write"),
        outcome(access.require_session, caller),
        outcome(access.require_admin, caller),
    ] == expected


def test_require_hands_back_the_account(callers):
    assert access.require_login(callers["owner"]).name == "alice"
    assert rules.require_scope(callers["owner"], "read").id == 1


def test_caller_properties(callers):
    nobody, owner, root = callers["anonymous"], callers["owner"], callers["admin"]
    assert (nobody.is_anonymous, nobody.account_id, nobody.name, nobody.is_admin) == (
        1,
        None,
        None,
        0,
    )
    assert (owner.is_anonymous, owner.account_id, owner.name, owner.is_admin) == (0, 1, "alice", 0)
    assert root.is_admin


def test_messages_say_what_to_do():
    assert "web site" in str(SessionRequired())
    assert "owner" in str(NotAllowed())
