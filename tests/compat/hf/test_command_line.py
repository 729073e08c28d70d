"""The `hf` command of each version, as people type it."""

from pathlib import Path

import pytest

from support import hf
from support.hf_clients import Shell
from support.inside import adapter

pytestmark = pytest.mark.slow

KINDS = ["0.36", "1.19", "1.x-xet", "2.4-xet"]
NEWER = ["1.19", "1.x-xet", "2.4-xet"]


@pytest.fixture
def start(make_client, crowd, alice):
    """Start a shell with a folder to send."""

    def do(kind: str, command: str = "hf") -> Shell:
        client = make_client(kind, crowd.endpoint, alice.token)
        (client.home / "folder" / "d").mkdir(parents=True)
        (client.home / "folder" / "w.safetensors").write_bytes(adapter(1))
        (client.home / "folder" / "d" / "notes.txt").write_text("notes")
        return Shell(client, command)

    return do


def files(crowd, name: str, revision: str = "main") -> list[str]:
    listed = crowd.anonymous.get(f"repos/{name}/tree/{revision}?recursive=1").expect(200).json()
    return [item["path"] for item in listed["items"] if item["kind"] == "file"][1:]


@pytest.mark.parametrize("kind", KINDS)
def test_up_and_down(start, crowd, name, kind) -> None:
    shell = start(kind)
    home = shell.client.home
    repo = "repos" if kind.startswith("2.") else "repo"
    assert "alice" in shell("auth", "whoami")
    shell(repo, "create", name)
    shell("upload", name, "folder", ".", "--commit-message", "By hand")
    shell("upload", name, "folder/d/notes.txt", "more.txt")
    assert files(crowd, name) == ["d/notes.txt", "more.txt", "w.safetensors"]
    shell("upload", name, "folder", ".", "--delete", "more*", "--exclude", "*.safetensors")
    assert files(crowd, name) == ["d/notes.txt", "w.safetensors"]
    shell("download", name, "--local-dir", "got", "--include", "*.safetensors")
    assert (home / "got" / "w.safetensors").read_bytes() == adapter(1)
    assert not (home / "got" / "d").exists()
    path = shell("download", name, "d/notes.txt", "--quiet").strip().splitlines()[-1]
    path = path.removeprefix("path=").removeprefix("path: ").strip()
    assert Path(path).read_text() == "notes"
    shell(repo, "tag", "create", name, "v1", "-m", "The first")
    assert "v1" in shell(repo, "tag", "list", name)
    assert crowd.anonymous.get(hf.model(name, "refs")).json()["tags"][0]["name"] == "v1"
    if not kind.startswith("2."):
        (home / "more").mkdir()
        (home / "more" / "x.txt").write_text("x")
        shell("upload-large-folder", name, "more", "--repo-type", "model", "--no-bars")
        assert "x.txt" in files(crowd, name)
    if kind == "0.36":
        shell("repo-files", "delete", name, "d/*")
        assert name in shell("cache", "scan")
    else:
        shell("repos", "delete-files", name, "d/*")
    assert "d/notes.txt" not in files(crowd, name)
    said = shell("download", f"{name}-not", "x", code=1)
    assert "not found" in said.lower()


@pytest.mark.parametrize("kind", NEWER)
def test_repositories(start, crowd, alice, name, kind) -> None:
    shell = start(kind)
    shell("upload", name, "folder", ".", "--commit-message", "It makes the repository")
    hf.commit(alice, name, hf.add("README.md", b"---\nlicense: mit\n---\n# Mine\n")).expect(200)
    shell("repos", "branch", "create", name, "side/x")
    shell("upload", name, "folder/d/notes.txt", "side.txt", "--revision", "side/x")
    assert "side.txt" in files(crowd, name, "side%2Fx")
    shell("repos", "branch", "delete", name, "side/x")
    shell("repos", "tag", "create", name, "v1")
    shell("repos", "tag", "delete", name, "v1", "--yes")
    words = ["--author", "alice", "--search", name.split("/")[1], "--format", "json"]
    assert name in shell("models", "ls", *words)
    assert "w.safetensors" in shell("models", "ls", name, "-R")
    assert name in shell("models", "info", name, "--format", "json")
    assert "# Mine" in shell("models", "card", name)
    assert name in shell("repos", "ls", "--search", name.split("/")[1], "--format", "json")
    shell("download", name)
    assert name in shell("cache", "ls")
    shell("cache", "verify", name)
    shell("cache", "rm", f"model/{name}", "--yes")
    shell("cp", f"hf://{name}/d/notes.txt", "copied.txt")
    assert (shell.client.home / "copied.txt").read_text() == "notes"
    shell("repos", "settings", name, "--private")
    crowd.anonymous.get(f"repos/{name}").expect(404)
    if kind == "1.19":  # it has no word for it
        alice.put(hf.model(name, "settings"), json={"private": False}).expect(200)
    else:
        shell("repos", "settings", name, "--public")
    shell("repos", "move", name, f"{name}-moved")
    crowd.anonymous.get(f"repos/{name}-moved").expect(200)
    shell("repos", "delete", f"{name}-moved", "--yes")
    crowd.anonymous.get(f"repos/{name}-moved").expect(404, 410)


def test_the_older_command(start, crowd, name) -> None:
    shell = start("0.36", "huggingface-cli")
    assert "alice" in shell("whoami")
    shell("repo", "create", name.split("/")[1], "-y")
    shell("upload", name, "folder", ".")
    assert files(crowd, name) == ["d/notes.txt", "w.safetensors"]
    shell("download", name, "w.safetensors", "--local-dir", "got")
    assert (shell.client.home / "got" / "w.safetensors").read_bytes() == adapter(1)
    shell("repo-files", name, "delete", "d/*")
    assert files(crowd, name) == ["w.safetensors"]
