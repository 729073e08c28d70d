"""Clones of less than everything."""

import pytest

from support.clones import Clone


@pytest.fixture
def long(clone: Clone) -> Clone:
    """Five commits more, and a side branch that was merged."""
    for number in range(3):
        moment = f"2024-01-0{number + 1}T12:00:00Z"
        dated(clone, f"Change {number}", {f"d/{number}.txt": "x"}, moment)
    clone.git("switch", "-q", "-c", "side", "HEAD~1")
    dated(clone, "Side", {"side.txt": "x"}, "2024-01-04T12:00:00Z")
    clone.git("switch", "-q", "main")
    clone.git("merge", "-q", "-m", "Merge", "side")
    clone.git("tag", "-a", "v1", "-m", "First")
    clone.git("push", "-q", "--follow-tags", "--all")
    clone.git("push", "-q", "--tags")
    return clone


def dated(clone, message, files, moment):
    for path, content in files.items():
        clone.write(path, content)
    clone.git("add", "-A")
    env = {"GIT_COMMITTER_DATE": moment, "GIT_AUTHOR_DATE": moment}
    clone.machine.run(clone.folder, "commit", "-q", "-m", message, env=env)


def titles(clone, *what):
    return clone.git("log", "--format=%s", *what).split("\n")


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        (["--depth=1"], ["Merge"]),
        (["--depth=2"], ["Merge", "Side", "Change 2"]),
        (["--depth=50"], ["Merge", "Side", "Change 2", "Change 1", "Change 0", "Add README.md"]),
        (["--shallow-since=2024-01-02T18:00:00Z"], ["Merge", "Side", "Change 2"]),
        (["--shallow-exclude=older"], ["Merge", "Side", "Change 2"]),
    ],
)
def test_less_history(crowd, long, repo, options, seen):
    long.git("push", "-q", "origin", "main~2:refs/heads/older")
    shallow = crowd.machine().clone(repo, "part", *options)
    assert sorted(titles(shallow)) == sorted(seen)
    assert shallow.head == long.head
    shallow.check()


def test_it_grows(crowd, long, repo):
    shallow = crowd.machine(crowd.alice).clone(repo, "part", "--depth=1", "--no-single-branch")
    assert titles(shallow, "origin/side") == ["Side"]
    for depth, count in ((2, 4), (3, 5)):
        shallow.git("fetch", "-q", f"--depth={depth}")
        assert len(titles(shallow)) == count
        shallow.check()
    crowd.alice.commit(repo, "By the API", {"api.txt": b"1"}).expect(201)
    shallow.git("pull", "-q")
    assert titles(shallow)[0] == "By the API"
    assert len(titles(shallow)) == 6
    shallow.check()
    head = shallow.commit("From a part", {"more.txt": "1"})
    shallow.git("push", "-q")
    shallow.git("fetch", "-q", "--unshallow")
    shallow.check()
    assert len(titles(shallow)) == 8
    long.git("pull", "-q")
    assert long.head == head
    long.check()


def test_it_shrinks(crowd, long, repo):
    whole = crowd.machine().clone(repo, "whole")
    whole.git("fetch", "-q", "--depth=1")
    assert titles(whole) == ["Merge"]
    whole.check()


def test_one_commit_by_its_id(crowd, long, repo):
    """As continuous integration does it."""
    wanted = long.git("rev-parse", "main~1")
    part = crowd.machine().new("part", repo)
    part.git("fetch", "-q", "--depth=1", "origin", wanted)
    part.git("checkout", "-q", "FETCH_HEAD")
    assert part.head == wanted
    part.check()
    said = part.refused("fetch", "origin", "1" * 40)
    assert "no commit or tag 1111" in said


def test_annotated_tags_come_along(crowd, long, repo):
    part = crowd.machine().clone(repo, "part", "--single-branch")
    assert part.git("describe") == "v1"
    tagged = crowd.machine().clone(repo, "tagged", "--depth=1", "--branch=v1")
    assert tagged.git("describe") == "v1"
    tagged.check()
