"""From a repository, a revision and a path to the answer with the bytes."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from fastapi import Request, Response

from lorahub_server.access import Tx, require_files
from lorahub_server.doors.files.ranges import Span, is_unchanged, wanted
from lorahub_server.doors.files.send import Bytes, Stored
from lorahub_server.doors.files.types import kind_of
from lorahub_server.doors.middleware.head import is_head
from lorahub_server.library.downloads import count
from lorahub_server.repos import lookup, refs
from lorahub_server.repos.operations import CARD
from lorahub_server.repos.refs import Opened
from lorahub_server.repos.tables import Repository
from lorahub_server.storage.keys import blob_key
from lorahub_server.storage.sigv4 import content_disposition

_COMMIT = re.compile(r"[0-9a-f]{40}")
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, no-cache"
_NEVER_KEPT = "private, no-store"
_OF_CONTENT = {"Content-Type", "Content-Disposition", "Accept-Ranges"}
# Files are strangers' work: opened by themselves they run nothing and load nothing.
POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; sandbox"
)


def file_answer(
    request: Request, tx: Tx, opened: Opened, path: str, *, download: bool = False
) -> Response:
    """Return the file's bytes, or a redirect to where the store gives them out."""
    repo = opened.repo
    # The card is for everybody who may know of the repository.
    if path != CARD:
        require_files(tx, repo)
    found = lookup.find(tx, repo, opened.place, path, with_content=not is_head(request.scope))
    entry = found.entry
    if entry.large and path == CARD:
        require_files(tx, repo)
    kind = kind_of(path)
    shown = kind.is_shown and not download
    # As git and git-lfs name the content; other hubs' clients name files in their caches by it.
    etag = f'"{entry.sha256 if entry.large else entry.oid}"'
    headers = {
        "ETag": etag,
        "Cache-Control": _cache_control(repo, opened.revision, path),
        "X-Repo-Commit": found.commit,
        "X-Content-SHA256": entry.sha256 or "",
        "X-Linked-Size": str(entry.size),
        "Content-Type": kind.media_type,
        "Content-Disposition": _disposition(path, shown=shown),
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": POLICY,
    }
    if is_unchanged(request, etag):
        return Response(status_code=304, headers=_without_content(headers))
    span = wanted(request, entry.size, etag)
    if not entry.large:
        return Bytes(span, found.content or b"", headers)
    # A picture that a page shows is no download.
    if span.start == 0 and not shown and not is_head(request.scope):
        count(repo.id)
    key = blob_key(entry.sha256 or "")
    return stored_answer(request, tx, key, path, span, headers, shown=shown)


def blob_answer(request: Request, tx: Tx, sha256: str, size: int) -> Response:
    """Return the bytes of a large file by its hash, to one who was found to be allowed them."""
    etag = f'"{sha256}"'
    headers = {
        "ETag": etag,
        "Cache-Control": _NEVER_KEPT,
        "Content-Type": "application/octet-stream",
        "Content-Disposition": _disposition(sha256, shown=False),
        "Accept-Ranges": "bytes",
    }
    span = wanted(request, size, etag)
    return stored_answer(request, tx, blob_key(sha256), sha256, span, headers)


def named_file(
    request: Request,
    tx: Tx,
    owner: str,
    name: str,
    revision: str,
    path: str,
    *,
    download: bool = False,
) -> Response:
    opened = refs.open_at(tx, owner, name, revision)
    return file_answer(request, tx, opened, path, download=download)


def stored_answer(
    request: Request,
    tx: Tx,
    key: str,
    path: str,
    span: Span,
    headers: Mapping[str, str],
    *,
    shown: bool = False,
) -> Response:
    """Return a span of an object of the store, to be saved under the name that `path` ends in."""
    there = tx.store.local_path(key)
    if there is not None:
        return Bytes(span, there, headers)
    # Pages may show pictures of this site only, and a signed address is good for GET alone.
    if not shown and not is_head(request.scope):
        filename = PurePosixPath(path).name
        address = tx.store.signed_url(key, filename=filename)
        if address is not None:
            # The address is a right to the bytes that ends: nobody keeps it.
            more = {"Location": address, "Cache-Control": _NEVER_KEPT}
            return Response(status_code=302, headers={**_without_content(headers), **more})
    return Bytes(span, Stored(tx.store, key), headers)


def _without_content(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _OF_CONTENT}


def _cache_control(repo: Repository, revision: str, path: str) -> str:
    if repo.private or (repo.gated and path != CARD):
        return _NEVER_KEPT
    return _FOR_EVER if _COMMIT.fullmatch(revision) else _ASK_AGAIN


def _disposition(path: str, *, shown: bool) -> str:
    attachment = content_disposition(PurePosixPath(path).name)
    return attachment.replace("attachment", "inline", 1) if shown else attachment
