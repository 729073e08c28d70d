"""The batch call of git-lfs: for each large file, whether and where to send or fetch it.

Clients send the bytes without their token. So the addresses that they are told let them in.
"""

from math import ceil
from secrets import token_hex
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from lorahub_server.access import Tx, require_files
from lorahub_server.blobs import uploads
from lorahub_server.blobs.service import is_sha256, may_use, may_use_all
from lorahub_server.blobs.tables import Blob
from lorahub_server.doors import links, target
from lorahub_server.doors.deps import ReadTx, base_url
from lorahub_server.doors.hf import tickets
from lorahub_server.doors.hf.errors import LFS_TYPE
from lorahub_server.doors.hf.shapes import Text
from lorahub_server.doors.hf.tickets import Ticket
from lorahub_server.doors.schemas import ITEMS_MAX
from lorahub_server.doors.target import Target
from lorahub_server.kit.errors import HubError
from lorahub_server.repos import service
from lorahub_server.repos.pulls import OPENING
from lorahub_server.repos.tables import Repository

router = APIRouter(prefix="/{owner}/{name}/info/lfs")

# Files above this are sent in parts of it, by clients that can.
PART_SIZE = 64 * 1024 * 1024
# git-lfs adds it to the repository's name; whoever writes the address down may not.
_ENDING = ".git"
_SHOWN = 10
_BASIC, _MULTIPART = "basic", "multipart"
_ANY = target.of("", create_pr=True)


class LfsObjectMissing(HubError):
    status = 404
    code = "lfs_object_missing"

    def __init__(self, message: str = "The file is not here. Send it first.") -> None:
        super().__init__(message)


class ObjectIn(BaseModel):
    model_config = ConfigDict(extra="ignore")

    oid: Text
    size: int = Field(ge=0, lt=2**63)


