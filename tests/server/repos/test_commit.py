"""What a commit does to a branch, and what it refuses."""

import pytest

from lorahub_server import jobs
from lorahub_server.access.errors import NotAllowed, RepoGone
from lorahub_server.insight.tables import Inspection
from lorahub_server.kit.clock import now
from lorahub_server.kit.names import InvalidRef
from lorahub_server.repos import commit as commits
from lorahub_server.repos import history, refs, trees
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import (
    BadCommit,
    EntryNotFound,
    PathConflict,
    RefExists,
    RefNotFound,
    RevisionNotFound,
    StaleParent,
)
from lorahub_server.repos.tables import GitObject
from support.inside import Inside, adapter, sha256


def paths(inside: Inside, branch: str = "main", name: str = "style") -> dict[str, bool]:
    """Every file of a branch and whether it is a large one."""
    with inside.look() as tx:
        repo = repos.get_repo(tx, "alice", name)
        oid = refs.resolve(tx, repo, branch)
        found = trees.list_entries(tx, repo, oid, recursive=True)
        return {entry.path: entry.large for entry in found}


def content(inside: Inside, path: str, branch: str = "main") -> bytes:
    with inside.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        oid = refs.resolve(tx, repo, branch)
        return trees.read_file(tx, repo, trees.get_entry(tx, repo, oid, path))


def head(inside: Inside, branch: str = "main") -> str | None:
    with inside.look() as tx:
        return refs.head(tx, repos.get_repo(tx, "alice", "style"), branch)


@pytest.fixture
def style(small) -> Inside:
    small.make_repo()
    return small


def test_the_first_commit_makes_the_branch(inside):
    inside.make_repo()
    assert head(inside) is None
    weights = inside.upload(adapter())
    made = inside.commit({"README.md": b"# hi", "a.safetensors": weights}, message="First")
    assert made == commits.CommitResult(head(inside) or "", None, changed=True)
    assert paths(inside) == {".gitattributes": False, "README.md": False, "a.safetensors": True}
    with inside.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        entry = trees.get_entry(tx, repo, made.revision, "a.safetensors")
        assert (entry.sha256, entry.size) == (weights, len(adapter()))
        small = trees.get_entry(tx, repo, made.revision, "README.md")
        assert (small.sha256, small.size) == (sha256(b"# hi"), 4)


def test_commits_stand_on_each_other(inside):
    inside.make_repo()
    one = inside.commit({"a": b"1", "x/y/z": b"z"}, message="one")
    two = inside.commit({"a": b"2", "x/b": b"b"}, message="two")
    three = inside.commit({"x/y/z": None}, message="three", description="Why:\r\nit was wrong.")
    assert (two.parent, three.parent) == (one.revision, two.revision)
    assert set(paths(inside)) == {"a", "x/b"}
    with inside.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        found = history.list_commits(tx, repo, three.revision)
        assert [info.title for info in found] == ["three", "two", "one"]
        assert found[0].message == "three\n\nWhy:\nit was wrong.\n"
        assert [info.files for info in found] == [2, 3, 2]
        assert {info.author for info in found} == {"alice"}
        old = trees.get_entry(tx, repo, one.revision, "a")
        assert trees.read_file(tx, repo, old) == b"1"


def test_a_parent_that_is_not_the_head_is_a_conflict(inside):
    inside.make_repo()
    one = inside.commit({"a": b"1"})
    two = inside.commit({"a": b"2"}, parent=one.revision.upper())
    for parent in (one.revision, "0" * 40, "main"):
        with pytest.raises(StaleParent) as caught:
            inside.commit({"a": b"3"}, parent=parent)
        assert caught.value.details == {"head": two.revision}
        assert caught.value.code == "conflict"
    assert content(inside, "a") == b"2"


def test_an_empty_repository_has_no_parent(style):
    with pytest.raises(StaleParent) as caught:
        style.commit({"a": b"1"}, parent="0" * 40)
    assert caught.value.details == {"head": None}


def test_a_commit_without_a_change_is_none(inside):
    inside.make_repo()
    weights = inside.upload(adapter())
    first = inside.commit({"a.safetensors": weights, "b": b"b"})
    again = inside.commit({"a.safetensors": weights, "b": b"b"}, parent=first.revision)
    assert again == commits.CommitResult(first.revision, None, changed=False)
    assert head(inside) == first.revision


def test_the_last_file_can_be_deleted(inside):
    inside.make_repo()
    inside.commit({"a/b/c": b"1"})
    gone = inside.commit({"a/b/c": None})
    assert gone.changed
    assert paths(inside) == {}
    assert inside.commit({"a": b"1"}).parent == gone.revision


def test_a_folder_is_deleted_with_all_in_it(style):
    style.commit({"a/1": b"", "a/b/2": b"", "a/b/3": b"", "c/4": b"", "d": b""})
    style.commit({"a": None, "d": None})
    assert set(paths(style)) == {"c/4"}
    with style.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        assert history.get_commit(tx, repo, refs.resolve(tx, repo, "main")).files == 1
    style.commit({"c/4": None, "c/5": b""})
    assert set(paths(style)) == {"c/5"}


def test_a_file_becomes_a_folder_and_back_in_one_commit(style):
    style.commit({"a": b"file"})
    style.commit({"a": None, "a/b": b"inside"})
    assert set(paths(style)) == {"a/b"}
    style.commit({"a": b"file", "a/b": None})
    assert set(paths(style)) == {"a"}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("a/b", "a is a file"),
        ("folder", "is a folder"),
        ("A", "A and a"),
        ("Folder/x", "Folder and folder"),
        ("folder/FILE", "FILE and file"),
        ("STRASSE", "STRASSE and straße"),
    ],
)
def test_paths_that_clash_are_refused(style, path, why):
    style.commit({"a": b"", "folder/file": b"", "straße": b""})
    with pytest.raises(PathConflict, match=why) as caught:
        style.commit({path: b"x"})
    assert caught.value.place == path


