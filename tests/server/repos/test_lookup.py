"""One file of a revision in two statements, also where the quick way is led astray."""

import pytest

from lorahub_server.repos import blame, kept, lookup, refs, squash
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import EntryNotFound, RevisionNotFound
from support.inside import Inside, adapter, sha256

FILES = {
    "a.txt": b"1",
    "a/x.txt": b"2",
    "a/b/c/d/e/f/g.txt": b"3",
    "ü/é.txt": b"5",
    # The end of one name is another name, and so is what stands before it in a tree.
    "my a.txt": b"evil",
    "1 100644 a.txt": b"evil",
    "1 40000 a": b"evil",
    "a/100644 x.txt": b"evil",
}


@pytest.fixture
def hub(inside) -> Inside:
    inside.make_repo()
    inside.commit({**FILES, "a/w.safetensors": inside.upload(adapter())})
    return inside


def find(hub: Inside, path: str, revision: str = "main", **more):
    with hub.look(None) as tx:
        repo = repos.get_repo(tx, "alice", "style")
        with hub.counted() as statements:
            found = lookup.find(tx, repo, revision, path, **more)
        return found, len(statements)


@pytest.mark.parametrize("path", [*FILES, "a/w.safetensors"])
def test_every_file_is_found(hub, path):
    head = find(hub, "a.txt")[0].commit
    for revision in ("main", head, head[:7], "HEAD", "refs/heads/main"):
        kept.clear()
        for with_content in (True, False, True):
            found, _ = find(hub, path, revision, with_content=with_content)
            assert (found.commit, found.entry.path) == (head, path)
            if path == "a/w.safetensors":
                assert found.entry.sha256 == sha256(adapter())
                assert found.content is None
            else:
                assert found.entry.sha256 == sha256(FILES[path])
                assert found.content == (FILES[path] if with_content else None) or not with_content


@pytest.mark.parametrize(
    "path",
    ["", "b", "A.txt", "a/", "/a", "a//b", "a", "a/b", "a.txt/x", ".", "a\0", "\ud800", "txt",
     "x.txt", "100644 a.txt", "a/b/c/d/e/f/g", "a/b/c/d/e/f/g.txt/h", "/".join("a" * 31)],
)  # fmt: skip
def test_what_is_not_there_is_not_found(hub, path):
    for _ in range(2):
        with pytest.raises(EntryNotFound) as caught:
            find(hub, path)
        assert caught.value.details["revision"] == find(hub, "a.txt")[0].commit
        kept.clear()


def test_it_takes_two_statements(hub):
    for path in ("my a.txt", "ü/é.txt"):
        kept.clear()
        assert [find(hub, path, with_content=True)[1] for _ in range(2)] == [2, 2]
    # One more where the database was led astray, and only until the tree is at hand.
    kept.clear()
    assert [find(hub, "a.txt", with_content=True)[1] for _ in range(2)] == [3, 2]


def test_a_program_is_found_too(hub):
    from lorahub_server.repos import queries_objects, queries_refs
    from lorahub_server.repos.objects import (
        PROGRAM,
        Item,
        Person,
        commit_object,
        file_object,
        tree_object,
    )

    with hub.tx() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        file = file_object(b"#!/bin/sh\n")
        link = file_object(b"run")
        tree = tree_object({"run": Item(PROGRAM, file.oid), "link": Item(0o120000, link.oid)})
        made = commit_object(tree.oid, [], Person("alice"), tx.now, "x\n")
        queries_objects.insert_objects(tx.session, repo.id, [file, link, tree, made])
        queries_objects.insert_commit(
            tx.session,
            {"repo_id": repo.id, "oid": made.oid, "tree_oid": tree.oid, "parent_oid": None,
             "author_id": None, "author_name": "x", "title": "x", "message": "x", "files": 2,
             "created_at": tx.now},
        )  # fmt: skip
        queries_refs.set_ref(
            tx.session, repo.id, "refs/heads/run", oid=made.oid, commit_oid=made.oid, moment=tx.now
        )
    for path, content in (("run", b"#!/bin/sh\n"), ("link", b"run")):
        kept.clear()
        assert find(hub, path, "run", with_content=True)[0].content == content


