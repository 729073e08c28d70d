"""Another hub on a port of its own: models from folders, and what it was asked, header by header.

It answers as Hugging Face does: large files redirect to another host, lists come in short pages.
"""

import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from support.hf import git_id

COMMIT = "c0ffee" + "0" * 34
_LARGE = (".safetensors", ".bin")
_PAGE = 2
_FILE = re.compile(r"(?:/(datasets|spaces))?/(.+?)/resolve/([^/]+)/(.+)")
_API = re.compile(
    r"/api/(models|datasets)/([^/]+(?:/[^/]+)??)(?:/(tree|commits|revision|refs|paths-info)(?:/(.*))?)?"
)


@dataclass
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]


@dataclass
class Model:
    files: dict[str, bytes] = field(default_factory=dict)
    gated: bool = False


class OtherHub:
    """`odd` replaces the answer to a path: a status, headers and a body."""

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}
        self.asked: list[Asked] = []
        self.odd: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.delay = 0.0
        self._server = _listen(self, _Handler)
        # Where the bytes of large files are.
        self._store = _listen(self, _Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self.store = f"http://127.0.0.1:{self._store.server_port}"

    def add(self, name: str, files: Mapping[str, bytes], *, gated: bool = False) -> None:
        self.models[name] = Model(dict(files), gated)

    def add_folder(self, name: str, folder: Path) -> None:
        self.add(name, {path.name: path.read_bytes() for path in sorted(folder.iterdir())})

    def seen(self, method: str | None = None) -> list[str]:
        return [one.path for one in self.asked if method in (None, one.method)]

    def told_headers(self) -> set[str]:
        return {name.lower() for one in self.asked for name in one.headers}

    def close(self) -> None:
        for server in (self._server, self._store):
            server.shutdown()
            server.server_close()


def _listen(hub: OtherHub, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.hub = hub
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        hub: OtherHub = self.server.hub
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        hub.asked.append(Asked(self.command, self.path, dict(self.headers.items())))
        time.sleep(hub.delay)
        bare = urlsplit(self.path).path
        if bare in hub.odd:
            self._answer(*hub.odd[bare])
        elif found := _API.fullmatch(bare):
            self._api(hub, *found.groups(), body)
        elif found := _FILE.fullmatch(bare):
            self._file(hub, *found.groups())
        else:
            self._answer(404, {}, b"{}")

    do_HEAD = do_POST = do_GET

    def _api(self, hub, kind, name, verb, rest, body) -> None:
        model = hub.models.get(name)
        if model is None:
            self._answer(
                401, {"X-Error-Code": "RepoNotFound"}, b'{"error": "Repository not found"}'
            )
            return
        query = parse_qs(urlsplit(self.path).query)
        if verb in (None, "revision"):
            files = [{"rfilename": path} for path in sorted(model.files)]
            self._json({"id": name, "sha": COMMIT, "siblings": files, "private": False, "tags": []})
        elif verb == "refs":
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": COMMIT}
            self._json({"branches": [main], "tags": [], "converts": []})
        elif verb == "commits":
            commit = {"title": "first", "message": "", "date": "2026-01-01T00:00:00.000Z",
                      "authors": [{"user": "x"}]}  # fmt: skip
            self._pages([{"id": f"{n:040x}", **commit} for n in range(5)], query)
        elif verb == "paths-info":
            wanted = parse_qs(body.decode()).get("paths", [])
            self._json([_entry(path, model.files[path]) for path in wanted if path in model.files])
        elif "/" in rest:
            self._answer(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b"{}")
        else:
            self._pages([_entry(path, data) for path, data in sorted(model.files.items())], query)

    def _file(self, hub, kind, name, revision, path) -> None:
        model, path = hub.models.get(name), unquote(path)
        if model is None:
            self._answer(401, {"X-Error-Code": "RepoNotFound"}, b"{}")
        elif model.gated:
            self._answer(401, {"X-Error-Code": "GatedRepo"}, b"{}")
        elif unquote(revision) not in ("main", COMMIT, "refs/pr/1"):
            self._answer(404, {"X-Error-Code": "RevisionNotFound"}, b"{}")
        elif path not in model.files:
            headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}
            self._answer(404, headers, b"{}")
        elif path.endswith(_LARGE) and self.server is hub._server:
            data = model.files[path]
            self._answer(302, {
                "Location": f"{hub.store}{self.path}", "X-Repo-Commit": COMMIT,
                "X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{_sha256(data)}"',
            }, b"Found")  # fmt: skip
        else:
            data = model.files[path]
            self._answer(200, {"X-Repo-Commit": COMMIT, "ETag": f'"{git_id(data)}"'}, data)

    def _pages(self, items: list[Any], query: Mapping[str, list[str]]) -> None:
        start = int(query.get("cursor", ["0"])[0])
        hub: OtherHub = self.server.hub
        headers = {}
        if start + _PAGE < len(items):
            bare = urlsplit(self.path).path
            following = f"{hub.endpoint}{bare}?cursor={start + _PAGE}"
            headers["Link"] = f'<{following}>; rel="next"'
        self._json(items[start : start + _PAGE], headers)

    def _json(self, value: Any, headers: Mapping[str, str] | None = None) -> None:
        told = {"Content-Type": "application/json", **(headers or {})}
        self._answer(200, told, json.dumps(value).encode())

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True


def _entry(path: str, data: bytes) -> dict[str, Any]:
    entry = {"type": "file", "path": path, "size": len(data), "oid": git_id(data)}
    if path.endswith(_LARGE):
        entry["lfs"] = {"oid": _sha256(data), "size": len(data), "pointerSize": 130}
        entry["xetHash"] = "a" * 64
    return entry


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
