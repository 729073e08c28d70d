"""Entries, listings and history of a revision, and how many questions they cost."""

import pytest

from lorahub_server.kit.errors import TooLarge
from lorahub_server.repos import draft, history, refs, trees
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import BadCommit, EntryNotFound, RevisionNotFound
from support.inside import Inside, adapter

FILES = {"a.txt": b"1", "a/x.txt": b"2", "a/b/c/d.txt": b"3", "a-b": b"4", "ü/é.txt": b"5"}


class View:
    """A revision of alice/style as a visitor sees it."""

    def __init__(self, inside: Inside, revision: str = "main") -> None:
        self.inside, self.revision = inside, revision

    def __call__(self, what, *arguments, **more):
        with self.inside.look(None) as tx:
            repo = repos.get_repo(tx, "alice", "style")
            oid = refs.resolve(tx, repo, self.revision)
            with self.inside.counted() as statements:
                answer = what(tx, repo, oid, *arguments, **more)
            self.questions = len(statements)
            return answer


@pytest.fixture
def view(inside) -> View:
    inside.make_repo()
    inside.commit({**FILES, "w.safetensors": inside.upload(adapter())})
    return View(inside)


def test_entries_are_found_by_path(view):
    entry = view(trees.get_entry, "a/b/c/d.txt")
    assert (entry.kind, entry.size, entry.large, entry.name) == ("file", 1, False, "d.txt")
    assert view.questions <= 5
    folder = view(trees.get_entry, "a/b")
    assert (folder.kind, folder.size, folder.sha256, folder.path) == ("folder", 0, None, "a/b")
    assert view(trees.get_entry, "").kind == "folder"
    assert view(trees.get_entry, "a.txt").is_file
    assert view.questions == 1
    assert view(trees.find_file, "a") is None
    assert view(trees.find_file, "a.txt") == view(trees.get_entry, "a.txt")


@pytest.mark.parametrize(
    "path", ["b", "A.txt", "a/", "/a", "a//b", "a/../a", "a.txt/x", ".", "a\0", "\ud800", "a/b/c/d"]
)
def test_what_is_not_there_is_not_found(view, path):
    with pytest.raises(EntryNotFound):
        view(trees.get_entry, path)
    assert view(trees.find_file, path) is None
    with pytest.raises(EntryNotFound):
        view(trees.list_entries, path)


def test_a_listing_is_sorted_and_shows_folders(view):
    found = view(trees.list_entries)
    assert [(entry.path, entry.kind) for entry in found] == [
        (".gitattributes", "file"),
        ("a", "folder"),
        ("a-b", "file"),
        ("a.txt", "file"),
        ("w.safetensors", "file"),
        ("ü", "folder"),
    ]
    assert view.questions == 1
    assert [entry.path for entry in view(trees.list_entries, "a")] == ["a/b", "a/x.txt"]
    with pytest.raises(EntryNotFound):
        view(trees.list_entries, "a.txt")


def test_a_deep_listing_has_files_only(view):
    found = view(trees.list_entries, recursive=True)
    assert [entry.path for entry in found] == sorted([*FILES, ".gitattributes", "w.safetensors"])
    assert {entry.large for entry in found if entry.path != "w.safetensors"} == {False}
    below = view(trees.list_entries, "a/b", recursive=True)
    assert [entry.path for entry in below] == ["a/b/c/d.txt"]


def test_small_files_are_read_in_one_go(view):
    entries = [e for e in view(trees.list_entries, recursive=True) if not e.large]
    read = view(lambda tx, repo, _: trees.read_files(tx, repo, entries))
    assert {path: read[path] for path in FILES} == FILES
    assert view.questions == 1
    large = view(trees.get_entry, "w.safetensors")
    with pytest.raises(ValueError, match="small"):
        view(lambda tx, repo, _: trees.read_file(tx, repo, large))


def test_a_commit_of_another_repository_shows_nothing(inside, view):
    inside.make_repo("other", "bob")
    foreign = inside.commit({"x": b"x"}, "other", "bob").revision
    for what in (trees.get_entry, trees.list_entries):
        with pytest.raises(RevisionNotFound):
            view(lambda tx, repo, _, what=what: what(tx, repo, foreign, "x"))
    with pytest.raises(RevisionNotFound):
        view(lambda tx, repo, _: history.get_commit(tx, repo, foreign))


def test_ten_thousand_files_cost_few_questions(inside):
    inside.make_repo()
    for part in range(10):
        inside.commit({f"{part}/{n % 7}/{n}.txt": b"%d %d" % (part, n) for n in range(1000)})
    view = View(inside)
    found = view(trees.list_entries, recursive=True)
    assert len(found) == 10_000
    assert view.questions <= 6
    assert len(view(trees.list_entries, "3/4")) == 143
    assert view.questions <= 5
    with pytest.raises(BadCommit, match="10000 files"):
        inside.commit({"one more": b""})
    inside.commit({"0/0/0.txt": None, "one more": b""})
    with inside.counted() as statements:
        inside.commit({"3": None})
    assert len(statements) < 50
    assert max(len(statement) for statement in statements) < 4000
    info = view(history.get_commit)
    assert info.files == 9000


def test_a_bomb_of_equal_folders_is_not_unfolded(small, monkeypatch):
    """A few trees that name each other ten times stand for a million files."""
    small.make_repo()
    small.commit({"x": b"x"})
    with small.tx() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        from lorahub_server.repos.objects import FILE, FOLDER, Item, tree_object
        from lorahub_server.repos.queries_objects import insert_objects

        oid = trees.get_entry(tx, repo, refs.resolve(tx, repo, "main"), "x").oid
        made = [tree_object({str(n): Item(FILE, oid) for n in range(10)})]
        for _ in range(5):
            made.append(tree_object({str(n): Item(FOLDER, made[-1].oid) for n in range(10)}))
        insert_objects(tx.session, repo.id, made)
        with pytest.raises(TooLarge):
            trees.walk(tx, repo, {"": made[-1].oid})


def test_history_is_in_pages(inside):
    inside.make_repo()
    made = [inside.commit({"a": b"%d" % n}, message=f"number {n}").revision for n in range(7)]
    view = View(inside)
    first = view(history.list_commits, limit=3)
    assert view.questions == 1
    assert [info.oid for info in first] == made[:3:-1]
    inside.commit({"a": b"later"})  # does not move the pages that were begun
    with inside.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        second = history.list_commits(tx, repo, made[-1], limit=3, after=first[-1].oid)
        third = history.list_commits(tx, repo, made[-1], limit=3, after=second[-1].oid)
        end = history.list_commits(tx, repo, made[-1], limit=3, after=third[-1].oid)
        with pytest.raises(RevisionNotFound):
            history.list_commits(tx, repo, made[-1], after="0" * 40)
    assert [info.oid for info in [*second, *third]] == made[3::-1]
    assert third[-1].parent is None
    assert end == []


def test_a_draft_reads_only_what_it_needs(inside):
    inside.make_repo()
    inside.commit({f"{n}/x/y.txt": b"%d" % n for n in range(50)})
    with inside.tx() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        from lorahub_server.repos.queries_objects import commit_with_root

        found = commit_with_root(tx.session, repo.id, refs.head(tx, repo) or "")
        assert found is not None
        tree = draft.Draft(tx, repo, (found[0].tree_oid, found[1]))
        with inside.counted() as statements:
            tree.open_for(["3/x/y.txt", "4/x/y.txt", "none/at/all"])
        assert len(statements) == 2
        tree.delete("3/x/y.txt")
        oid, new = tree.write()
        assert len(new) == 1
        assert oid != found[0].tree_oid
