"""A hub that only gives files, and misbehaves as it is told: what a real one never does on demand.

It speaks as much of the API as a pull needs.
"""

import hashlib
import json
import re
import ssl
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

REVISION = "0123456789abcdef0123456789abcdef01234567"
_CHUNK = 64 * 1024


class FakeHub:
    """`repo` holds `files`. The attributes say how it behaves from now on; `asked` has every
    request as (method, path, headers), `sent` how many bytes of each file went out.
    """

    def __init__(
        self,
        files: dict[str, bytes],
        repo: str = "alice/style",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.repo = repo
        self.files = dict(files)
        self.adapters: list[dict[str, Any]] = []
        self.trigger_words: list[str] = []
        self.error = {"code": "repo_not_found", "message": "There is no such repository."}
        self.manifest: Any = None  # instead of the true one
        self.bytes_of: dict[str, bytes] = {}  # instead of the true ones
        self.knows_ranges = True
        self.wrong_range = False
        self.refusals: list[tuple[int, dict[str, str]]] = []  # answers before the true ones
        self.cut_after: list[int] = []  # bytes after which to close the connection, once each
        self.seconds_per_mb = 0.0
        self.redirect: str | None = None  # base address that files are redirected to
        self.redirect_all: str | None = None
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.sent: Counter[str] = Counter()
        self.connections = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.RequestHandlerClass = type("Handler", (_Handler,), {"hub": self})
        self.scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def endpoint(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def paths(self, part: str = "") -> list[str]:
        return [path for _, path, _ in self.asked if part in path]

    def true_manifest(self) -> dict[str, Any]:
        files = [
            {
                "path": path,
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "large": len(data) > 1024,
                "url": f"{self.endpoint}/{self.repo}/resolve/{REVISION}/{path}",
            }
            for path, data in self.files.items()
        ]
        return {
            "repo": self.repo,
            "revision": REVISION,
            "files": files,
            "adapters": self.adapters,
            "trigger_words": self.trigger_words,
        }

    def take(self, what: list[Any]) -> Any:
        with self._lock:
            return what.pop(0) if what else None

    def note(self, method: str, path: str, headers: dict[str, str]) -> None:
        with self._lock:
            self.asked.append((method, path, headers))

    def count(self, path: str, number: int) -> None:
        with self._lock:
            self.sent[path] += number


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    hub: FakeHub

    def setup(self) -> None:
        super().setup()
        self.hub.connections += 1

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.note(self.command, self.path, dict(self.headers))
        refusal = self.hub.take(self.hub.refusals)
        if refusal:
            self.answer(refusal[0], b"busy", refusal[1])
        elif self.hub.redirect_all:
            self.answer(302, b"", {"Location": self.hub.redirect_all + self.path})
        elif f"/resolve/{REVISION}/" in path:
            self.file(path.split(f"/resolve/{REVISION}/")[1])
        elif path.startswith(f"/api/hub/v1/repos/{self.hub.repo}/manifest/"):
            self.json(self.hub.true_manifest() if self.hub.manifest is None else self.hub.manifest)
        elif path.endswith("/whoami"):
            self.json({"name": "alice", "token": {"name": "t", "scopes": ["read", "write"]}})
        else:
            self.json({"error": {**self.hub.error, "place": None, "request_id": "r-1"}}, 404)

    def file(self, path: str) -> None:
        if self.hub.redirect:
            self.answer(302, b"", {"Location": self.hub.redirect + self.path})
            return
        data = self.hub.bytes_of.get(path, self.hub.files[path])
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        headers = {}
        status, start, end = 200, 0, len(data)
        if match and self.hub.knows_ranges:
            status, start, end = 206, int(match[1]), min(int(match[2]) + 1, len(data))
            shown = start + 1 if self.hub.wrong_range else start
            headers["Content-Range"] = f"bytes {shown}-{end - 1}/{len(data)}"
        self.send_response(status)
        self.send_header("Content-Length", str(end - start))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.body(path, memoryview(data)[start:end])

    def body(self, path: str, data: memoryview) -> None:
        cut = self.hub.take(self.hub.cut_after)
        for at in range(0, len(data), _CHUNK):
            chunk = data[at : at + _CHUNK]
            if cut is not None and at + len(chunk) > cut:
                self.wfile.write(chunk[: max(cut - at, 0)])
                self.hub.count(path, max(cut - at, 0))
                self.wfile.flush()
                self.close_connection = True
                return
            if self.hub.seconds_per_mb:
                time.sleep(self.hub.seconds_per_mb * len(chunk) / 1e6)
            try:
                self.wfile.write(chunk)
            except OSError:
                self.close_connection = True
                return
            self.hub.count(path, len(chunk))

    def json(self, data: Any, status: int = 200) -> None:
        self.answer(status, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
