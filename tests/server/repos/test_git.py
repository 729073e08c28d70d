"""The rows are a git repository: git itself reads it, and would have written the same."""

import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorahub_server.repos import attributes, objects, refs
from lorahub_server.repos import service as repos
from lorahub_server.repos.objects import Item, tree_object
from support import programs
from support.git import Git
from support.inside import adapter

_AWKWARD = ["a b.bin2", "[x]*?.png", "über/ñ.png", '"q".png', "#c.png", "!n.png", "a/.b/c d/e.png"]


def repo_id(inside) -> int:
    with inside.look() as tx:
        return repos.get_repo(tx, "alice", "style").id


def test_git_reads_what_was_committed(inside, tmp_path):
    inside.make_repo()
    weights = inside.upload(adapter())
    inside.commit({"README.md": b"# hi\n", "unet/a.safetensors": weights}, message="First\n\nYes.")
    inside.commit({"b/c/d": b"deep", "b-c": b"sorts before b/", "b0": b"after"}, message="Zweite ü")
    last = inside.commit({"README.md": None})
    with inside.tx() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        refs.create_tag(tx, repo, "v1", "main")
        refs.create_tag(tx, repo, "v1-notes", "main~0"[:4], "What is new")
        refs.create_branch(tx, repo, "feature/x", last.parent or "")
    git = Git(tmp_path / "git").take(inside.db, repo_id(inside))
    git.check()
    clone = Git(tmp_path / "clone", clone_of=git.folder)
    assert (
        clone.run("log", "--format=%s|%an|%ae|%ai")
        .splitlines()[1]
        .startswith("Zweite ü|alice|alice@users.noreply.lorahub|20")
    )
    assert clone.run("log", "-1", "--format=%B", "HEAD~2").strip() == "First\n\nYes."
    assert clone.run("ls-files").splitlines() == [
        ".gitattributes", "b-c", "b/c/d", "b0", "unet/a.safetensors",
    ]  # fmt: skip
    assert (clone.folder / "unet/a.safetensors").read_text() == (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{weights}\nsize {len(adapter())}\n"
    )
    assert clone.run("rev-parse", "HEAD").strip() == last.revision
    assert clone.run("rev-parse", "v1-notes^{commit}").strip() == last.revision
    assert clone.run("tag", "-n1", "-l", "v1-notes").split(None, 1)[1].strip() == "What is new"
    assert clone.run("status", "--porcelain") == ""
    assert clone.run("rev-parse", "origin/feature/x").strip() == last.parent


def test_git_would_have_made_the_same_commit(inside, tmp_path):
    """The same files in a real work tree give the same tree."""
    inside.make_repo()
    files = {"z": b"1", "a/b": b"2", "a.b": b"3", "a-b": b"4", "a/c/d": b"5", "ä": b"6"}
    inside.commit(files)
    inside.commit({"a/b": None, "new/er": b"7"})
    git = Git(tmp_path / "git").take(inside.db, repo_id(inside))
    other = Git(tmp_path / "other")
    for path, data in {**files, "new/er": b"7"}.items():
        if path != "a/b":
            target = other.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    other.run("add", ".")
    assert other.run("write-tree") == git.run("rev-parse", "main^{tree}")


def test_a_program_stays_one(small, tmp_path):
    """Modes come with pushes of git; a file that is written anew keeps its own."""
    small.make_repo()
    small.commit({"run.sh": b"1", "other": b"x"})
    with small.db.write() as session:
        row = session.query(objects_table()).filter_by(kind="tree").one()
        row.data = row.data.replace(b"100644 run.sh", b"100755 run.sh")
    small.commit({"run.sh": b"2", "run.new": b"3"})
    git = Git(tmp_path / "git")
    with small.db.read() as session:
        for row in session.query(objects_table()):
            git.add_object(row.kind, row.data)
    with small.look() as tx:
        oid = refs.resolve(tx, repos.get_repo(tx, "alice", "style"), "main")
    lines = git.run("ls-tree", "-r", f"{oid}^{{tree}}").splitlines()
    assert {line.split("\t")[1]: line.split()[0] for line in lines} == {
        "run.sh": "100755",
        "run.new": "100644",
        "other": "100644",
    }


def objects_table():
    from lorahub_server.repos.tables import GitObject

    return GitObject


