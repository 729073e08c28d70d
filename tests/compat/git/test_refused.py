"""What is refused, and that the person who pushed is told why."""

import pickle
from collections.abc import Callable

import pytest

from support.clones import Clone
from support.inside import adapter

MIB = 1024 * 1024
BAD_CARD = b"---\ntags: [a\n---\n"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


@pytest.fixture
def stays(crowd, repo) -> Callable[[], None]:
    """Fail unless the repository is as it was."""
    before = crowd.alice.get(f"repos/{repo}/refs").json()

    def check() -> None:
        assert crowd.alice.get(f"repos/{repo}/refs").json() == before
        assert len(crowd.alice.get(f"repos/{repo}/commits/main").json()["items"]) == 1

    return check


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("a/model.pt", pickle.dumps({"w": [1.5] * 9}), "a/model.pt: This is a pickle"),
        ("model.bin", pickle.dumps({"w": [1.5] * 9}), "This is a pickle"),
        ("weights", pickle.dumps({"w": [1.5] * 9}), "This is a pickle"),
        ("big.bin", b"\x80\x02}q\x00." + bytes(2 * MIB), "This is a pickle"),
        ("my.safetensors", adapter(5), 'git lfs migrate import --include="my.safetensors"'),
        ("my.safetensors", adapter(5, width=70_000), "Weights go through git-lfs"),
        ("photo.png", b"\x89PNG" + bytes(MIB), "Files above 1048576 bytes go through git-lfs"),
        ("README.md", BAD_CARD, "not valid YAML"),
        ("adapter_config.json", b"[]", "not a JSON object"),
        ("adapter_config.json", b'{"a": 1}' + b" " * 300_000, "at most 262144 bytes"),
        (".gitattributes", b"\xff\n", "not UTF-8"),
        (".gitmodules", b"", "Submodules are not supported"),
        ("con.txt", b"", "Windows device"),
        ("a/b\\c.txt", b"", "never \\"),
        ("e\u0301.txt", b"", "composed Unicode"),
        ("readme.md", b"x", "one name on many disks"),
        ("my.safetensors", POINTER.format("7" * 64, 5).encode(), "git lfs push --all origin"),
        ("README.md", POINTER.format("7" * 64, 5).encode(), "rides in the commit itself"),
    ],
)
def test_files(clone: Clone, stays, path, content, says):
    clone.commit_raw("Add it", {path: content})
    said = clone.refused("push", "--no-verify")
    assert f"remote: error: commit {clone.head[:10]}" in said or path in {
        "README.md", "adapter_config.json", ".gitattributes",
    }  # fmt: skip
    assert says in said
    assert "[remote rejected] main -> main" in said
    stays()


def test_links_and_submodules(clone: Clone, stays):
    (clone.folder / "link").symlink_to("README.md")
    clone.commit("Link")
    assert "link: Symbolic links are not supported" in clone.refused("push")
    clone.git("reset", "-q", "--hard", "origin/main")
    clone.git("update-index", "--add", "--cacheinfo", f"160000,{clone.head},sub")
    clone.git("commit", "-q", "-m", "Submodule")
    assert "sub: Submodules are not supported" in clone.refused("push")
    stays()


def test_what_an_earlier_commit_has_counts_too(clone: Clone, stays):
    bad = clone.commit_raw("Add it", {"model.pt": pickle.dumps([1.5] * 9)})
    clone.git("rm", "-q", "model.pt")
    clone.git("commit", "-q", "-m", "Remove it")
    said = clone.refused("push")
    assert f"commit {bad[:10]}" in said
    assert "This is a pickle" in said
    stays()


def test_an_earlier_commit_may_have_a_bad_card(crowd, clone: Clone, repo):
    clone.commit("Break it", {"README.md": BAD_CARD, "adapter_config.json": "["})
    clone.commit("Mend it", {"README.md": "# Fine\n", "adapter_config.json": "{}"})
    clone.git("push", "-q")
    assert crowd.alice.get(f"repos/{repo}").json()["title"] == "Fine"


def test_git_lfs_mends_what_was_refused(crowd, clone: Clone, repo):
    """What the sentence says helps."""
    weights = adapter(6)
    clone.commit_raw("Add it", {"my.safetensors": weights})
    assert "git lfs migrate import" in clone.refused("push")
    clone.git("lfs", "migrate", "import", "-y", "--include=my.safetensors")
    clone.git("push", "-q")
    assert crowd.machine().clone(repo, "copy").read("my.safetensors") == weights


def test_two_versions_of_a_large_file(clone: Clone, stays):
    """Git sends the second as a change of the first."""
    content = bytes(range(256)) * 8192
    clone.commit_raw("One", {"a.dat": content})
    clone.commit_raw("Two", {"a.dat": content + b"more"})
    clone.git("gc", "-q")
    assert "a.dat" in clone.refused("push", "--no-verify")
    stays()


def test_a_push_of_nothing_but_a_large_change(crowd, clone: Clone, repo):
    """The base is small and here, and what the change makes is large."""
    line = b"0123456789" * 100
    clone.commit("Small", {"a.txt": line * 1000})
    clone.git("push", "-q")
    clone.commit("Large", {"a.txt": line * 1200})
    assert "git-lfs" in clone.refused("push")
    assert crowd.alice.get(f"repos/{repo}").json()["revision"] == clone.git("rev-parse", "HEAD~1")


def test_too_many_files(clone: Clone, stays):
    empty = clone.git("hash-object", "-w", "--stdin")
    folder = "".join(f"100644 blob {empty}\t{number}\n" for number in range(10_000))
    made = mktree(clone, folder)
    root = mktree(clone, f"040000 tree {made}\td\n100644 blob {empty}\tone-more\n")
    commit = clone.git("commit-tree", "-p", "HEAD", "-m", "Many", root)
    assert "at most 10000 files; this would make 10001" in clone.refused(
        "push", "origin", f"{commit}:main"
    )
    stays()


def test_a_tree_that_grows_without_end(clone: Clone, stays):
    """32 trees that stand for billions of files."""
    tree = clone.git("rev-parse", "HEAD^{tree}")
    for _ in range(31):
        tree = mktree(clone, f"040000 tree {tree}\ta\n040000 tree {tree}\tb\n")
    commit = clone.git("commit-tree", "-p", "HEAD", "-m", "Bomb", tree)
    said = clone.refused("push", "origin", f"{commit}:main")
    assert "at most 10000 files" in said
    deep = clone.git("rev-parse", "HEAD^{tree}")
    for _ in range(40):
        deep = mktree(clone, f"040000 tree {deep}\ta\n")
    commit = clone.git("commit-tree", "-p", "HEAD", "-m", "Deep", deep)
    assert "nested more than 32 deep" in clone.refused("push", "origin", f"{commit}:main")
    stays()


def mktree(clone: Clone, lines: str) -> str:
    return clone.machine.run(clone.folder, "mktree", given=lines.encode())
