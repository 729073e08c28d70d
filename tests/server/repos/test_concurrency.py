"""Commits at once: one wins, the rest hear of it or land on top; nobody sees half of one."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lorahub_server.access.errors import RepoGone, RepoNotFound
from lorahub_server.jobs import registry
from lorahub_server.jobs.runner import Outcome, Runtime, run
from lorahub_server.library.service import refresh_for_blob
from lorahub_server.repos import commit as commits
from lorahub_server.repos import history, refs, trees
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import NameUsed, RefExists, RepoExists, RepoMoved, StaleParent
from lorahub_server.repos.tables import FormerRepoName, GitObject, Repository
from support.git import Git
from support.inside import Inside, adapter
from support.source import ROOT


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


def line(inside: Inside, branch: str = "main") -> list[history.CommitInfo]:
    """The history of a branch, newest first."""
    with inside.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        return list(history.list_commits(tx, repo, refs.resolve(tx, repo, branch), limit=100))


def paths(inside: Inside) -> set[str]:
    with inside.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        found = trees.list_entries(tx, repo, refs.resolve(tx, repo, "main"), recursive=True)
        return {entry.path for entry in found}


def test_of_many_commits_on_one_parent_one_wins(inside):
    inside.make_repo()
    first = inside.commit({"a": b"0"}).revision
    results = at_once([lambda n=n: inside.commit({f"f{n}": b"x"}, parent=first) for n in range(8)])
    won = [result for result in results if isinstance(result, commits.CommitResult)]
    lost = [result for result in results if isinstance(result, StaleParent)]
    assert (len(won), len(lost)) == (1, 7)
    assert {error.details["head"] for error in lost} == {won[0].revision}
    assert [info.oid for info in line(inside)] == [won[0].revision, first]


def test_commits_without_a_parent_land_on_top_of_each_other(inside):
    inside.make_repo()
    results = at_once([lambda n=n: inside.commit({f"f{n}": b"x"}) for n in range(8)])
    assert all(isinstance(result, commits.CommitResult) for result in results), results
    assert len(line(inside)) == 8
    assert paths(inside) == {f"f{n}" for n in range(8)}


def test_of_many_first_commits_each_is_in_the_line(inside):
    """The branch does not exist yet, so there is no row of it to lock."""
    inside.make_repo()
    results = at_once([lambda n=n: inside.commit({f"f{n}": b"x"}, parent=None) for n in range(4)])
    found = line(inside)
    assert {info.oid for info in found} == {getattr(r, "revision", r) for r in results}
    assert found[-1].parent is None


def test_a_commit_while_a_worker_ends_the_inspection_of_its_file(inside, monkeypatch):
    """Both want the job's row and the library's: whoever has one gets the other."""
    inside.make_repo()
    sha = inside.upload(adapter())
    inside.commit({"a.safetensors": sha})
    runtime = Runtime(inside.db, inside.store)
    holds, commits_now = threading.Event(), threading.Event()

    def effect(session):
        holds.set()
        commits_now.wait(10)
        time.sleep(0.3)
        refresh_for_blob(session, sha)

    def commit():
        holds.wait(10)
        commits_now.set()
        return inside.commit({"b.safetensors": sha})

    inspect = registry.Handler("inspect", lambda ctx, args: effect, "cpu", 1, 60, 60)
    monkeypatch.setitem(registry._handlers, "inspect", inspect)
    ended, made = at_once([lambda: run(runtime, ["cpu"]), commit])
    assert ended is Outcome.DONE
    assert isinstance(made, commits.CommitResult), made


@pytest.mark.parametrize("round_", range(3))
def test_commits_to_repositories_with_the_same_files(inside, round_):
    """They owe the same inspections, and don't wait for each other in a circle."""
    shas = [inside.upload(adapter(n)) for n in range(6)]
    for name in ("one", "two", "three"):
        inside.make_repo(name)

    def publish(name: str, order: list[str]) -> object:
        return inside.commit({f"{n}.safetensors": sha for n, sha in enumerate(order)}, name)

    results = at_once(
        [
            lambda: publish("one", shas),
            lambda: publish("two", shas[::-1]),
            lambda: publish("three", shas[3:] + shas[:3]),
        ]
    )
    assert all(getattr(result, "changed", False) for result in results), results


def test_branches_at_once_are_made_once(inside):
    inside.make_repo()
    inside.commit({"a": b""})

    def make(name: str) -> object:
        with inside.tx() as tx:
            return refs.create_branch(tx, repos.get_repo(tx, "alice", "style"), name, "main")

    results = at_once([lambda n=n: make(n) for n in ("x", "x", "x/y", "X")])
    assert sum(isinstance(result, RefExists) for result in results) == 3
    results = at_once(
        [lambda: inside.commit({"b": b""}, branch="new", parent=line(inside)[0].oid)] * 3
    )
    assert sum(isinstance(result, StaleParent) for result in results) == 2


def test_one_name_at_once_is_one_repository(inside):
    inside.caller("alice")
    results = at_once([lambda n=n: inside.make_repo(n) for n in ("style", "Style", "STYLE")])
    assert sum(isinstance(result, RepoExists) for result in results) == 2


