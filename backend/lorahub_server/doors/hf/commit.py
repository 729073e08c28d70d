"""Commits: lines of JSON, one for each operation, in one transaction."""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from lorahub_server.access import Tx
from lorahub_server.blobs.limits import INLINE_MAX
from lorahub_server.doors import target
from lorahub_server.doors.deps import hub_of, reading, writing
from lorahub_server.doors.hf.shapes import Flag, Revision, repo_address
from lorahub_server.doors.streams import Body, pour
from lorahub_server.doors.target import Target
from lorahub_server.kit.errors import BadRequest, TooLarge
from lorahub_server.repos.commit import (
    AddBlob,
    AddFile,
    CommitResult,
    DeletePath,
    Operation,
)
from lorahub_server.repos.errors import (
    BadCommit,
    EntryNotFound,
    RevisionNotFound,
    StaleParent,
)
from lorahub_server.repos.limits import INLINE_TOTAL_MAX, OPERATIONS_MAX
from lorahub_server.repos.tables import Repository

router = APIRouter(prefix="/api/models/{owner}/{name}")

# A file in base64, with its path and room for the rest.
_LINE_MAX = INLINE_MAX * 4 // 3 + 64 * 1024
# Bodies up to this size need not wait for others.
_LIGHT = 16 * 1024 * 1024
BODY_MAX = INLINE_TOTAL_MAX * 4 // 3 + OPERATIONS_MAX * 2048


@dataclass(slots=True)
class Wish:
    """What a commit shall be. Of operations on one path the last one counts."""

    summary: str = ""
    description: str = ""
    parent: str | None = None
    operations: dict[str, Operation] = field(default_factory=dict)
    inline: int = 0

    def add(self, operation: Operation) -> None:
        path = operation.path
        self.operations.pop(path, None)
        if isinstance(operation, DeletePath):
            below = f"{path}/"
            for other in [other for other in self.operations if other.startswith(below)]:
                del self.operations[other]
        elif isinstance(operation, AddFile):
            self.inline += len(operation.content)
            if self.inline > INLINE_TOTAL_MAX:
                message = (
                    f"The small files of a commit have at most {INLINE_TOTAL_MAX} bytes together. "
                    "Make several commits."
                )
                raise TooLarge(message, limit=INLINE_TOTAL_MAX)
        if len(self.operations) >= OPERATIONS_MAX:
            message = f"A commit has at most {OPERATIONS_MAX} operations. Make several commits."
            raise TooLarge(message, limit=OPERATIONS_MAX)
        self.operations[path] = operation


@router.post("/commit/{revision}")
async def make_commit(
    request: Request, owner: str, name: str, revision: Revision, create_pr: Flag = False
) -> JSONResponse:
    """The body is as long as its files: rights are checked before it is read."""
    where = target.of(revision, create_pr=create_pr)

    def check(tx: Tx) -> None:
        target.tree_of(tx, target.open_repo(tx, owner, name, where), where)

    async def receive(body: Body) -> JSONResponse:
        wish = await pour(body, read_wish, limit=BODY_MAX)

        def publish(tx: Tx) -> JSONResponse:
            repo = target.open_repo(tx, owner, name, where)
            made, num = _publish(tx, repo, where, wish)
            return JSONResponse(_answer(request, repo, made, num))

        return await writing(request, publish)

    await reading(request, check)
    body = Body(request)
    if body.announced is not None and body.announced <= _LIGHT:
        return await receive(body)
    async with hub_of(request).heavy.one():
        return await receive(body)


def read_wish(chunks: Iterable[bytes]) -> Wish:
    """Read the lines as they arrive; raise BadRequest, BadCommit or TooLarge."""
    wish, has_header = Wish(), False
    for line in _lines(chunks):
        key, value = _parsed(line)
        if key == "header":
            _read_header(wish, value)
            has_header = True
        else:
            wish.add(_operation(key, value))
    if not has_header:
        raise BadRequest("The commit has no header line. Send one with its summary first.")
    return wish


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        *whole, last = rest.split(b"\n")
        yield from (bytes(line) for line in whole if line.strip())
        rest = last
        if len(rest) > _LINE_MAX:
            message = f"Files above {INLINE_MAX} bytes are uploaded first, and committed by hash."
            raise TooLarge(message, limit=INLINE_MAX)
    if rest.strip():
        yield bytes(rest)