def test_a_statement_does_not_grow_with_a_path(hub):
    """An address may name thousands of folders."""
    path = "/".join(["a"] * 3900)
    with hub.look(None) as tx:
        repo = repos.get_repo(tx, "alice", "style")
        place = refs.locate(tx, repo, "main")
        kept.clear()
        with hub.counted() as statements:
            lookup.bring_folders(tx, repo, place.tree, path)
            with pytest.raises(EntryNotFound):
                lookup.find(tx, repo, place, path)
        assert max(len(statement) for statement in statements) < 12_000


def test_many_paths_at_once(hub):
    with hub.look(None) as tx:
        repo = repos.get_repo(tx, "alice", "style")
        place = refs.locate(tx, repo, "main")
        kept.clear()
        wanted = [*FILES, "nope", "a", "a/b/c", "", "a/nope/x"]
        with hub.counted() as statements:
            found = lookup.find_many(tx, repo, place.tree, wanted)
        assert set(found) == {*FILES, "a", "a/b/c"}
        assert found["a"].kind == "folder"
        assert len(statements) <= 8


def test_trees_that_are_kept_are_limited(hub, monkeypatch):
    from lorahub_server.kit.kept import Kept

    few = Kept(10, lambda lines: len(lines) + 1)
    monkeypatch.setattr(kept, "_kept", few)
    for path in FILES:
        find(hub, path)
    assert few._total <= 10
    assert find(hub, "a/b/c/d/e/f/g.txt", with_content=True)[0].content == b"3"


def test_who_changed_what_last(hub):
    hub.commit({"a/x.txt": b"new"}, message="second")
    hub.commit({"b.txt": b"new", "a.txt": None}, message="third")
    with hub.look(None) as tx:
        repo = repos.get_repo(tx, "alice", "style")
        head = refs.resolve(tx, repo, "main")
        found = blame.last_changes(tx, repo, head, ["a", "a/x.txt", "a/b", "b.txt", "a.txt", "no"])
        assert {path: commit.title for path, commit in found.items()} == {
            "a": "second", "a/x.txt": "second", "a/b": "change", "b.txt": "third",
        }  # fmt: skip
        assert blame.last_changes(tx, repo, head, []) == {}


def test_it_looks_back_over_many_commits(small):
    small.make_repo()
    small.commit({"old.txt": b"1"}, message="old")
    for number in range(60):
        small.commit({"n.txt": b"%d" % number}, message=f"n {number}")
    with small.look(None) as tx:
        repo = repos.get_repo(tx, "alice", "style")
        with small.counted() as statements:
            found = blame.last_changes(
                tx, repo, refs.resolve(tx, repo, "main"), ["old.txt", "n.txt"]
            )
        assert {path: commit.title for path, commit in found.items()} == {
            "old.txt": "old", "n.txt": "n 59",
        }  # fmt: skip
        assert len(statements) < 30


def test_a_squash_keeps_the_files_alone(hub):
    hub.commit({"b.txt": b"new"}, message="second")
    before = find(hub, "b.txt")[0].commit
    with hub.tx() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        made = squash.squash(tx, repo, "main", "all of it\n\nwhy")
    assert find(hub, "b.txt")[0].commit == made
    assert find(hub, "a/b/c/d/e/f/g.txt", before)[0].commit == before
    with hub.look(None) as tx:
        from lorahub_server.library import service as library
        from lorahub_server.repos import history

        repo = repos.get_repo(tx, "alice", "style")
        (one,) = history.list_commits(tx, repo, made)
        assert (one.title, one.parent, one.files) == ("all of it", None, 11)
        assert library.details(tx, repo).repo.revision == made
    with hub.tx() as tx, pytest.raises(RevisionNotFound):
        squash.squash(tx, repos.get_repo(tx, "alice", "style"), "nope", "x")
