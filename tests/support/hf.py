"""Calls of Hugging Face's protocol without its client: what is sent is exactly what was meant."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import event

from support.asgi import Site
from support.http import Answer, Api
from support.inside import sha256

LFS = {"Content-Type": "application/vnd.git-lfs+json", "Accept": "application/vnd.git-lfs+json"}


def git_id(data: bytes) -> str:
    """Return git's name for a small file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def model(repo: str, *rest: str) -> str:
    return "/".join([f"/api/models/{repo}", *rest])


def line(key: str, **value: Any) -> bytes:
    return json.dumps({"key": key, "value": value}).encode() + b"\n"


def add(path: str, content: bytes) -> bytes:
    text = base64.b64encode(content).decode()
    return line("file", path=path, encoding="base64", content=text)


def large(path: str, oid: str, **more: Any) -> bytes:
    return line("lfsFile", path=path, algo="sha256", oid=oid, **more)


def commit(
    caller: Api,
    repo: str,
    *lines: bytes,
    branch: str = "main",
    query: Mapping[str, object] | None = None,
    **header: Any,
) -> Answer:
    head = line("header", **{"summary": "change", "description": "", **header})
    return caller.post(
        model(repo, "commit", branch),
        body=head + b"".join(lines),
        query=query,
        headers={"Content-Type": "application/x-ndjson"},
    )


def create(caller: Api, name: str, **more: Any) -> Answer:
    return caller.post("/api/repos/create", json={"name": name, "organization": None, **more})


def batch(
    caller: Api, repo: str, *files: bytes, operation: str = "upload", **more: Any
) -> dict[str, Any]:
    """Ask what to do with files; return what is told of the first of them, or everything."""
    objects = [{"oid": sha256(data), "size": len(data)} for data in files]
    body = {"operation": operation, "transfers": ["basic", "multipart"], "objects": objects, **more}
    answer = caller.post(
        f"/{repo}.git/info/lfs/objects/batch", body=json.dumps(body).encode(), headers=LFS
    )
    return dict(answer.expect(200).json())


def path_of(address: str) -> str:
    """Return the path of an absolute address."""
    return "/" + address.split("/", 3)[3]


def send(caller: Api, repo: str, data: bytes) -> str:
    """Send a large file as a client without Xet does; return its SHA-256."""
    (told,) = batch(caller, repo, data)["objects"]
    if "actions" in told:
        assert "header" not in told["actions"]["upload"], "the file is sent in parts"
        nobody = type(caller).__new__(type(caller))
        nobody.__dict__.update(caller.__dict__)
        nobody.token = None
        nobody.put(path_of(told["actions"]["upload"]["href"]), body=data).expect(200)
        verify = path_of(told["actions"]["verify"]["href"])
        caller.post(verify, json={"oid": told["oid"], "size": told["size"]}).expect(200)
    return str(told["oid"])


# What runs for a call has the context of who made it; the hub's own threads have none.
_seen: ContextVar[list[str] | None] = ContextVar("seen", default=None)


@contextmanager
def counted(site: Site) -> Iterator[list[str]]:
    """Collect the statements of the calls that are made meanwhile, also those that tell who asks.

    What the hub writes behind the answers is left out.
    """

    def note(_connection, _cursor, statement, *_rest) -> None:
        seen = _seen.get()
        if seen is not None and not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE")):
            seen.append(statement)

    seen: list[str] = []
    before = _seen.set(seen)
    event.listen(site.hub.db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(site.hub.db.engine, "before_cursor_execute", note)
        _seen.reset(before)
