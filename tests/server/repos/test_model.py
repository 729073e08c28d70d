"""Random commits against a model of ten lines, and against the trees that git would write."""

import hashlib
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lorahub_server.repos import history, queries_objects, refs, trees
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import EntryNotFound, PathConflict
from support.git import Git
from support.inside import Inside

_numbers = count()
# Few names, so that commits meet; some clash as file and folder or by case, most don't.
_folders = st.lists(st.sampled_from(["a", "a.b", "a-b", "é"]), max_size=3)
_file = st.sampled_from(["x", "y", "z", "x.a", "x", "y", "z", "X", "a"])
_path = st.tuples(_folders, _file).map(lambda parts: "/".join([*parts[0], parts[1]]))
_added = st.dictionaries(_path, st.sampled_from([b"1", b"2"]), max_size=5)
_Files = dict[str, bytes]


def apply(files: _Files, change: dict[str, bytes | None]) -> _Files | type[Exception]:
    """What a commit should make of the files, or the error that it should raise."""
    after = dict(files)
    for path in sorted(path for path, content in change.items() if content is None):
        gone = [there for there in after if there == path or there.startswith(f"{path}/")]
        if not gone:
            return EntryNotFound
        for there in gone:
            del after[there]
    after.update({path: content for path, content in change.items() if content is not None})
    return after if fits(after) else PathConflict


def fits(files: _Files) -> bool:
    """Tell whether a disk that knows no case could hold them."""
    folders = folders_of(files)
    keys = [path.casefold() for path in {*folders, *files}]
    return not folders & set(files) and len(keys) == len(set(keys))


def tree_of_git(git: Git, files: _Files) -> str:
    lines = []
    for path, content in files.items():
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        lines.append(f"100644 {oid}\t{path}\0")
    git.run("read-tree", "--empty")
    git.run("update-index", "-z", "--index-info", stdin="".join(lines).encode())
    return git.run("write-tree", "--missing-ok").strip()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    made = Inside(f"sqlite:///{folder}/hub.db", f"file://{folder}/objects", folder)
    yield made
    made.close()


@pytest.fixture(scope="module")
def git(tmp_path_factory) -> Git:
    return Git(tmp_path_factory.mktemp("model-git"))


def a_change(data: st.DataObject, files: _Files) -> dict[str, bytes | None]:
    """Files to write, or files and folders to delete (some of them not there), or both."""
    kind = data.draw(st.sampled_from(["add", "delete", "both"]))
    added = {} if kind == "delete" else data.draw(_added)
    deletable = sorted({*folders_of(files), *files}) or ["a"]
    there = st.lists(st.sampled_from(deletable), min_size=1, max_size=2)
    anywhere = st.lists(_path, max_size=1)
    deleted = [] if kind == "add" else data.draw(st.one_of(there, there, anywhere))
    return {**added, **dict.fromkeys(deleted)} or {"a": b"1"}


def folders_of(files: _Files) -> set[str]:
    return {"/".join(path.split("/")[:n]) for path in files for n in range(1, path.count("/") + 1)}


@given(data=st.data())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # What it finds is short enough; making it shorter takes minutes.
    phases=[Phase.reuse, Phase.generate],
)
def test_commits_do_what_the_model_says(hub, git, data):
    name = f"r{next(_numbers)}"
    hub.make_repo(name)
    files: _Files = {}
    head = None
    for _ in range(data.draw(st.integers(2, 6))):
        change = a_change(data, files)
        expected = apply(files, change)
        if isinstance(expected, type):
            with pytest.raises(expected):
                hub.commit(change, name)
            continue
        made = hub.commit(change, name)
        assert made.changed == (head is None or expected != files)
        files, head = expected, made.revision
        with hub.look() as tx:
            repo = repos.get_repo(tx, "alice", name)
            assert refs.head(tx, repo) == head
            row = queries_objects.commit_row(tx.session, repo.id, head)
            assert row is not None
            assert row.tree_oid == tree_of_git(git, files)
            entries = trees.list_entries(tx, repo, head, recursive=True)
            assert trees.read_files(tx, repo, entries) == files
            assert history.get_commit(tx, repo, head).files == len(files)
