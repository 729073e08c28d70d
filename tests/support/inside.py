"""A hub seen from inside: its services on a real database and store, without doors."""

import hashlib
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lorahub_server.access import Caller, Tx, anonymous, of_account
from lorahub_server.accounts.service import insert_account
from lorahub_server.blobs import uploads
from lorahub_server.config import Settings
from lorahub_server.kit.clock import now
from lorahub_server.kit.db import Database
from lorahub_server.repos import commit as commits
from lorahub_server.repos import service as repos
from lorahub_server.storage import open_store
from support import counting, tables
from support.s3 import KEYS


def adapter(seed: int = 1, rank: int = 2, width: int = 8) -> bytes:
    """A small LoRA that is accepted; another one for each seed."""
    key = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    size = rank * width * 4
    header = {
        "__metadata__": {"seed": str(seed)},
        key.format("A"): {"dtype": "F32", "shape": [rank, width], "data_offsets": [0, size]},
        key.format("B"): {"dtype": "F32", "shape": [width, rank], "data_offsets": [size, 2 * size]},
    }
    text = json.dumps(header).encode()
    values = struct.pack(f"<{2 * rank * width}f", *[seed / 7] * (2 * rank * width))
    return struct.pack("<Q", len(text)) + text + values


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Inside:
    """One hub. Accounts are made when they are first named; `None` is nobody."""

    def __init__(
        self, database_url: str, store_url: str, folder: Path, *, make_tables: bool = True
    ) -> None:
        tables.load_tables()
        self.database_url, self.store_url = database_url, store_url
        self.settings = Settings(
            data=folder, database_url=database_url, store_url=store_url, secret="s" * 32
        )
        if make_tables:
            tables.fill(database_url)
        self.db = Database(database_url)
        self.store = open_store(store_url, KEYS)
        self._callers: dict[str | None, Caller] = {None: anonymous()}

    def close(self) -> None:
        self.db.engine.dispose()

    def caller(self, name: str | None) -> Caller:
        if name not in self._callers:
            assert name is not None
            with self.db.write() as session:
                account = insert_account(session, name, None)
            self._callers[name] = of_account(account)
        return self._callers[name]

    def know(self, caller: Caller) -> None:
        """Let this be the caller of its account's name."""
        self._callers[caller.name] = caller

    @contextmanager
    def tx(self, name: str | None = "alice", **changes: Any) -> Iterator[Tx]:
        """A writing transaction of this account."""
        caller = changes.get("caller") or self.caller(name)
        with self.db.write() as session:
            yield self._tx(session, caller, changes)

    @contextmanager
    def look(self, name: str | None = "alice", **changes: Any) -> Iterator[Tx]:
        """A reading one."""
        caller = changes.get("caller") or self.caller(name)
        with self.db.read() as session:
            yield self._tx(session, caller, changes)

    def _tx(self, session: Any, caller: Caller, changes: dict[str, Any]) -> Tx:
        return Tx(
            session=session,
            caller=caller,
            store=self.store,
            settings=changes.get("settings", self.settings),
            now=changes.get("now") or now(),
            request_id="test",
        )

    def upload(
        self, data: bytes, name: str = "adapter_model.safetensors", who: str = "alice"
    ) -> str:
        """Upload and verify a file; return its SHA-256."""
        with self.tx(who) as tx:
            upload_id = uploads.open_upload(tx, size=len(data), name=name).id
        uploads.append(self.db, self.store, self.caller(who), upload_id, 0, [data] if data else [])
        return uploads.complete(self.db, self.store, self.caller(who), upload_id).sha256

    def make_repo(self, name: str = "style", who: str = "alice", *, private: bool = False) -> None:
        with self.tx(who) as tx:
            repos.create_repo(tx, who, name, private=private)

    def commit(
        self,
        files: dict[str, bytes | str | None],
        name: str = "style",
        who: str = "alice",
        branch: str = "main",
        message: str = "change",
        **more: Any,
    ) -> commits.CommitResult:
        """Commit files by path: bytes as they are, a text is a blob's SHA-256, None deletes."""
        operations: list[commits.Operation] = []
        for path, content in files.items():
            if content is None:
                operations.append(commits.DeletePath(path))
            elif isinstance(content, str):
                operations.append(commits.AddBlob(path, content))
            else:
                operations.append(commits.AddFile(path, content))
        with self.tx(who) as tx:
            repo = repos.get_repo_for_write(tx, who, name)
            return commits.commit(tx, repo, branch, operations, message, **more)

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """Collect the statements that run meanwhile."""
        with counting.counted(self.db.engine) as seen:
            yield seen
