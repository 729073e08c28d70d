"""What comes with the client: its file system, its cards, its command line."""

import subprocess
from pathlib import Path

import pytest

from support import hf
from support.hf_clients import Client
from support.inside import adapter


@pytest.fixture(params=["0.36", "1.19", "1.x-xet", "2.4-xet"])
def client(request, make_client, crowd, alice) -> Client:
    return make_client(request.param, crowd.endpoint, alice.token)


def test_files_and_cards(client: Client, name: str) -> None:
    client.run("tools", name)


class Shell:
    """The client's command, as a person types it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __call__(self, *words: object, code: int = 0) -> str:
        command = [self.client.python.with_name("hf"), *(str(word) for word in words)]
        done = subprocess.run(
            command,
            env=self.client.env,
            cwd=self.client.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr


def test_the_command_line(client: Client, name: str, crowd) -> None:
    shell, home = Shell(client), client.home
    assert "alice" in shell("auth", "whoami")
    (home / "folder" / "d").mkdir(parents=True)
    (home / "folder" / "w.safetensors").write_bytes(adapter(1))
    (home / "folder" / "d" / "notes.txt").write_text("notes")
    version = str(client.run("version")["version"])
    repo = "repos" if version.startswith("2.") else "repo"
    shell(repo, "create", name)
    shell("upload", name, "folder", ".", "--commit-message", "By hand")
    shell("upload", name, "folder/d/notes.txt", "more.txt")
    files = crowd.anonymous.get(f"repos/{name}/tree/main?recursive=1").expect(200).json()["items"]
    assert [item["path"] for item in files] == [
        ".gitattributes", "d/notes.txt", "more.txt", "w.safetensors",
    ]  # fmt: skip
    shell("download", name, "--local-dir", "got", "--include", "*.safetensors")
    assert (home / "got" / "w.safetensors").read_bytes() == adapter(1)
    assert not (home / "got" / "more.txt").exists()
    path = shell("download", name, "d/notes.txt", "--quiet").strip().splitlines()[-1]
    path = path.removeprefix("path=").removeprefix("path: ").strip()
    assert Path(path).read_text() == "notes"
    shell(repo, "tag", "create", name, "v1")
    assert "v1" in shell(repo, "tag", "list", name)
    if version != "0.36":
        words = ["--author", "alice", "--search", name.split("/")[1], "--format", "json"]
        assert name in shell("models", "ls", *words)
    said = shell("download", f"{name}-not", "x", code=1)
    assert "not found" in said.lower()
    assert crowd.anonymous.get(hf.model(name, "refs")).json()["tags"][0]["name"] == "v1"


def test_signing_in(client: Client, alice) -> None:
    """The token comes from a file that the client writes, and from no variable."""
    from dataclasses import replace

    shell = Shell(replace(client, token=None))
    shell("auth", "login", "--token", alice.token)
    assert "alice" in shell("auth", "whoami")
    assert "nvalid" in shell("auth", "login", "--token", "hf_wrong", code=1)