def test_paths_of_one_commit_may_not_clash_either(style):
    for clash in ({"a": b"", "A": b""}, {"a": b"", "a/b": b""}, {"X/1": b"", "x/2": b""}):
        with pytest.raises(PathConflict):
            style.commit(clash)
    style.commit({"a": b""})
    style.commit({"a": None, "A": b""})
    assert set(paths(style)) == {"A"}


def test_what_is_not_there_is_not_deleted(style):
    with pytest.raises(EntryNotFound):
        style.commit({"a": None})
    style.commit({"a": b"", "f/b": b""})
    for path in ("b", "a/b", "f/c", "x/y/z"):
        with pytest.raises(EntryNotFound) as caught:
            style.commit({path: None})
        assert caught.value.place == path


def test_a_commit_that_fails_leaves_nothing(inside):
    inside.make_repo()
    first = inside.commit({"a": b"1"})
    with inside.look() as tx:
        before = tx.session.query(GitObject).count()
    with pytest.raises(PathConflict):
        inside.commit({"b": b"2", "A": b"3"})
    with inside.look() as tx:
        assert tx.session.query(GitObject).count() == before
    assert head(inside) == first.revision


def test_another_branch_must_exist_or_be_given_a_start(inside):
    inside.make_repo()
    first = inside.commit({"a": b"1"})
    with pytest.raises(RefNotFound):
        inside.commit({"a": b"2"}, branch="feature/x")
    with pytest.raises(RevisionNotFound):
        inside.commit({"a": b"2"}, branch="feature/x", parent="0" * 40)
    made = inside.commit({"a": b"2"}, branch="feature/x", parent=first.revision)
    assert (made.parent, head(inside, "feature/x")) == (first.revision, made.revision)
    assert (content(inside, "a"), content(inside, "a", "feature/x")) == (b"1", b"2")
    same = inside.commit({"a": b"1"}, branch="same", parent=first.revision)
    assert not same.changed
    assert head(inside, "same") == first.revision
    with pytest.raises(RefExists):
        inside.commit({"a": b"3"}, branch="same/x", parent=first.revision)
    with pytest.raises(InvalidRef):
        inside.commit({"a": b"3"}, branch="a..b", parent=first.revision)


def test_only_who_may_write_commits(small):
    small.make_repo()
    with small.tx("bob") as tx:
        repo = repos.get_repo(tx, "alice", "style")
        with pytest.raises(NotAllowed):
            commits.commit(tx, repo, "main", [commits.AddFile("a", b"")], "x")
    with small.tx() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        repos.delete_repo(tx, repo)
        with pytest.raises(RepoGone):
            commits.commit(tx, repo, "main", [commits.AddFile("a", b"")], "x")


@pytest.mark.parametrize("message", ["", " \n ", "a\0b", "x" * 20_000, "\ud800"])
def test_a_message_is_text(style, message):
    with pytest.raises(BadCommit) as caught:
        style.commit({"a": b""}, message=message)
    assert caught.value.place == "message"


def test_the_title_is_the_first_line(style):
    made = style.commit({"a": b""}, message=f"  {'long ' * 60}\r\nmore")
    with style.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        info = history.get_commit(tx, repo, made.revision)
    assert len(info.title) == 200
    assert info.title.startswith("long long")
    assert info.title.endswith("…")
    assert info.message.endswith("\nmore\n")


def test_an_adapter_owes_an_inspection_with_its_configuration(inside):
    inside.make_repo()
    top, below, plain = inside.upload(adapter(1)), inside.upload(adapter(2)), b"x" * 5000
    picture = inside.upload(plain, "picture.dat")
    files = {"adapter_model.safetensors": top, "unet/b.safetensors": below, "p.dat": picture}
    inside.commit({"adapter_config.json": b'{"peft_type": "LORA", "r": 2}', **files})
    inside.commit({"again.safetensors": top})
    with inside.look() as tx:
        owed = jobs.list_jobs(tx.session, kind="inspect")
        repo = repos.get_repo(tx, "alice", "style")
        assert {job.repo_id for job in owed} == {repo.id}
        assert {job.queue for job in owed} == {"cpu"}
        assert {job.account_id for job in owed} == {tx.caller.account_id}
    assert {job.args["sha256"]: job.args["config"] for job in owed} == {
        top: {"peft_type": "LORA", "r": 2},
        below: None,
    }


def test_what_was_inspected_is_not_inspected_again(style):
    weights = style.upload(adapter())
    with style.db.write() as session:
        session.add(Inspection(sha256=weights, state="done", inspected_at=now()))
    style.commit({"a.safetensors": weights})
    with style.look() as tx:
        assert jobs.list_jobs(tx.session, kind="inspect") == []


def test_a_commit_asks_few_questions(inside):
    inside.make_repo()
    many = {f"{n % 10}/{n}.txt": b"%d" % n for n in range(300)}
    inside.commit(many)
    weights = inside.upload(adapter())
    with inside.tx() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        changes = [commits.AddFile(path, b"new") for path in many]
        changes.append(commits.AddBlob("a.safetensors", weights))
        with inside.counted() as statements:
            commits.commit(tx, repo, "main", changes, "all")
    # What follows is the library's and the inspections'.
    last = next(n for n, s in enumerate(statements) if s.startswith("UPDATE repositories"))
    assert last < 14, "\n".join(statements[: last + 1])
