"""The application on a real port, for the real client, with just enough around Xet for it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.routing import Route

from lorahub_server.access import Tx, of_account
from lorahub_server.accounts.service import get_account, insert_account
from lorahub_server.accounts.tokens import create_token
from lorahub_server.app import create_app
from lorahub_server.blobs import service
from lorahub_server.config import Settings
from lorahub_server.doors.deps import Hub
from lorahub_server.doors.hf import xet
from lorahub_server.kit.clock import now
from lorahub_server.repos import service as repos
from lorahub_server.storage.keys import blob_key
from support import programs

# Pythons of environments with other versions of the client, to test with as well.
CLIENTS = [sys.executable, *filter(None, os.environ.get("LORAHUB_TEST_CLIENTS", "").split(":"))]
W = TypeVar("W")

# What `create_commit` does before it commits.
_UPLOAD = """
import json, sys
from huggingface_hub import CommitOperationAdd, HfApi, utils
utils.disable_progress_bars()
endpoint, token, repo, files, options = json.loads(sys.stdin.read())
adds = [CommitOperationAdd(path.rpartition("/")[2], bytes.fromhex(data) if data is not None else path)
        for path, data in files]
HfApi(endpoint, token).preupload_lfs_files(repo, adds, **options)
print(json.dumps([add.upload_info.sha256.hex() for add in adds]))
"""


async def preupload(request: Request) -> JSONResponse:
    files = (await request.json())["files"]
    told = [{"path": file["path"], "uploadMode": "lfs", "shouldIgnore": False} for file in files]
    return JSONResponse({"files": told})


def build(settings: Settings) -> FastAPI:
    app = create_app(settings)
    if not any(getattr(route, "path", "").startswith("/api/xet/") for route in app.routes):
        app.include_router(xet.router)
    path = "/api/models/{owner}/{name}/preupload/{revision:path}"
    app.router.routes.insert(0, Route(path, preupload, methods=["POST"]))
    return app


class Server:
    """Runs in a thread; `hub` is what it works with."""

    def __init__(self, app: FastAPI) -> None:
        self.hub: Hub = app.state.hub
        self._built = app
        self._app: Any = app
        port = programs.free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        config = uvicorn.Config(
            self._serve, host="127.0.0.1", port=port, log_config=None, interface="asgi3"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def start(self) -> "Server":
        self._thread.start()
        programs.wait(lambda: self._server.started, "the server to start")
        return self

    def change(self, **settings: Any) -> None:
        """Let the hub that runs have other settings."""
        changed = self.hub.settings.model_copy(update=settings)
        self._built.state.hub = self.hub = replace(self.hub, settings=changed)

    def wrap(self, wrapper: Callable[[Any], W]) -> W:
        """Put an ASGI application around the one that runs."""
        wrapped = wrapper(self._app)
        self._app = wrapped
        return wrapped

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)

    def make_repo(self, repo: str, *, private: bool = False) -> None:
        owner, name = repo.split("/")
        self.token(owner)
        with self.acting(owner) as tx:
            repos.create_repo(tx, owner, name, private=private)

    def usable(self, sha256: str, who: str = "alice") -> bytes | None:
        """The bytes of a file that the account may commit."""
        with self.acting(who) as tx:
            if service.may_use(tx, sha256) is None:
                return None
        return self.hub.store.read(blob_key(sha256))

    @contextmanager
    def acting(self, name: str) -> Iterator[Tx]:
        hub = self.hub
        with hub.db.write() as session:
            caller = of_account(get_account(session, name))
            yield Tx(session, caller, hub.store, hub.settings, now(), "test")

    def token(self, name: str, *scopes: str) -> str:
        """A token of the account, which is made when it is new."""
        with self.hub.db.write() as session:
            try:
                account = get_account(session, name)
            except Exception:
                account = insert_account(session, name, None)
            return create_token(
                session, self.hub.settings, account, "test", scopes or ("read", "write")
            )[1]


class UploadFailed(Exception):
    pass


def upload(
    endpoint: str,
    token: str,
    repo: str,
    files: Sequence[Path | bytes],
    *,
    home: Path,
    python: str = sys.executable,
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> list[str]:
    """Upload by the client in a process of its own; return the SHA-256s as it knows them."""
    named = [
        (str(file), None) if isinstance(file, Path) else (f"{number}.bin", file.hex())
        for number, file in enumerate(files)
    ]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "LORAHUB_"))}
    done = subprocess.run(
        [python, "-c", _UPLOAD],
        input=json.dumps([endpoint, token, repo, named, options]),
        env={**kept, "HF_HOME": str(home), **(env or {})},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    if done.returncode:
        raise UploadFailed(done.stderr[-4000:])
    return list(json.loads(done.stdout.splitlines()[-1]))
