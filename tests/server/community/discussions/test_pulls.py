"""Pull requests: opened by readers, changed, merged, refused."""

import pytest

from lorahub_server.access.errors import NotAllowed, RepoNotFound, ScopeMissing
from lorahub_server.blobs import service as blobs
from lorahub_server.community.discussions import pulls, service
from lorahub_server.community.discussions.errors import (
    HeadMoved,
    MergeConflict,
    NoPullRequest,
    NothingToMerge,
    ThreadNotFound,
    WrongStatus,
)
from lorahub_server.library import service as library
from lorahub_server.library.errors import InvalidCard
from lorahub_server.repos import history, refs, squash
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import BadCommit, RevisionNotFound, StaleParent
from lorahub_server.repos.tables import Repository
from support.git import Git
from support.inside import adapter


def changed(state: pulls.State) -> list[tuple[str, str]]:
    return [(change.kind, change.path) for change in state.changes]


def test_a_reader_opens_one_and_the_owner_merges_it(each_talk, tmp_path):
    talk = each_talk
    begin = talk.head()
    num = talk.open({"a.txt": b"one\n2\nthree\n"}, message="Say 2\n\nIt is shorter.")
    assert num == 1
    assert talk.head() == begin
    assert talk.read("a.txt", "refs/pr/1") == b"one\n2\nthree\n"
    head = talk.head("refs/pr/1")
    state = talk.state(1)
    assert (state.head, state.base, state.target_head) == (head, begin, begin)
    assert changed(state) == [("changed", "a.txt")]
    assert state.is_mergeable
    talk.hub.commit({"new.txt": b"meanwhile"})
    there = talk.head()
    talk.merge(1, text="Thanks")
    assert talk.status(1) == "merged"
    assert talk.read("a.txt") == b"one\n2\nthree\n"
    assert talk.read("new.txt") == b"meanwhile"
    merged = talk.head()
    assert talk.look(None, lambda *a: service.get(*a).merge_oid, 1) == merged
    assert talk.events(1) == [
        ("comment", "bob", ""),
        ("commit", "bob", {"subject": "Say 2", "oid": head}),
        ("comment", "alice", "Thanks"),
        ("status-change", "alice", {"status": "merged"}),
    ]
    # After the merge it still tells what it changed.
    assert changed(talk.state(1)) == [("changed", "a.txt")]
    with talk.hub.look("alice") as tx:
        repo = repos.get_repo(tx, "alice", "style")
        git = Git(tmp_path / "clone").take(talk.hub.db, repo.id)
        titles = [one.title for one in history.list_commits(tx, repo, merged)]
    git.check()
    assert git.run("log", "-1", "--format=%P", "main").split() == [there, head]
    assert titles[0] == "Say 2 (#1)"


def test_a_draft_begins_at_the_branch(talk):
    num = talk.call("bob", lambda *a: pulls.open_draft(*a).num, "Later", "I will")
    assert talk.status(num) == "draft"
    assert talk.head(f"refs/pr/{num}") == talk.head()
    with pytest.raises(WrongStatus, match="draft"):
        talk.merge(num)
    talk.add(num, {"a.txt": b"x"})
    with pytest.raises(WrongStatus, match="draft"):
        talk.merge(num)
    talk.call("bob", service.set_status, num, "open")
    talk.merge(num)
    assert talk.read("a.txt") == b"x"


def test_both_sides_changed_a_file(talk):
    num = talk.open({"a.txt": b"ours", "README.md": b"# Theirs\n"})
    talk.hub.commit({"a.txt": b"other"})
    state = talk.state(num)
    assert list(state.conflicts) == ["a.txt"]
    assert not state.is_mergeable
    before = talk.head()
    with pytest.raises(MergeConflict) as error:
        talk.merge(num)
    assert error.value.details["files"] == ["a.txt"]
    assert (talk.head(), talk.status(num)) == (before, "open")
    # The same change on both sides is none.
    talk.add(num, {"a.txt": b"other"})
    assert talk.state(num).is_mergeable
    talk.merge(num)
    assert talk.read("README.md") == b"# Theirs\n"


