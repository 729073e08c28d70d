"""Git's object formats, as dulwich writes them, and the git-lfs pointer."""

import hashlib
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tag, Tree, parse_tree

FILE = 0o100644
PROGRAM = 0o100755
FOLDER = 0o040000
SUBMODULE = 0o160000

_OID = re.compile(r"[0-9a-f]{40}")
POINTER_MAX = 1024
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n"
    rb"(?:ext-[^\n]+\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n?"
)


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to be stored; the fields are the columns of `tables.GitObject`."""

    oid: str
    kind: str
    data: bytes
    large: bool = False
    content_sha256: str | None = None
    content_size: int | None = None

    def row(self, repo_id: int) -> dict[str, Any]:
        return {
            "repo_id": repo_id,
            "oid": self.oid,
            "kind": self.kind,
            "size": len(self.data),
            "large": self.large,
            "content_sha256": self.content_sha256,
            "content_size": self.content_size,
            "data": self.data,
        }


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a tree."""

    mode: int
    oid: str

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Tell whether there are bytes behind it: a symbolic link too, a submodule not."""
        return not self.is_folder and self.mode != SUBMODULE


def is_oid(text: str) -> bool:
    return _OID.fullmatch(text) is not None


def file_object(content: bytes) -> NewObject:
    digest = hashlib.sha256(content).hexdigest()
    return _made("blob", Blob.from_string(content), False, digest, len(content))


def pointer_object(sha256: str, size: int) -> NewObject:
    """Return the git-lfs pointer that stands for a large file."""
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
    return _made("blob", Blob.from_string(text.encode()), True, sha256, size)


def read_pointer(content: bytes) -> tuple[str, int] | None:
    """Return the SHA-256 and size in a git-lfs pointer; None when the content is something else."""
    found = _POINTER.fullmatch(content) if len(content) <= POINTER_MAX else None
    return None if found is None else (found[1].decode(), int(found[2]))


def tree_object(items: Mapping[str, Item]) -> NewObject:
    tree = Tree()
    for name, item in items.items():
        tree.add(name.encode(errors="surrogateescape"), item.mode, ObjectID(item.oid.encode()))
    return _made("tree", tree)


def read_tree(data: bytes) -> dict[str, Item]:
    """Return the lines of a tree by name, in git's order."""
    return {
        name.decode(errors="surrogateescape"): Item(mode, oid.decode())
        for name, mode, oid in parse_tree(data, 20)
    }


@dataclass(frozen=True, slots=True)
class Person:
    """Who a commit or tag is by; the address leads nowhere."""

    name: str

    def line(self) -> bytes:
        return f"{self.name} <{self.name}@users.noreply.lorahub>".encode()


def commit_object(
    tree: str, parents: Sequence[str], author: Person, moment: datetime, message: str
) -> NewObject:
    commit = Commit()
    commit.tree = ObjectID(tree.encode())
    commit.parents = [ObjectID(parent.encode()) for parent in parents]
    commit.author = commit.committer = author.line()
    commit.author_time = commit.commit_time = int(moment.timestamp())
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = message.encode()
    return _made("commit", commit)


def tag_object(name: str, commit: str, author: Person, moment: datetime, message: str) -> NewObject:
    tag = Tag()
    tag.name = name.encode()
    tag.object = (Commit, ObjectID(commit.encode()))
    tag.tagger = author.line()
    tag.tag_time = int(moment.timestamp())
    tag.tag_timezone = 0
    tag.message = message.encode()
    return _made("tag", tag)


def unique(objects: Iterable[NewObject]) -> list[NewObject]:
    return list({made.oid: made for made in objects}.values())


def _made(
    kind: str,
    made: ShaFile,
    large: bool = False,
    content_sha256: str | None = None,
    content_size: int | None = None,
) -> NewObject:
    data = made.as_raw_string()
    return NewObject(made.id.decode(), kind, data, large, content_sha256, content_size)