@pytest.mark.parametrize("round_", range(3))
def test_a_name_given_up_is_not_taken_in_the_same_moment(inside, round_):
    inside.make_repo("first")

    def rename() -> None:
        with inside.tx() as tx:
            repos.rename_repo(tx, repos.get_repo(tx, "alice", "first"), "second")

    renamed, made = at_once([rename, lambda: inside.make_repo("first")])
    assert renamed is None
    assert isinstance(made, RepoExists | NameUsed)
    with inside.look() as tx:
        assert tx.session.query(Repository).count() == 1
        assert tx.session.query(FormerRepoName).count() == 1


@pytest.mark.parametrize("round_", range(3))
def test_two_repositories_do_not_get_one_name(inside, round_):
    def rename(name: str) -> None:
        with inside.tx() as tx:
            repos.rename_repo(tx, repos.get_repo(tx, "alice", name), "wanted")

    for name in ("one", "two", "three"):
        inside.make_repo(name)
    results = at_once([lambda n=n: rename(n) for n in ("one", "two", "three")])
    assert sum(isinstance(result, RepoExists) for result in results) == 2, results


@pytest.mark.parametrize("round_", range(3))
def test_a_commit_and_the_deletion_of_its_repository(inside, round_):
    inside.make_repo()
    inside.commit({"a": b"0"})

    def delete() -> None:
        with inside.tx() as tx:
            repos.delete_repo(tx, repos.get_repo(tx, "alice", "style"))

    works = [delete, *[lambda n=n: inside.commit({f"f{n}": b"x"}) for n in range(3)]]
    deleted, *results = at_once(works)
    assert deleted is None
    for result in results:
        assert isinstance(result, commits.CommitResult | RepoGone), result
    with inside.look() as tx:
        assert tx.session.query(GitObject).count() == 0
        with pytest.raises(RepoGone):
            repos.get_repo(tx, "alice", "style")


def test_a_repository_that_goes_out_of_sight_in_a_commit(inside):
    """A reader never gets what was committed after it was made private, nor an error."""
    inside.make_repo()
    inside.commit({"a": b"0"})
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not stop.is_set():
            try:
                with inside.look("bob") as tx:
                    repo = repos.get_repo(tx, "alice", "style")
                    oid = refs.resolve(tx, repo, "main")
                    found = {e.path for e in trees.list_entries(tx, repo, oid)}
                if found != {"a"}:
                    wrong.append(found)
            except (RepoNotFound, RepoMoved):
                continue
            except Exception as error:
                wrong.append(error)

    inside.caller("bob")
    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        with inside.tx() as tx:
            repo = repos.set_private(tx, repos.get_repo(tx, "alice", "style"), True)
            commits.commit(tx, repo, "main", [commits.AddFile("secret", b"s")], "hidden")
        with inside.tx() as tx:
            repo = repos.get_repo(tx, "alice", "style")
            commits.commit(tx, repo, "main", [commits.DeletePath("secret")], "clean")
            repos.set_private(tx, repo, False)
    stop.set()
    reader.join()
    assert wrong == []


def test_a_request_sees_one_state(inside):
    """Who was let in sees what was there then, not what was committed in private since."""
    inside.make_repo()
    before = inside.commit({"a": b"0"}).revision
    with inside.look("bob") as tx:
        repo = repos.get_repo(tx, "alice", "style")
        with inside.tx() as other:
            hidden = repos.set_private(other, repos.get_repo(other, "alice", "style"), True)
            commits.commit(other, hidden, "main", [commits.AddFile("secret", b"s")], "hidden")
        assert refs.resolve(tx, repo, "main") == before


def start(inside: Inside, tmp_path: Path, name: str, count: int) -> "subprocess.Popen[str]":
    script = Path(__file__).with_name("commit_process.py")
    process = subprocess.Popen(
        [sys.executable, script, inside.database_url, inside.store_url, tmp_path, name, str(count)],
        env={"PYTHONPATH": str(ROOT / "tests"), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_that_commit_at_once_lose_nothing(inside, tmp_path):
    """Each reads the head, commits on it and tries again on a conflict; a reader looks on."""
    inside.make_repo()
    inside.caller("bob")
    count = 12
    processes = {name: start(inside, tmp_path, name, count) for name in ("one", "two")}
    for process in processes.values():
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    seen = 0
    while any(process.poll() is None for process in processes.values()):
        with inside.look("bob") as tx:
            repo = repos.get_repo(tx, "alice", "style")
            oid = refs.head(tx, repo)
            if oid is None:
                continue
            info = history.get_commit(tx, repo, oid)
            entries = trees.list_entries(tx, repo, oid, recursive=True)
            assert len(entries) == info.files
            last = trees.read_file(tx, repo, trees.get_entry(tx, repo, oid, "shared.txt")).decode()
            name, number = last.split()
            assert f"{name}/{number}.txt" in {entry.path for entry in entries}
            seen += 1
    made = {name: process.communicate()[0].split() for name, process in processes.items()}
    assert all(process.returncode == 0 for process in processes.values())
    assert seen > 3
    found = [info.oid for info in line(inside)]
    assert sorted(found) == sorted([*made["one"], *made["two"]])
    for oids in made.values():
        assert [oid for oid in reversed(found) if oid in oids] == oids
    wanted = {f"{name}/{n}.txt" for name in made for n in range(count)}
    assert paths(inside) == {*wanted, "shared.txt"}
    git = Git(tmp_path / "git")
    with inside.look() as tx:
        git.take(inside.db, repos.get_repo(tx, "alice", "style").id)
    git.check()
