"""Large files by git-lfs."""

import pickle

import pytest

from support.inside import adapter, sha256

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


def pointer(data: bytes) -> bytes:
    return POINTER.format(sha256(data), len(data)).encode()


def test_there_and_back(each_crowd):
    """Weights, a picture above the limit of small files, and an empty one beside them."""
    repo = each_crowd.repo()
    clone = each_crowd.machine(each_crowd.alice).clone(repo, "style")
    clone.git("lfs", "track", "*.safetensors", "*.png")
    files = {
        "a/one.safetensors": adapter(1, width=150_000),
        "two.safetensors": adapter(2),
        "two-again.safetensors": adapter(2),
        "grid.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8000,
        "empty.txt": b"",
    }
    clone.commit("Everything", files)
    clone.git("push", "-q", "origin", "HEAD:main")
    clone.git("lfs", "push", "--all", "origin")
    for who in (None, each_crowd.alice):
        other = each_crowd.machine(who).clone(repo, "copy")
        assert {path: other.read(path) for path in files} == files
        assert other.git("lfs", "fsck") == "Git LFS fsck OK"
        other.check()
    bare = each_crowd.machine()
    env = {"GIT_LFS_SKIP_SMUDGE": "1"}
    bare.run(bare.folder, "clone", "-q", bare.address(repo), "x", env=env)
    assert (bare.folder / "x/two.safetensors").read_bytes() == pointer(adapter(2))
    bare.run(bare.folder / "x", "lfs", "pull", "--include=two.safetensors")
    assert (bare.folder / "x/two.safetensors").read_bytes() == adapter(2)
    resolved = each_crowd.alice.get(f"/{repo}/resolve/main/two.safetensors")
    if resolved.status == 200:
        assert resolved.body == adapter(2)
    else:
        resolved.expect(302)  # to S3


def test_what_the_api_published_is_not_sent_again(crowd, repo):
    weights = adapter(3)
    crowd.alice.publish(repo, {"three.safetensors": weights})
    clone = crowd.machine(crowd.alice).clone(repo, "style")
    clone.git("mv", "three.safetensors", "renamed.safetensors")
    clone.commit("Rename it")
    said = clone.ask("push", "--progress")
    assert said.code == 0, said.err
    files = crowd.alice.get(f"repos/{repo}/manifest/main").json()["files"]
    assert [f["path"] for f in files if f["large"]] == ["renamed.safetensors"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("p.bin", pickle.dumps({"w": [1.5] * 9}), "This is a pickle"),
        ("cut.safetensors", adapter(4)[:-5], "The file was cut off"),
    ],
)
def test_bad_files_are_refused_by_git_lfs(crowd, clone, repo, name, content, says):
    clone.git("lfs", "track", name)
    clone.commit("Add it", {name: content})
    said = clone.refused("push")
    assert f"{sha256(content)[:10]}: " in said
    assert says in said
    # And again, when only the pointer is sent.
    said = clone.refused("push", "--no-verify")
    assert f"{name}: " in said
    assert says in said
    assert crowd.alice.get(f"repos/{repo}").json()["revision"] == clone.git("rev-parse", "HEAD~1")


def test_names_promise_what_is_inside(clone):
    """The bytes are known to be harmless; the name says that they are something else."""
    clone.git("lfs", "track", "*.pt", "*.safetensors")
    clone.commit("Track them")
    clone.commit("Add it", {"x.pt": adapter(5)})
    assert "rename the file to end in .safetensors" in clone.refused("push")
    clone.git("reset", "-q", "--hard", "HEAD~1")
    clone.commit("Add it", {"x.safetensors": b"just text" * 20})
    said = clone.refused("push")
    assert "x.safetensors" in said
    assert "not verified as weights" in said


def test_knowing_a_hash_gives_nothing(crowd, repo):
    secret = adapter(6)
    crowd.repo({"secret.safetensors": secret}, private=True)
    crowd.bob.post("repos", json={"name": "thief"}).expect(201, 409)
    clone = crowd.machine(crowd.bob).new("thief", "bob/thief")
    clone.commit_raw("Mine", {"README.md": b"# Mine\n", "x.safetensors": pointer(secret)})
    assert "is not here" in clone.refused("push", "--no-verify", "origin", "main")
    clone.git("rm", "-q", "--cached", "x.safetensors")
    wrong = pointer(adapter(7)).replace(b"size ", b"size 9")
    crowd.bob.publish("bob/thief", {"y.safetensors": adapter(7)})
    clone.git("fetch", "-q", "origin")
    clone.git("reset", "-q", "--hard", "origin/main")
    clone.commit_raw("Wrong size", {"y.safetensors": wrong})
    assert f"the file has {len(adapter(7))} bytes" in clone.refused(
        "push", "--no-verify", "origin", "main"
    )


def test_readers_can_not_send(crowd, repo):
    clone = crowd.machine(crowd.bob).clone(repo, "style")
    clone.git("lfs", "track", "*.safetensors")
    clone.commit("Mine", {"x.safetensors": adapter(8)})
    said = clone.ask("lfs", "push", "origin", "main")
    assert said.code != 0
    assert "Only its owner may change this repository" in said.err


def test_locks_are_not_offered(clone):
    clone.git("lfs", "track", "--lockable", "*.png")
    clone.commit("One", {"a.png": b"\x89PNG\r\n\x1a\n"})
    assert "This hub has no file locks" in clone.refused("lfs", "lock", "a.png")
    assert "This hub has no file locks" in clone.refused("lfs", "locks")
    said = clone.ask("push")
    assert said.code == 0, said.err
