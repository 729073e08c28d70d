"""Branches, tags, and what a person may write for a revision."""

import pytest

from lorahub_server.access.errors import NotAllowed, RepoGone, RepoNotFound
from lorahub_server.kit.errors import HubError
from lorahub_server.kit.names import InvalidRef
from lorahub_server.repos import refs
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import (
    BadCommit,
    DefaultBranch,
    RefExists,
    RefNotFound,
    RepoMoved,
    RevisionNotFound,
    TooManyRefs,
)
from lorahub_server.repos.tables import CommitRow
from support.inside import Inside


def resolve(inside: Inside, revision: str) -> str:
    with inside.look(None) as tx:
        return refs.resolve(tx, repos.get_repo(tx, "alice", "style"), revision)


def change(inside: Inside, what, *arguments, who: str = "alice", **more):
    with inside.tx(who) as tx:
        return what(tx, repos.get_repo(tx, "alice", "style"), *arguments, **more)


def listed(inside: Inside) -> tuple[list[str], list[str]]:
    with inside.look() as tx:
        found = refs.list_refs(tx, repos.get_repo(tx, "alice", "style"))
    return [ref.name for ref in found.branches], [ref.name for ref in found.tags]


@pytest.fixture
def made(inside) -> list[str]:
    inside.make_repo()
    return [inside.commit({"a": b"%d" % n}).revision for n in range(3)]


@pytest.fixture
def style(small) -> Inside:
    small.make_repo()
    small.commit({"a": b"1"})
    return small


def test_a_revision_is_a_name_or_an_id(inside, made):
    change(inside, refs.create_branch, "feature/x", made[1])
    change(inside, refs.create_tag, "v1", made[0])
    change(inside, refs.create_tag, "v2", "v1", message="What is new")
    expected = {
        "main": made[2],
        "HEAD": made[2],
        "feature/x": made[1],
        "v1": made[0],
        "v2": made[0],
        "refs/heads/feature/x": made[1],
        "refs/tags/v2": made[0],
        made[1]: made[1],
        made[1].upper(): made[1],
        made[1][:7]: made[1],
        made[1][:39]: made[1],
    }
    assert {name: resolve(inside, name) for name in expected} == expected


def test_names_go_before_ids_and_branches_before_tags(inside, made):
    change(inside, refs.create_tag, made[0][:8], made[1])
    assert resolve(inside, made[0][:8]) == made[1]
    change(inside, refs.create_branch, made[0][:8], made[2])
    assert resolve(inside, made[0][:8]) == made[2]
    assert resolve(inside, f"refs/tags/{made[0][:8]}") == made[1]


@pytest.mark.parametrize(
    "revision",
    ["", "no", "MAIN2", "abcdef1", "0" * 40, "0" * 41, "a\0b", "\ud800", "x" * 5000, "refs/heads/"],
)
def test_what_names_nothing_is_not_found(style, revision):
    with pytest.raises(RevisionNotFound):
        resolve(style, revision)


def test_short_and_ambiguous_beginnings_are_not_taken(style):
    oid = resolve(style, "main")
    with pytest.raises(RevisionNotFound):
        resolve(style, oid[:6])
    twin = oid[:12] + ("0" * 28 if not oid.endswith("0" * 28) else "1" * 28)
    with style.db.write() as session:
        row = session.query(CommitRow).one()
        same = {c.name: getattr(row, c.name) for c in CommitRow.__table__.columns}
        session.add(CommitRow(**{**same, "oid": twin}))
    with pytest.raises(RevisionNotFound, match="Several"):
        resolve(style, oid[:12])
    assert resolve(style, oid[:39]) == oid


def test_an_empty_repository_has_no_head(inside):
    inside.make_repo()
    for name in ("HEAD", "main"):
        with pytest.raises(RevisionNotFound):
            resolve(inside, name)
    assert listed(inside) == ([], [])


def test_refs_of_another_repository_are_not_seen(inside, made):
    inside.make_repo("other")
    inside.commit({"b": b"other"}, "other")
    with inside.look() as tx:
        other = repos.get_repo(tx, "alice", "other")
        for revision in (made[0], made[0][:10]):
            with pytest.raises(RevisionNotFound):
                refs.resolve(tx, other, revision)


def test_lists_show_the_default_branch_first(inside, made):
    for name in ("zeta", "alpha"):
        change(inside, refs.create_branch, name, "main")
        change(inside, refs.create_tag, name, "main")
    assert listed(inside) == (["main", "alpha", "zeta"], ["alpha", "zeta"])
    with inside.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        assert {ref.revision for ref in refs.list_refs(tx, repo).branches} == {made[2]}


def test_refs_are_deleted(inside, made):
    change(inside, refs.create_branch, "x", "main")
    change(inside, refs.create_tag, "x", "main", "notes")
    change(inside, refs.delete_branch, "x")
    assert listed(inside) == (["main"], ["x"])
    change(inside, refs.delete_tag, "x")
    assert listed(inside) == (["main"], [])
    for gone in (refs.delete_branch, refs.delete_tag):
        with pytest.raises(RefNotFound):
            change(inside, gone, "x")
    with pytest.raises(DefaultBranch):
        change(inside, refs.delete_branch, "main")
    assert resolve(inside, made[1]) == made[1]


def test_names_that_git_could_not_hold_side_by_side_are_refused(inside, made):
    change(inside, refs.create_branch, "a/b", "main")
    for name in ("a/b", "a", "a/b/c", "A/B", "A", "MAIN", "main/x"):
        with pytest.raises(RefExists):
            change(inside, refs.create_branch, name, "main")
    for name in ("a/c", "a/bc", "a-b"):
        change(inside, refs.create_branch, name, "main")
    change(inside, refs.create_tag, "a", "main")  # tags have folders of their own