@pytest.mark.parametrize(
    ("theirs", "ours", "conflicts"),
    [
        ({"a.txt": None}, {"d/b.txt": b"x"}, []),
        ({"a.txt": None}, {"a.txt": b"x"}, ["a.txt"]),
        ({"a.txt": b"x"}, {"a.txt": None}, ["a.txt"]),
        ({"a.txt": None}, {"a.txt": None, "c": b"c"}, []),
        ({"n": b"1"}, {"n": b"2"}, ["n"]),
        ({"n": b"1"}, {"n": b"1", "m": b"2"}, []),
        ({"n/x": b"1"}, {"n": b"2"}, ["n/x"]),
        ({"n": b"1"}, {"n/x": b"2"}, ["n"]),
        ({"N.txt": b"1"}, {"n.TXT": b"2"}, ["N.txt"]),
        ({"a.txt": None, "a.txt/x": b"1"}, {"d/b.txt": b"2"}, []),
        ({"d/b.txt": None, "d2/b.txt": b"b\n"}, {"d/c.txt": b"2"}, []),
    ],
)
def test_what_is_a_conflict(talk, theirs, ours, conflicts):
    num = talk.open(theirs)
    talk.hub.commit(ours)
    assert list(talk.state(num).conflicts) == conflicts
    if conflicts:
        with pytest.raises(MergeConflict):
            talk.merge(num)
    else:
        talk.merge(num)
        for path, content in {**theirs, **ours}.items():
            assert talk.read(path) == content


def test_lines_of_gitattributes_are_no_conflict(talk):
    shas = [
        talk.hub.upload(letter * 2_000_000, "x.dat", who)
        for letter, who in ((b"b", "bob"), (b"a", "alice"))
    ]
    num = talk.open({"theirs.dat": shas[0]})
    talk.hub.commit({"ours.dat": shas[1]})
    assert talk.state(num).is_mergeable
    talk.merge(num)
    lines = talk.read(".gitattributes").decode().splitlines()
    assert [line.split()[0] for line in lines] == ["/ours.dat", "/theirs.dat"]


def test_it_may_only_be_merged_as_it_was_seen(talk):
    num = talk.open({"a.txt": b"seen"})
    seen = talk.head(f"refs/pr/{num}")
    now = talk.add(num, {"a.txt": b"unseen"})
    with pytest.raises(HeadMoved) as error:
        talk.merge(num, head=seen)
    assert error.value.details["head"] == now
    talk.merge(num, head=now)


def test_there_must_be_something_to_merge(talk):
    with pytest.raises(BadCommit, match="changes nothing"):
        talk.open({"README.md": b"# Style\n"})
    num = talk.call("alice", lambda *a: pulls.open_draft(*a).num, "Empty", "Nothing yet")
    talk.call("alice", service.set_status, num, "open")
    assert "has everything" in talk.state(num).wrong
    with pytest.raises(NothingToMerge):
        talk.merge(num)


def test_who_may_add_to_it(talk):
    num = talk.open({"a.txt": b"x"})
    with pytest.raises(NotAllowed, match="Only who opened"):
        talk.add(num, {"a.txt": b"y"}, who="carol")
    talk.add(num, {"a.txt": b"y"}, who="alice")
    with pytest.raises(NotAllowed):
        talk.merge(num, who="bob")
    talk.call("bob", service.set_status, num, "closed")
    with pytest.raises(WrongStatus, match="closed"):
        talk.add(num, {"a.txt": b"z"})
    with pytest.raises(WrongStatus, match="closed"):
        talk.merge(num)
    talk.call("alice", service.set_status, num, "open")
    talk.merge(num)
    with pytest.raises(WrongStatus, match="merged"):
        talk.add(num, {"a.txt": b"z"})
    with pytest.raises(WrongStatus, match="merged"):
        talk.merge(num)
    with pytest.raises(WrongStatus, match="merged"):
        talk.call("alice", service.set_status, num, "open")


