"""The files of a push, checked as in every other way to publish."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lorahub.adapters import HEAD_BYTES, looks_like_weights
from lorahub_server.repos import queries_pack
from lorahub_server.repos.objects import NewObject, file_object, pointer_object, read_pointer
from lorahub_server.repos.operations import (
    ATTRIBUTES,
    CARD,
    CONFIG,
    check_large_name,
    check_text,
    refuse_bad_head,
)
from lorahub_server.repos.receive_errors import BadPush, Incomplete, OutsideLfs, in_commit
from lorahub_server.repos.receive_objects import Objects

# Files that are here already and get another name: read at once.
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Pointer:
    """A git-lfs pointer; `oid` is its own id, `commit` one that has it."""

    path: str
    oid: str
    sha256: str
    size: int
    commit: str


@dataclass(slots=True)
class Files:
    """What was found: pointers to large files, and the new blobs, of which some are pointers."""

    pointers: list[Pointer] = field(default_factory=list)
    blobs: set[str] = field(default_factory=set)


def check(objects: Objects, files: Mapping[tuple[str, str], str]) -> Files:
    """Check all files of the new commits; raise for the first that can't be."""
    found = Files()
    for key, content in _contents(objects, files):
        with in_commit(files[key]):
            _check(*key, content, found, files[key])
        if key[1] in objects.unpacked:
            found.blobs.add(key[1])
    return found


def _check(path: str, oid: str, content: bytes, found: Files, commit: str) -> None:
    pointer = read_pointer(content)
    if pointer is not None:
        check_large_name(path)
        found.pointers.append(Pointer(path, oid, pointer[0], pointer[1], commit))
    elif looks_like_weights(content[:HEAD_BYTES], path.rpartition("/")[2]):
        refuse_bad_head(path, content[:HEAD_BYTES], len(content))
        raise OutsideLfs(path, is_weights=True)


def check_head(objects: Objects, files: Mapping[tuple[str, str], str], root: str) -> None:
    """Check what the hub reads of the newest commit's files: older ones may be mended by it."""
    for path, oid in files:
        name = path.rpartition("/")[2]
        if path == CARD or name in {CONFIG, ATTRIBUTES}:
            there = objects.find(root, path)
            if there is not None and there.oid == oid:
                check_text(path, objects.data(oid, "blob"))


def blob_object(content: bytes) -> NewObject:
    """Return what is stored of a file or pointer that was pushed."""
    pointer = read_pointer(content)
    made = file_object(content)
    if pointer is None:
        return made
    large = pointer_object(*pointer)
    return NewObject(made.oid, "blob", content, True, large.content_sha256, large.content_size)


def _contents(
    objects: Objects, files: Mapping[tuple[str, str], str]
) -> Iterator[tuple[tuple[str, str], bytes]]:
    waiting: list[tuple[str, str]] = []
    for path, oid in files:
        if objects.unpacked.kind(oid) == "blob":
            yield (path, oid), objects.unpacked.data(oid)
            continue
        with in_commit(files[path, oid]):
            _check_big(objects, path, oid)
        waiting.append((path, oid))
        if len(waiting) == _AT_ONCE:
            yield from _here(objects, waiting)
            waiting = []
    yield from _here(objects, waiting)


def _here(
    objects: Objects, files: list[tuple[str, str]]
) -> Iterator[tuple[tuple[str, str], bytes]]:
    wanted = {oid for _, oid in files}
    found = queries_pack.objects(objects.tx.session, objects.repo.id, wanted)
    for path, oid in files:
        kind, content = found.get(oid, ("", b""))
        if kind == "blob":
            yield (path, oid), content
        elif objects.unpacked.has_lost:
            # It came as a change that makes more than is kept: which file it is shows here.
            raise OutsideLfs(path, is_weights=False)
        elif kind:
            raise BadPush("The push has a damaged folder. Run `git fsck`.", place=path)
        else:
            raise Incomplete(oid)


def _check_big(objects: Objects, path: str, oid: str) -> None:
    big = objects.unpacked.big.get(oid)
    if big is None:
        return
    is_weights = looks_like_weights(big.head, path.rpartition("/")[2])
    if is_weights:
        refuse_bad_head(path, big.head, big.size)
    raise OutsideLfs(path, is_weights=is_weights)