@pytest.mark.parametrize(
    "name", ["", "a..b", "-x", "HEAD", "a b", "refs/heads/x", "0" * 40, "x.lock"]
)
def test_names_keep_to_the_grammar(style, name):
    for make in (refs.create_branch, refs.create_tag):
        with pytest.raises(InvalidRef):
            change(style, make, name, "main")
    for gone in (refs.delete_branch, refs.delete_tag):
        with pytest.raises(InvalidRef):
            change(style, gone, name)


def test_the_longest_names_fit(inside, made):
    for name in ("x" * 250, "ü" * 125):
        change(inside, refs.create_branch, name, "main")
        change(inside, refs.create_tag, name, "main", "notes")
        assert resolve(inside, name) == made[2]


def test_a_tag_message_is_text(style):
    with pytest.raises(BadCommit):
        change(style, refs.create_tag, "v1", "main", message="a\0b")


def test_refs_need_a_revision_that_is_there(style):
    for make in (refs.create_branch, refs.create_tag):
        with pytest.raises(RevisionNotFound):
            change(style, make, "x", "nothing")


def test_only_the_owner_changes_refs(style):
    for what, *arguments in (
        (refs.create_branch, "x", "main"),
        (refs.delete_branch, "main"),
        (refs.create_tag, "x", "main"),
        (refs.delete_tag, "x"),
    ):
        with pytest.raises(NotAllowed):
            change(style, what, *arguments, who="bob")


def test_there_is_a_limit(style, monkeypatch):
    monkeypatch.setattr(refs, "REFS_MAX", 3)
    change(style, refs.create_branch, "b", "main")
    change(style, refs.create_tag, "t", "main")
    with pytest.raises(TooManyRefs):
        change(style, refs.create_tag, "u", "main")


def test_resolving_is_one_question(inside, made):
    change(inside, refs.create_tag, "v1", "main", "notes")
    for revision in ("main", "HEAD", "v1", made[0]):
        with inside.look(None) as tx:
            repo = repos.get_repo(tx, "alice", "style")
            with inside.counted() as statements:
                refs.resolve(tx, repo, revision)
        assert len(statements) == 1, revision


def opened(inside: Inside, revision: str, name: str = "style", who: str | None = None):
    """What `open_at` gives, or the error that it raises, with the number of its statements."""
    with inside.look(who) as tx, inside.counted() as statements:
        try:
            found = refs.open_at(tx, "Alice", name, revision)
            return found.repo.full_name, found.place.commit, len(statements)
        except HubError as error:
            return type(error), error.message, len(statements)


def two_steps(inside: Inside, revision: str):
    with inside.look(None) as tx:
        repo = repos.get_repo(tx, "Alice", "style")
        try:
            return repo.full_name, refs.resolve(tx, repo, revision), 1
        except HubError as error:
            return type(error), error.message, 1


def test_with_the_repository_it_is_one_question_too(inside, made):
    change(inside, refs.create_tag, "v1", made[0], "notes")
    change(inside, refs.create_tag, "main", made[0])
    change(inside, refs.create_branch, made[0][:8], made[2])
    change(inside, refs.create_tag, made[1][:8], made[2])
    revisions = [
        "main", "HEAD", "v1", "refs/heads/main", "refs/tags/main", "refs/pr/1", "nope", "", "a\0b",
        "\ud800", "x" * 300, "0" * 40, "0" * 7, made[0], made[0].upper(), made[0][:7],
        made[0][:8], made[1][:8], made[1][:20], made[1][:6],
    ]  # fmt: skip
    for revision in revisions:
        assert opened(inside, revision) == two_steps(inside, revision), revision
    assert opened(inside, "main")[1] == made[2]
    assert opened(inside, made[0][:8])[1] == opened(inside, made[1][:8])[1] == made[2]


def test_an_ambiguous_beginning_of_a_repository_s_commit(style):
    oid = resolve(style, "main")
    with style.db.write() as session:
        row = session.query(CommitRow).one()
        same = {c.name: getattr(row, c.name) for c in CommitRow.__table__.columns}
        session.add(CommitRow(**{**same, "oid": oid[:12] + "0" * 28}))
    assert "Several" in opened(style, oid[:12])[1]
    change(style, refs.create_tag, oid[:12], oid)
    assert opened(style, oid[:12]) == ("alice/style", oid, 1)


def test_opening_tells_of_no_more_than_the_repository_may(inside, made):
    inside.make_repo("empty")
    assert opened(inside, "HEAD", "empty")[0] is RevisionNotFound
    with inside.tx() as tx:
        repos.set_private(tx, repos.get_repo(tx, "alice", "style"), private=True)
    for who in (None, "bob"):
        for revision in ("main", made[0], "nope", "\0"):
            hidden = opened(inside, revision, who=who)
            assert hidden == opened(inside, revision, "missing", who=who)
            assert hidden[0] is RepoNotFound
    assert opened(inside, "main", who="alice") == ("alice/style", made[2], 1)
    with inside.tx() as tx:
        repos.rename_repo(tx, repos.get_repo(tx, "alice", "style"), "window")
    assert opened(inside, "main", who="alice")[0] is RepoMoved
    assert opened(inside, "main")[0] is RepoNotFound
    with inside.tx() as tx:
        repos.delete_repo(tx, repos.get_repo(tx, "alice", "window"))
    assert opened(inside, "main", "window", who="alice")[0] is RepoGone
