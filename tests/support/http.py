"""Calls to a hub over a real connection, nothing hidden: no redirects followed, no retries."""

import base64
import http.client
import json as jsonlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

API = "/api/hub/v1"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return jsonlib.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def code(self) -> str:
        """The code of an error answer of the API."""
        return str(self.json()["error"]["code"])

    def expect(self, *statuses: int) -> "Answer":
        """Fail, showing the answer, unless the status is one of these."""
        assert self.status in statuses, f"{self.status} {self.headers}\n{self.body[:2000]!r}"
        return self


class Api:
    """A caller of one hub. `token` is sent with every call; None calls as nobody."""

    def __init__(self, endpoint: str, token: str | None = None, timeout: float = 60) -> None:
        self.endpoint = endpoint
        self.token = token
        self._timeout = timeout

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | Iterable[bytes] | None = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one call. A `path` that starts without `/` is below the API's prefix."""
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if json is not None:
            body = jsonlib.dumps(json).encode()
            sent["Content-Type"] = "application/json"
        if not path.startswith("/"):
            path = f"{API}/{path}"
        if query:
            path += "?" + urlencode(query)
        connection = http.client.HTTPConnection(
            urlsplit(self.endpoint).netloc, timeout=self._timeout
        )
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **more: Any) -> Answer:
        return self.call("GET", path, **more)

    def post(self, path: str, **more: Any) -> Answer:
        return self.call("POST", path, **more)

    def put(self, path: str, **more: Any) -> Answer:
        return self.call("PUT", path, **more)

    def patch(self, path: str, **more: Any) -> Answer:
        return self.call("PATCH", path, **more)

    def delete(self, path: str, **more: Any) -> Answer:
        return self.call("DELETE", path, **more)

    def publish(
        self, repo: str, files: Mapping[str, bytes], *, private: bool = False
    ) -> dict[str, Any]:
        """Make a repository (unless it is there) and commit files to `main`; return the commit."""
        owner, name = repo.split("/")
        made = self.post("repos", json={"owner": owner, "name": name, "private": private})
        made.expect(201, 409)
        for path, content in files.items():
            done = self.put(f"repos/{repo}/raw/main/{path}", body=content).expect(200, 201)
        return dict(done.json())

    def commit(self, repo: str, message: str, files: Mapping[str, bytes], **more: Any) -> Answer:
        """Commit small files in one call."""
        operations = [
            {"op": "add", "path": path, "content": base64.b64encode(content).decode()}
            for path, content in files.items()
        ]
        body = {"message": message, "operations": operations, **more}
        return self.post(f"repos/{repo}/commits/main", json=body)