_name = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=8
).filter(lambda name: name not in {".", ".."} and not name.casefold().startswith((".git", "git~")))
_items = st.dictionaries(
    _name,
    st.sampled_from([objects.FILE, objects.PROGRAM, objects.FOLDER, stat.S_IFLNK]),
    max_size=12,
)


@pytest.fixture(scope="module")
def empty_git(tmp_path_factory) -> Git:
    return Git(tmp_path_factory.mktemp("mktree"))


@given(items=_items)
@settings(max_examples=60, deadline=None)
def test_trees_are_those_of_git(empty_git, items):
    oid = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    made = tree_object({name: Item(mode, oid) for name, mode in items.items()})
    kinds = {objects.FOLDER: "tree"}
    lines = [
        f"{mode:06o} {kinds.get(mode, 'blob')} {oid}\t{name}\0" for name, mode in items.items()
    ]
    wanted = empty_git.run("mktree", "--missing", "-z", stdin="".join(lines).encode())
    assert made.oid == wanted.strip()
    assert objects.read_tree(made.data) == {n: Item(m, oid) for n, m in items.items()}


def is_lfs_for_git(text: str, paths: list[str]) -> dict[str, bool]:
    with tempfile.TemporaryDirectory() as folder:
        git = Git(Path(folder))
        (git.folder / ".gitattributes").write_text(text)
        said = git.run("check-attr", "-z", "filter", "--", *paths).split("\0")
    return {said[n]: said[n + 2] == "lfs" for n in range(0, len(said) - 1, 3)}


@pytest.mark.parametrize(
    "before",
    [
        "",
        "*.png filter=lfs",
        "# nothing\n\n*.txt text\n*.png -filter\n",
        '"a b.bin2" filter=lfs diff=lfs merge=lfs -text\n*.safetensors filter=lfs',
        "/über/* filter=lfs\n/über/x.png filter=other\n**/e.png filter=lfs\n",
        "[attr]big filter=lfs\n*.png big\n",
        "! filter=lfs\n*.png filter=lfs\n" + "x" * 3000 + " filter=lfs\n",
    ],
)
def test_git_sees_the_same_large_files(before):
    large = dict.fromkeys([*_AWKWARD, "a.safetensors", "x/y.sft", "big.txt"], True)
    small = dict.fromkeys(["small.png", "über/x.png", "a b.txt", "[y].png", "README.md"], False)
    after = attributes.amended(before, {**large, **small})
    assert is_lfs_for_git(after, [*large, *small]) == {**large, **small}
    known = attributes.Attributes(after)
    assert all(known.is_lfs(path) == wanted for path, wanted in {**large, **small}.items())
    assert attributes.amended(after, {**large, **small}) == after


_pattern = st.text(st.sampled_from('ab*?[]/.\\! "-'), min_size=1, max_size=8)
_path = st.text(st.sampled_from("ab/.[]-!"), min_size=1, max_size=8).filter(
    lambda path: not path.startswith(("/", ".")) and "//" not in path and not path.endswith("/")
    and not set(path.split("/")) & {".", ".."}
)  # fmt: skip


@given(patterns=st.lists(_pattern, max_size=4), paths=st.lists(_path, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_we_never_take_a_large_file_for_matched_that_git_does_not(patterns, paths):
    text = "".join(
        f"{pattern} filter={'lfs' if n % 2 == 0 else 'no'}\n" for n, pattern in enumerate(patterns)
    )
    after = attributes.amended(text, dict.fromkeys(paths, True))
    assert all(is_lfs_for_git(after, paths).values())


def test_git_lfs_takes_over_a_clone(small, tmp_path):
    """With the bytes at hand, `git lfs` finds nothing to mend."""
    programs.need("git-lfs", package="git-lfs")
    small.make_repo()
    picture = small.upload(b"\x89PNG\r\n\x1a\n" + bytes(2_000_000), "big one.png")
    small.commit(
        {
            "a.safetensors": small.upload(adapter()),
            "big one.png": picture,
            "small.png": b"\x89PNG\r\n\x1a\nsmall",
            ".gitattributes": b"*.png filter=lfs diff=lfs merge=lfs -text\n",
        }
    )
    git = Git(tmp_path / "git").take(small.db, repo_id(small))
    clone = Git(tmp_path / "clone", clone_of=git.folder)
    names = clone.run("lfs", "ls-files", "--name-only").splitlines()
    assert names == ["a.safetensors", "big one.png"]
    assert "pointer" not in clone.run("lfs", "fsck", "--pointers", "HEAD").replace(
        "Git LFS fsck OK", ""
    )
