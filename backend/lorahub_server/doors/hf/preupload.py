"""Before a commit: how each file travels, and whether it need travel at all."""

import base64
import binascii
from io import BytesIO
from typing import Annotated

from dulwich.ignore import IgnoreFilter, read_ignore_patterns
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from lorahub.adapters import HEAD_BYTES, AdapterFileError, looks_like_weights, refuse_if_bad
from lorahub_server.access import Tx
from lorahub_server.blobs.errors import BadFile, FileTooLarge
from lorahub_server.blobs.limits import INLINE_MAX
from lorahub_server.doors import target
from lorahub_server.doors.deps import ReadTx
from lorahub_server.doors.hf.shapes import Flag, Revision, Text
from lorahub_server.doors.schemas import ITEMS_MAX
from lorahub_server.kit import names
from lorahub_server.repos import lookup, trees
from lorahub_server.repos.attributes import Attributes
from lorahub_server.repos.operations import ATTRIBUTES, CARD, CONFIG
from lorahub_server.repos.tables import Repository
from lorahub_server.repos.trees import Entry

router = APIRouter(prefix="/api/models/{owner}/{name}")

_IGNORED = ".gitignore"


class FileIn(BaseModel):
    model_config = ConfigDict(extra="ignore")

    path: Text
    size: int = Field(ge=0, lt=2**63)
    sample: str = ""

    def head(self) -> bytes:
        try:
            return base64.b64decode(self.sample)[:HEAD_BYTES]
        except (binascii.Error, ValueError):
            return b""


class PreuploadIn(BaseModel):
    model_config = ConfigDict(extra="ignore")

    files: list[FileIn] = Field(max_length=ITEMS_MAX)
    git_ignore: Annotated[str | None, Field(alias="gitIgnore")] = None


@router.post("/preupload/{revision}")
def plan(
    tx: ReadTx,
    owner: str,
    name: str,
    revision: Revision,
    wish: PreuploadIn,
    create_pr: Flag = False,
) -> JSONResponse:
    """Files that would be refused are refused here, before their bytes are sent."""
    where = target.of(revision, create_pr=create_pr)
    repo = target.open_repo(tx, owner, name, where)
    tree = target.tree_of(tx, repo, where)
    there = _there(tx, repo, tree, [file.path for file in wish.files])
    texts = _texts(tx, repo, there)
    attributes = Attributes(texts.get(ATTRIBUTES, ""))
    given = wish.git_ignore
    ignored = _Ignored(texts.get(_IGNORED, "") if given is None else given)
    files = []
    for file in wish.files:
        should_ignore = ignored.has(file.path)
        mode = "regular" if should_ignore else _mode(tx, file, attributes)
        files.append(
            {
                "path": file.path,
                "uploadMode": mode,
                "shouldIgnore": should_ignore,
                "oid": _oid(there.get(file.path)),
            }
        )
    return JSONResponse({"files": files, "commitOid": None if tree is None else tree.commit})


def _mode(tx: Tx, file: FileIn, attributes: Attributes) -> str:
    path = names.check_path(file.path)
    name = path.rpartition("/")[2]
    limit = tx.settings.max_file_bytes
    if file.size > limit:
        message = f"The file has {file.size} bytes; this hub takes at most {limit}."
        raise FileTooLarge(message, place=path, limit=limit)
    if path == CARD or name in {CONFIG, ATTRIBUTES}:
        if file.size > INLINE_MAX:
            message = f"A {name} has at most {INLINE_MAX} bytes. Shorten it."
            raise FileTooLarge(message, place=path, limit=INLINE_MAX)
        return "regular"
    head = file.head()
    if looks_like_weights(head, name):
        try:
            refuse_if_bad(head, name, file.size)
        except AdapterFileError as error:
            raise BadFile(error.code, str(error), path) from error
        return "lfs"
    return "lfs" if file.size > INLINE_MAX or attributes.is_lfs(path) else "regular"


def _oid(entry: Entry | None) -> str | None:
    if entry is None or not entry.is_file:
        return None
    return entry.sha256 if entry.large else entry.oid


def _there(
    tx: Tx, repo: Repository, tree: target.Place | None, paths: list[str]
) -> dict[str, Entry]:
    if tree is None:
        return {}
    return lookup.find_many(tx, repo, tree.tree, [*paths, ATTRIBUTES, _IGNORED])


def _texts(tx: Tx, repo: Repository, there: dict[str, Entry]) -> dict[str, str]:
    wanted = [there[path] for path in (ATTRIBUTES, _IGNORED) if path in there]
    small = [entry for entry in wanted if entry.is_file and not entry.large]
    found = trees.read_files(tx, repo, small)
    return {path: data.decode(errors="replace") for path, data in found.items()}


class _Ignored:
    """What a `.gitignore` at the top leaves out: a file, or a folder with all that is in it."""

    def __init__(self, text: str) -> None:
        lines = BytesIO(text.encode(errors="replace"))
        self._filter = IgnoreFilter(read_ignore_patterns(lines)) if text else None

    def has(self, path: str) -> bool:
        if self._filter is None:
            return False
        parts = path.encode(errors="replace").split(b"/")
        folders = [b"/".join(parts[:depth]) + b"/" for depth in range(1, len(parts))]
        return any(self._filter.is_ignored(p) is True for p in (*folders, b"/".join(parts)))