class RefIn(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: Text


class BatchIn(BaseModel):
    """Who opens a pull request with a commit names no ref."""

    model_config = ConfigDict(extra="ignore")

    operation: Literal["upload", "download"]
    objects: list[ObjectIn] = Field(max_length=ITEMS_MAX)
    transfers: list[str] = [_BASIC]
    hash_algo: Literal["sha256"] = "sha256"
    ref: RefIn | None = None

    @property
    def where(self) -> Target:
        name = "" if self.ref is None else self.ref.name
        opens = self.ref is None or name.startswith(OPENING)
        return target.of(name, create_pr=opens)


@router.post("/objects/batch")
def batch(request: Request, tx: ReadTx, owner: str, name: str, wish: BatchIn) -> JSONResponse:
    """Nobody learns from this whether somebody else has a file."""
    name = name.removesuffix(_ENDING)
    wanted = [item.oid for item in wish.objects]
    transfer = _BASIC
    if wish.operation == "download":
        repo = service.get_repo(tx, owner, name)
        require_files(tx, repo)
        known = may_use_all(tx, wanted)
        objects = [_download(request, tx, repo, item, known.get(item.oid)) for item in wish.objects]
    else:
        repo = target.open_repo(tx, owner, name, wish.where)
        known, room = uploads.known_and_room(tx, wanted)
        objects = []
        for item in wish.objects:
            told = _Upload(request, tx, repo, item).told(known.get(item.oid), room, wish.transfers)
            room -= item.size if "actions" in told else 0
            objects.append(told)
        if any("chunk_size" in _header(told) for told in objects):
            transfer = _MULTIPART
    content = {"transfer": transfer, "objects": objects, "hash_algo": "sha256"}
    return JSONResponse(content, media_type=LFS_TYPE)


@router.post("/verify")
def verify(tx: ReadTx, owner: str, name: str, wish: ObjectIn) -> JSONResponse:
    # Those who may open a pull request send files too, and this publishes nothing.
    target.open_repo(tx, owner, name.removesuffix(_ENDING), _ANY)
    blob = may_use(tx, wish.oid)
    if blob is None:
        raise _missing(tx, wish)
    if blob.size != wish.size:
        raise LfsObjectMissing
    return JSONResponse({"oid": blob.sha256, "size": blob.size}, media_type=LFS_TYPE)


def _missing(tx: Tx, wish: ObjectIn) -> LfsObjectMissing:
    """Say why the file was refused when it came, as `git lfs ls-files` calls it.

    The status is the same: for git-lfs that of the refusal would be about something else.
    """
    refusal = uploads.refusal(tx, wish.oid)
    if refusal is None:
        return LfsObjectMissing()
    return LfsObjectMissing(f"{wish.oid[:_SHOWN]}: {refusal.message}")


def transfer_address(request: Request, repo: Repository, *rest: str) -> str:
    name = repo.name + _ENDING
    return base_url(request) + links.repo(repo.owner.name, name, "info", "lfs", *rest)


class _Upload:
    """What a client is told about a file that it wants to send."""

    def __init__(self, request: Request, tx: Tx, repo: Repository, item: ObjectIn) -> None:
        self._request = request
        self._tx = tx
        self._repo = repo
        self._item = item

    def told(self, blob: Blob | None, room: int, transfers: list[str]) -> dict[str, Any]:
        item, limit = self._item, self._tx.settings.max_file_bytes
        if not is_sha256(item.oid):
            return _error(item, 422, "An object's id is a SHA-256: 64 hexadecimal digits.")
        if blob is not None:
            if blob.size == item.size:
                return _object(item)
            return _error(item, 422, f"The file of this SHA-256 has {blob.size} bytes.")
        if item.size > limit:
            message = f"The file has {item.size} bytes; this hub takes at most {limit}."
            return _error(item, 413, message)
        if item.size > room:
            message = (
                "Your unfinished uploads leave no room for this file. Commit or cancel them first."
            )
            return _error(item, 413, message)
        in_parts = _MULTIPART in transfers and item.size > PART_SIZE
        send = self._in_parts() if in_parts else {"href": self._address("objects", self._ticket())}
        verify = {"href": transfer_address(self._request, self._repo, "verify")}
        return _object(item, actions={"upload": send, "verify": verify})

    def _in_parts(self) -> dict[str, Any]:
        ticket = self._ticket(parts=True)
        count = ceil(self._item.size / PART_SIZE)
        # Nothing else may stand here: a client sends a part to every address it finds.
        header = {"chunk_size": str(PART_SIZE)}
        header |= {
            f"{number:05d}": self._address("parts", ticket, str(number))
            for number in range(1, count + 1)
        }
        return {"href": self._address("parts", ticket), "header": header}

    def _ticket(self, *, parts: bool = False) -> str:
        tx = self._tx
        ticket = Ticket(
            kind="parts" if parts else "send",
            account=tx.caller.account_id,
            sha256=self._item.oid,
            size=self._item.size,
            expires=int((tx.now + tickets.LIFE).timestamp()),
            upload=token_hex(16),
            part_size=PART_SIZE if parts else 0,
        )
        return tickets.issue(tx.settings, ticket)

    def _address(self, *rest: str) -> str:
        return transfer_address(self._request, self._repo, *rest)


def _download(
    request: Request, tx: Tx, repo: Repository, item: ObjectIn, blob: Blob | None
) -> dict[str, Any]:
    if blob is None or blob.size != item.size:
        return _error(item, 404, "The repository has no such file.")
    ticket = Ticket(
        kind="fetch",
        account=None,
        sha256=blob.sha256,
        size=blob.size,
        expires=int((tx.now + tickets.LIFE).timestamp()),
    )
    address = transfer_address(request, repo, "objects", tickets.issue(tx.settings, ticket))
    # Not said of uploads: git-lfs would send no token with `verify`.
    return _object(item, authenticated=True, actions={"download": {"href": address}})


def _object(item: ObjectIn, **more: Any) -> dict[str, Any]:
    return {"oid": item.oid, "size": item.size, **more}


def _error(item: ObjectIn, code: int, message: str) -> dict[str, Any]:
    return {"oid": item.oid, "size": item.size, "error": {"code": code, "message": message}}


def _header(told: dict[str, Any]) -> dict[str, Any]:
    header: dict[str, Any] = told.get("actions", {}).get("upload", {}).get("header", {})
    return header
