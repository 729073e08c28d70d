"""Somebody's machine with Debian's git and git-lfs, and clones on it."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support import programs

CONFIG = """\
[user]
\tname = {name}
\temail = {name}@example.com
[init]
\tdefaultBranch = main
[advice]
\tdetachedHead = false
[credential]
\thelper = store --file={store}
"""


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


class Machine:
    """`token` is in the credential store, as `hf auth login --add-to-git-credential` puts it."""

    def __init__(self, folder: Path, endpoint: str, name: str, token: str | None) -> None:
        self._git = programs.need("git", package="git")
        programs.need("git-lfs", package="git-lfs")
        self.folder = folder
        self.endpoint = endpoint
        folder.mkdir(parents=True)
        store, config = folder / "credentials", folder / "gitconfig"
        if token is not None:
            store.write_text(f"http://hf_user:{token}@{urlsplit(endpoint).netloc}\n")
        config.write_text(CONFIG.format(name=name, store=store))
        hidden = ("GIT_", "HF_", "http_proxy", "https_proxy")
        self._env = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
        self._env |= {
            "HOME": str(folder),
            "GIT_CONFIG_GLOBAL": str(config),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "LC_ALL": "C.UTF-8",
        }
        self.run(folder, "lfs", "install", "--skip-repo")

    def ask(
        self,
        where: Path,
        *arguments: str,
        env: dict[str, str] | None = None,
        given: bytes = b"",
    ) -> Said:
        """Run git and tell what came of it, well or not."""
        done = subprocess.run(
            [str(self._git), *arguments],
            cwd=where,
            env={**self._env, **(env or {})},
            input=given,
            capture_output=True,
            check=False,
            timeout=120,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    def run(self, where: Path, *arguments: str, **more: Any) -> str:
        said = self.ask(where, *arguments, **more)
        assert said.code == 0, f"git {arguments}: {said.out}{said.err}"
        return said.out.strip()

    def bytes(self, where: Path, *arguments: str, given: bytes) -> bytes:
        """Run git on something and return what it makes of it."""
        done = subprocess.run(
            [str(self._git), *arguments],
            cwd=where,
            env=self._env,
            input=given,
            capture_output=True,
            check=True,
            timeout=120,
        )
        return done.stdout

    def start(self, where: Path, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [str(self._git), *arguments],
            cwd=where,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def address(self, repo: str) -> str:
        return f"{self.endpoint}/{repo}"

    def clone(self, repo: str, name: str, *options: str) -> "Clone":
        self.run(self.folder, "clone", "-q", *options, self.address(repo), name)
        return Clone(self, self.folder / name)

    def new(self, name: str, repo: str) -> "Clone":
        """An empty folder under git, with the hub's repository as `origin`."""
        self.run(self.folder, "init", "-q", name)
        clone = Clone(self, self.folder / name)
        clone.git("remote", "add", "origin", self.address(repo))
        return clone


@dataclass(frozen=True)
class Clone:
    machine: Machine
    folder: Path

    def git(self, *arguments: str) -> str:
        return self.machine.run(self.folder, *arguments)

    def ask(self, *arguments: str) -> Said:
        return self.machine.ask(self.folder, *arguments)

    def refused(self, *arguments: str) -> str:
        """Run git, which has to fail; return what the person sees, on one line."""
        said = self.ask(*arguments)
        assert said.code != 0, said.out + said.err
        return " ".join(said.err.split())

    def write(self, path: str, content: bytes | str) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def commit(self, message: str, files: dict[str, bytes | str] | None = None) -> str:
        """Write files, commit everything; return the commit's id."""
        for path, content in (files or {}).items():
            self.write(path, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head

    def commit_raw(self, message: str, files: dict[str, bytes]) -> str:
        """Commit files as they are, past git-lfs."""
        for path, content in files.items():
            oid = self.git("hash-object", "-w", "--no-filters", str(self.write(path, content)))
            self.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{path}")
        self.git("commit", "-q", "-m", message)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def read(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    def check(self) -> None:
        """Fail unless git finds every object sound and complete, and nothing is changed."""
        said = self.ask("fsck", "--full", "--strict")
        assert said.code == 0, said.err
        assert "error" not in said.err + said.out
        assert "missing" not in said.err + said.out
        assert self.git("status", "--porcelain") == ""