def _parsed(line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        item = json.loads(line)
        key, value = item["key"], item["value"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        message = "A line of the commit is not a JSON object with key and value. Send it again."
        raise BadRequest(message) from error
    if not isinstance(key, str) or not isinstance(value, dict):
        raise BadRequest(
            "A line of the commit has a key that is no text, or a value without fields."
        )
    return key, value


def _read_header(wish: Wish, value: dict[str, Any]) -> None:
    wish.summary = _text(value, "summary")
    wish.description = _text(value, "description", optional=True)
    wish.parent = _text(value, "parentCommit", optional=True).lower() or None


def _operation(key: str, value: dict[str, Any]) -> Operation:
    path = _text(value, "path")
    if key == "file":
        return AddFile(path, _content(path, value))
    if key == "lfsFile":
        if value.get("algo", "sha256") != "sha256":
            raise BadCommit("Large files are named by their SHA-256.", place=path)
        return AddBlob(path, _text(value, "oid"))
    if key in {"deletedFile", "deletedFolder", "deletedEntry"}:
        return DeletePath(path.rstrip("/"))
    raise BadRequest(f"A commit has no operation {key[:50]}. Send another version's commits.")


def _content(path: str, value: dict[str, Any]) -> bytes:
    text, encoding = value.get("content"), value.get("encoding", "utf-8")
    if isinstance(text, str) and encoding == "base64":
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            pass
    elif isinstance(text, str) and encoding == "utf-8":
        return text.encode(errors="surrogatepass")
    raise BadCommit("The content of the file can't be decoded. Send it as base64.", place=path)


def _text(value: dict[str, Any], name: str, *, optional: bool = False) -> str:
    found = value.get(name)
    if found is None and optional:
        return ""
    if not isinstance(found, str) or "\0" in found:
        raise BadRequest(f"A line of the commit lacks {name}, or has something else there.")
    return found


def _publish(
    tx: Tx, repo: Repository, where: Target, wish: Wish
) -> tuple[CommitResult, int | None]:
    """Make the commit; return also the number of the pull request that it opened."""
    operations = _without_covered(wish.operations)
    parent = wish.parent
    if not where.opens:
        place = target.tree_of(tx, repo, where)
        head = None if place is None else place.commit
        parent = _whole(where, head, parent)
        if not operations:
            if head is None:
                raise RevisionNotFound("The repository has no commit yet. Add a file.")
            return CommitResult(head, None, changed=False), None
    try:
        return target.commit_to(
            tx,
            repo,
            where,
            operations,
            wish.summary,
            parent=parent,
            description=wish.description,
        )
    except EntryNotFound as error:
        error.message = f"A file with this name doesn't exist: {error.place}. {error.message}"
        raise


def _whole(where: Target, head: str | None, parent: str | None) -> str | None:
    """Return a parent that clients may have shortened, or raise StaleParent."""
    if parent is None:
        return None
    if head is None or not head.startswith(parent):
        raise StaleParent(where.branch, head)
    return head


def _without_covered(operations: dict[str, Operation]) -> list[Operation]:
    """Leave out deletions of what is in a folder that is deleted as a whole."""
    gone = {op.path for op in operations.values() if isinstance(op, DeletePath)}

    def is_covered(path: str) -> bool:
        parts = path.split("/")
        return any("/".join(parts[:depth]) in gone for depth in range(1, len(parts)))

    return [
        operation
        for operation in operations.values()
        if not (isinstance(operation, DeletePath) and is_covered(operation.path))
    ]


def _answer(
    request: Request, repo: Repository, made: CommitResult, num: int | None
) -> dict[str, Any]:
    address = repo_address(request, repo.owner.name, repo.name)
    opened = {} if num is None else {"pullRequestUrl": f"{address}/discussions/{num}"}
    return {
        **opened,
        "success": True,
        "commitOid": made.revision,
        "commitUrl": f"{address}/commit/{made.revision}",
        "hookOutput": "",
    }
