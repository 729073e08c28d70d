"""Files by the hashes that tools know them by, and what has taken their place."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from lorahub_server.doors import links
from lorahub_server.doors.api import examples
from lorahub_server.doors.deps import ReadTx, base_url
from lorahub_server.doors.schemas import Text, Time, example
from lorahub_server.library import past
from lorahub_server.library.past import Buried, Holding

router = APIRouter(prefix="/hashes", tags=["hashes"])

_OLD = "1f0e8a5c2b7d4963a0f1c2e3d4b5a69788f7e6d5c4b3a291807f6e5d4c3b2a19"
_NOW = {
    "path": examples.FILE,
    "sha256": examples.SHA256,
    "size": 114297640,
    "url": f"{examples.HUB}/alice/my-style/resolve/main/{examples.FILE}",
}
_FOUND = {
    "repo": "alice/my-style",
    "kind": "AutoV2",
    "path": examples.FILE,
    "sha256": _OLD,
    "size": 114297640,
    "revision": examples.PARENT,
    "published_at": examples.TIME,
    "state": "replaced",
    "current": _NOW,
}
_ANSWER = {"hash": _OLD[:10], "found": [_FOUND], "removed": []}


class CurrentFile(BaseModel):
    """What the default branch has now. `url` is where its bytes are."""

    model_config = example(_NOW)

    path: str
    sha256: str
    size: int
    url: str


class FoundFile(BaseModel):
    """A repository that has the file, or had it; `revision` is the commit that first had it."""

    model_config = example(_FOUND)

    repo: str
    kind: str = Field(description="Which hash of the file was given: `SHA256`, `AutoV2` ...")
    path: str
    sha256: str
    size: int
    revision: str
    published_at: Time
    state: Literal["current", "replaced", "removed"]
    current: CurrentFile | None

    @classmethod
    def of(cls, one: Holding, base: str) -> Self:
        repo, now = one.repo, one.now
        current = None
        if now is not None:
            bytes_at = links.resolve(repo.owner.name, repo.name, repo.default_branch, now.path)
            current = CurrentFile(
                path=now.path, sha256=now.sha256, size=now.size, url=base + bytes_at
            )
        return cls(
            repo=repo.full_name,
            kind=one.kind,
            path=one.path,
            sha256=one.sha256,
            size=one.size,
            revision=one.revision,
            published_at=one.published_at,
            state=one.state,
            current=current,
        )


class RemovedFile(BaseModel):
    """What a repository that its owner deleted had."""

    model_config = example(
        {
            "repo": "alice/first-try",
            "kind": "AutoV2",
            "path": "first-try.safetensors",
            "sha256": _OLD,
            "size": 114297640,
            "title": "First try",
            "removed_at": examples.TIME,
            "reason": "The second version is better in every way.",
        }
    )

    repo: str
    kind: str
    path: str
    sha256: str
    size: int
    title: str
    removed_at: Time
    reason: str

    @classmethod
    def of(cls, one: Buried) -> Self:
        removed_at = one.repo.deleted_at
        assert removed_at is not None
        return cls(
            repo=one.repo.full_name,
            kind=one.kind,
            path=one.path,
            sha256=one.sha256,
            size=one.size,
            title=one.stone.title,
            removed_at=removed_at,
            reason=one.stone.reason,
        )


class HashOut(BaseModel):
    """`found` has the first to publish the file first, at most five; short hashes name several
    files.
    """

    model_config = example(_ANSWER)

    hash: str
    found: list[FoundFile]
    removed: list[RemovedFile]

    @classmethod
    def of(cls, answer: past.Answer, base: str) -> Self:
        return cls(
            hash=answer.value,
            found=[FoundFile.of(one, base) for one in answer.holdings],
            removed=[RemovedFile.of(one) for one in answer.buried],
        )


class HashList(BaseModel):
    model_config = example({"items": [_ANSWER]})

    items: list[HashOut]


class HashesWanted(BaseModel):
    model_config = example({"hashes": [_OLD[:10], examples.SHA256]})

    hashes: list[Text] = Field(max_length=past.HASHES_MAX)


@router.post("", summary="Ask what many files are, and what is newer")
def look_up(request: Request, tx: ReadTx, wanted: HashesWanted) -> HashList:
    """For up to 500 hashes of files: SHA-256, AutoV1, AutoV2, AutoV3, BLAKE3 or CRC32, in hex.

    Each is answered once, in the order given; of one that is not known both lists are empty.
    `current` is the file that the default branch has now, at the same path or under the same name
    but for the version in it. A file is out of date where `state` is `replaced`.

        curl --json '{"hashes": ["9f86d08188"]}' http://127.0.0.1:8000/api/hub/v1/hashes
    """
    base = base_url(request)
    found = past.look_up(tx, wanted.hashes)
    return HashList(items=[HashOut.of(one, base) for one in found])


@router.get("/{hash}", summary="Find a file by any of its hashes")
def show_hash(
    request: Request,
    tx: ReadTx,
    value: Annotated[
        str, Path(alias="hash", description="8 to 64 hexadecimal digits.", examples=[_OLD[:10]])
    ],
) -> HashOut:
    """404 `hash_not_found` where nothing that the caller may see has or had such a file."""
    (answer,) = past.look_up(tx, [value])
    if not answer.is_known:
        raise past.HashNotFound(past.UNKNOWN, place="hash")
    return HashOut.of(answer, base_url(request))
