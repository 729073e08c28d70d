"""Packs by hand, sound and otherwise, and pushes without a client."""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Sequence

from dulwich.object_format import SHA1
from dulwich.pack import pack_object_header

KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
ZERO = "0" * 40


def oid(kind: str, data: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).hexdigest()


def entry(number: int, data: bytes, *, base: bytes | int | None = None, size: int = -1) -> bytes:
    """One object; `size` is what it claims."""
    head = pack_object_header(number, base, len(data) if size < 0 else size, SHA1)
    return bytes(head) + zlib.compress(data)


def whole(kind: str, data: bytes) -> bytes:
    return entry(KINDS[kind], data)


def pack(entries: Sequence[bytes], *, count: int = -1, version: int = 2) -> bytes:
    number = len(entries) if count < 0 else count
    body = b"PACK" + struct.pack(">LL", version, number) + b"".join(entries)
    return body + hashlib.sha1(body).digest()


def commit(
    tree: str,
    *parents: str,
    message: bytes = b"Change\n",
    who: bytes = b"A <a@b>",
    time: int = 1_700_000_000,
    more: bytes = b"",
) -> bytes:
    lines = [f"tree {tree}".encode(), *(f"parent {p}".encode() for p in parents)]
    stamp = f"{time} +0000".encode()
    lines += [b"author " + who + b" " + stamp, b"committer " + who + b" " + stamp]
    return b"\n".join(lines) + b"\n" + more + b"\n" + message


def tree(*lines: tuple[str, str, str]) -> bytes:
    """Lines of mode, name and id, as they are."""
    return b"".join(
        f"{mode} ".encode() + name.encode(errors="surrogateescape") + b"\0" + bytes.fromhex(item)
        for mode, name, item in lines
    )


class Made:
    """Objects for one push, by their ids."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[str, bytes]] = {}

    def add(self, kind: str, data: bytes) -> str:
        name = oid(kind, data)
        self.objects[name] = (kind, data)
        return name

    def files(self, files: dict[str, bytes], *parents: str, **more: object) -> str:
        """A commit that has these files, all in its top folder."""
        lines = [("100644", name, self.add("blob", data)) for name, data in sorted(files.items())]
        return self.add("commit", commit(self.add("tree", tree(*lines)), *parents, **more))

    def pack(self) -> bytes:
        return pack([whole(kind, data) for kind, data in self.objects.values()])


def line(text: bytes | None) -> bytes:
    return b"0000" if text is None else f"{len(text) + 4:04x}".encode() + text


def push_body(
    updates: Iterable[tuple[str, str, str]],
    packed: bytes = b"",
    capabilities: bytes = b"report-status side-band-64k",
) -> bytes:
    """Updates of old and new id and ref, and the pack."""
    lines = [f"{old} {new} {ref}".encode() for old, new, ref in updates]
    lines[0] += b"\0" + capabilities
    return b"".join(map(line, [*lines, None])) + packed


def bands(body: bytes) -> dict[int, bytes]:
    """What was said on each band; 0: lines outside of any."""
    said: dict[int, bytes] = {0: b"", 1: b"", 2: b"", 3: b""}
    while body:
        size = int(body[:4], 16)
        content, body = body[4:size], body[max(size, 4) :]
        if content[:1] in {b"\1", b"\2", b"\3"}:
            said[content[0]] += content[1:]
        else:
            said[0] += content
    return said