def test_a_discussion_has_no_commits(talk):
    num = talk.begin()
    for none in (num, 99):
        with pytest.raises(RevisionNotFound, match="no pull request"):
            talk.add(none, {"a.txt": b"x"})
    with pytest.raises(NoPullRequest):
        talk.merge(num)
    with pytest.raises(ThreadNotFound):
        talk.merge(99)
    with pytest.raises(RevisionNotFound):
        talk.head(f"refs/pr/{num}")


def test_a_token_that_reads_opens_none(talk):
    from dataclasses import replace

    reader = replace(talk.hub.caller("bob"), scopes=frozenset({"read"}))
    with pytest.raises(ScopeMissing), talk.hub.tx(caller=reader) as tx:
        pulls.open_draft(tx, repos.get_repo(tx, "alice", "style"), "x", "y")


def test_in_a_private_repository_nobody_else_opens_one(talk):
    num = talk.begin()
    with talk.hub.tx("alice") as tx:
        repo_id = repos.set_private(tx, repos.get_repo(tx, "alice", "style"), private=True).id
    for attempt in (
        lambda tx, repo: pulls.open_draft(tx, repo, "x", "y"),
        lambda tx, repo: service.create(tx, repo, "x", "y"),
        lambda tx, repo: service.comment(tx, repo, num, "x"),
        lambda tx, repo: service.set_status(tx, repo, num, "closed"),
        lambda tx, repo: service.list_threads(tx, repo, service.Wish(), skip=0, limit=9),
        lambda tx, repo: service.get(tx, repo, num),
    ):
        with pytest.raises(RepoNotFound), talk.hub.tx("bob") as tx:
            attempt(tx, tx.session.get(Repository, repo_id))


def test_its_files_are_checked_like_any_other(talk):
    with pytest.raises(InvalidCard):
        talk.open({"README.md": b"---\na: [\n---\n"})
    with pytest.raises(BadCommit, match="Weights are uploaded"):
        talk.open({"a.safetensors": adapter(1)})
    talk.open({"x": b"1"})
    num = talk.open({"y": b"1"})
    assert num == 2  # what was refused took no number
    with pytest.raises(InvalidCard):
        talk.add(num, {"README.md": b"---\na: [\n---\n"})


def test_nobody_gains_bytes_that_they_cannot_read(talk):
    """By a pull request a file is brought in only by one who has it."""
    talk.hub.make_repo("secret", private=True)
    sha = talk.hub.upload(adapter(7))
    talk.hub.commit({"w.safetensors": sha}, name="secret")
    with pytest.raises(BadCommit, match="not uploaded by you"):
        talk.open({"w.safetensors": sha})
    num = talk.open({"x": b"1"})
    with pytest.raises(BadCommit, match="not uploaded by you"):
        talk.add(num, {"w.safetensors": sha})


def test_large_files_are_for_readers_and_not_in_the_library(talk):
    sha = talk.hub.upload(adapter(3), who="bob")
    num = talk.open({"w.safetensors": sha})
    with talk.hub.look("carol") as tx:
        assert blobs.may_use(tx, sha) is not None
        repo = repos.get_repo(tx, "alice", "style")
        details = library.details(tx, repo)
        assert (details.adapters, details.repo.revision) == ([], refs.head(tx, repo))
    talk.merge(num)
    with talk.hub.look("carol") as tx:
        details = library.details(tx, repos.get_repo(tx, "alice", "style"))
        assert [one.path for one in details.adapters] == ["w.safetensors"]
        assert details.repo.revision == talk.head()


def test_it_may_begin_at_an_older_commit(talk):
    first = talk.head()
    talk.hub.commit({"new.txt": b"1"})
    num = talk.open({"a.txt": b"x"}, parent=first[:8])
    assert talk.state(num).base == first
    assert changed(talk.state(num)) == [("changed", "a.txt")]
    with pytest.raises(RevisionNotFound):
        talk.open({"a.txt": b"x"}, parent="0" * 40)
    with pytest.raises(StaleParent):
        talk.add(num, {"a.txt": b"y"}, parent=first)
    talk.add(num, {"a.txt": b"y"}, parent=talk.head(f"refs/pr/{num}")[:9])


