"""From a repository, a revision and a path to the answer with the bytes."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from fastapi import Request, Response

from lorahub_server.access import Tx
from lorahub_server.doors.files.ranges import Span, is_unchanged, wanted
from lorahub_server.doors.files.send import Bytes, Stored
from lorahub_server.doors.files.types import kind_of
from lorahub_server.doors.middleware.head import is_head
from lorahub_server.library.downloads import count
from lorahub_server.repos import refs, service, trees
from lorahub_server.repos.errors import EntryNotFound
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.trees import Entry
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
    request: Request, tx: Tx, repo: Repository, revision: str, path: str, *, download: bool = False
) -> Response:
    """Return the file's bytes, or a redirect to where the store gives them out."""
    oid = refs.resolve(tx, repo, revision)
    entry = trees.get_entry(tx, repo, oid, path)
    if entry.sha256 is None:
        raise EntryNotFound(f"{path} is a folder. Ask for one of its files.", place=path)
    kind = kind_of(path)
    shown = kind.is_shown and not download
    etag = f'"{entry.sha256}"'
    headers = {
        "ETag": etag,
        "Cache-Control": _cache_control(repo, revision),
        "X-Repo-Commit": oid,
        "X-Content-SHA256": entry.sha256,
        "Content-Type": kind.media_type,
        "Content-Disposition": _disposition(path, shown=shown),
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if is_unchanged(request, etag):
        return Response(status_code=304, headers=_without_content(headers))
    span = wanted(request, entry.size, etag)
    if not entry.large:
        return Bytes(span, trees.read_file(tx, repo, entry), headers)
    if span.start == 0 and not is_head(request.scope):
        count(repo.id)
    return _of_blob(request, tx, entry, span, headers, shown=shown)


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
    repo = service.get_repo(tx, owner, name)
    return file_answer(request, tx, repo, revision, path, download=download)


def _of_blob(
    request: Request,
    tx: Tx,
    entry: Entry,
    span: Span,
    headers: Mapping[str, str],
    *,
    shown: bool,
) -> Response:
    key = blob_key(entry.sha256 or "")
    path = tx.store.local_path(key)
    if path is not None:
        return Bytes(span, path, headers)
    # Pages may show pictures of this site only, and a signed address is good for GET alone.
    if not shown and not is_head(request.scope):
        filename = PurePosixPath(entry.path).name
        address = tx.store.signed_url(key, filename=filename)
        if address is not None:
            # The address is a right to the bytes that ends: nobody keeps it.
            more = {"Location": address, "Cache-Control": _NEVER_KEPT}
            return Response(status_code=302, headers={**_without_content(headers), **more})
    return Bytes(span, Stored(tx.store, key), headers)


def _without_content(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _OF_CONTENT}


def _cache_control(repo: Repository, revision: str) -> str:
    if repo.private:
        return _NEVER_KEPT
    return _FOR_EVER if _COMMIT.fullmatch(revision) else _ASK_AGAIN


def _disposition(path: str, *, shown: bool) -> str:
    attachment = content_disposition(PurePosixPath(path).name)
    return attachment.replace("attachment", "inline", 1) if shown else attachment
