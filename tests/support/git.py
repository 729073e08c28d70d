"""The git program, and the way from a hub's rows into a repository that it reads."""

import os
import subprocess
import zlib
from hashlib import sha1
from pathlib import Path
from typing import Any

from sqlalchemy import select

from lorahub_server.kit.db import Database
from lorahub_server.repos.tables import GitObject, Ref
from support import programs


class Git:
    """A repository in a folder; commands see no configuration but its own."""

    def __init__(self, folder: Path, *, clone_of: Path | None = None) -> None:
        self._program = programs.need("git", package="git")
        self.folder = folder
        self._env = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        folder.mkdir(parents=True, exist_ok=True)
        if clone_of is None:
            self.run("init", "-q", "-b", "main")
        else:
            self.run("clone", "-q", str(clone_of), ".")

    def run(self, *arguments: str, stdin: bytes | None = None) -> str:
        done = subprocess.run(
            [str(self._program), *arguments],
            cwd=self.folder,
            env=self._env,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
        return done.stdout.decode(errors="surrogateescape")

    def add_object(self, kind: str, data: bytes) -> str:
        """Write a loose object as it is; git checks it when it reads it."""
        whole = f"{kind} {len(data)}\0".encode() + data
        oid = sha1(whole).hexdigest()
        path = self.folder / ".git" / "objects" / oid[:2] / oid[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(whole))
        return oid

    def take(self, db: Database, repo_id: int) -> "Git":
        """Bring everything that the hub has of a repository."""
        with db.read() as session:
            rows: Any = session.execute(
                select(GitObject.oid, GitObject.kind, GitObject.data).where(
                    GitObject.repo_id == repo_id
                )
            ).all()
            refs = session.execute(select(Ref.name, Ref.oid).where(Ref.repo_id == repo_id)).all()
        for oid, kind, data in rows:
            assert self.add_object(kind, data) == oid
        for name, oid in refs:
            self.run("update-ref", name, oid)
        return self

    def check(self) -> None:
        """Fail unless git finds every object sound and complete."""
        said = self.run("fsck", "--full", "--strict", "--no-dangling")
        assert "error" not in said
        assert "missing" not in said