def test_squashed_it_changes_the_same(talk):
    num = talk.open({"a.txt": b"x"})
    talk.add(num, {"a.txt": b"y"})
    talk.call("bob", pulls.squash_commits, num, "One commit")
    assert changed(talk.state(num)) == [("changed", "a.txt")]
    talk.merge(num)
    assert talk.read("a.txt") == b"y"
    assert talk.read("d/b.txt") == b"b\n"


def test_the_branch_may_be_squashed_meanwhile(talk):
    num = talk.open({"a.txt": b"x"})
    talk.call("alice", squash.squash, "main", "Anew")
    assert changed(talk.state(num)) == [("changed", "a.txt")]
    talk.merge(num)
    assert talk.read("a.txt") == b"x"


def test_the_branch_may_go_meanwhile(talk):
    talk.call("alice", refs.create_branch, "dev", "main")

    def do(tx, repo):
        return pulls.open_draft(tx, repo, "For dev", "x", "dev").num

    num = talk.call("bob", do)
    talk.add(num, {"a.txt": b"x"})
    talk.call("alice", refs.delete_branch, "dev")
    state = talk.state(num)
    assert "gone" in state.wrong
    assert not state.is_mergeable
    talk.call("bob", service.set_status, num, "open")
    with pytest.raises(RevisionNotFound):
        talk.merge(num)


def test_changes_of_the_branch_are_brought_in_by_a_merge(talk, tmp_path):
    """Where both parted is told by all parents of commits, not by the first ones only."""
    first = talk.open({"a.txt": b"x"})
    talk.hub.commit({"new.txt": b"1"})
    talk.merge(first)
    num = talk.open({"d/b.txt": b"2"}, parent=talk.head(f"refs/pr/{first}"))
    assert changed(talk.state(num)) == [("changed", "d/b.txt")]
    talk.merge(num)
    assert talk.read("new.txt") == b"1"


def test_a_renamed_file(talk):
    num = talk.open({"d/b.txt": None, "e/c.txt": b"b\n"})
    (change,) = talk.state(num).changes
    assert (change.kind, change.old.path, change.new.path) == ("renamed", "d/b.txt", "e/c.txt")


def test_an_empty_repository_takes_none(talk):
    talk.hub.make_repo("empty")
    with talk.hub.tx("bob") as tx:
        repo = repos.get_repo(tx, "alice", "empty")
        with pytest.raises(RevisionNotFound, match="no commit yet"):
            pulls.open_draft(tx, repo, "x", "y")


def test_pull_requests_are_no_branches(talk):
    talk.open({"a.txt": b"x"})
    found = talk.look(None, refs.list_refs)
    assert ([ref.name for ref in found.branches], found.tags) == (["main"], [])


def test_with_the_repository_its_threads_go(talk):
    talk.open({"a.txt": b"x"})
    num = talk.begin()
    talk.call("bob", service.comment, num, "More")
    talk.call("alice", repos.delete_repo)
    from sqlalchemy import text

    with talk.hub.db.read() as session:
        for table in ("threads", "thread_events", "comment_versions", "refs"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0


def test_the_merged_tree_is_what_git_would_make(talk):
    num = talk.open({"x/y/z.txt": b"1", "a.txt": None})
    talk.hub.commit({"x/q.txt": b"2", "d/b.txt": None})
    talk.merge(num)
    with talk.hub.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        row = history.get_commit(tx, repo, talk.head())
        from lorahub_server.repos import trees

        entries = trees.list_entries(tx, repo, row.oid, recursive=True)
    assert [entry.path for entry in entries] == ["README.md", "x/q.txt", "x/y/z.txt"]
    assert row.files == len(entries)
