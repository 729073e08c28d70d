"""Packs from strangers: what is sound is read whole, the rest is refused in little memory."""

import os
import random
import tracemalloc
import zlib

import pytest
from dulwich.pack import OFS_DELTA, REF_DELTA, apply_delta, create_delta

from lorahub_server.kit.errors import HubError, TooLarge
from lorahub_server.repos import limits, pack_read
from lorahub_server.repos.pack_delta import delta, sizes_of
from lorahub_server.repos.pack_read import unpacking
from lorahub_server.repos.pack_source import BadPack, Source
from support import packs
from support.git import Git

MIB = 1024 * 1024


def chunks(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


def unpack(unpacked, data, *, size=4096, outside=None):
    """Unpack, and fail when it takes much memory."""
    tracemalloc.start()
    try:
        _unpack(unpacked, data, size, outside)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * MIB


def _unpack(unpacked, data, size, outside):
    source = Source(chunks(data, size))
    source.begin_pack()
    unpacked.unpack(source)
    unpacked.resolve(lambda oids: {o: outside[o] for o in oids if o in (outside or {})})


def refused(data, kind=BadPack, **more):
    with unpacking() as unpacked, pytest.raises(kind):
        unpack(unpacked, data, **more)


@pytest.mark.parametrize("size", [1, 7, 4096, 10**9])
def test_what_git_packs_is_unpacked(tmp_path, size):
    git, chance = Git(tmp_path / "git"), random.Random(size)
    text = "".join(f"line {number}\n" for number in range(400))
    for number in range(12):
        lines = text.splitlines(keepends=True)
        lines[chance.randrange(400)] = f"changed {number}\n"
        text = "".join(lines)
        (git.folder / "a.txt").write_text(text)
        (git.folder / f"{number}.bin").write_bytes(chance.randbytes(3000))
        git.run("add", "-A")
        git.run("-c", "user.name=a", "-c", "user.email=b", "commit", "-q", "-m", f"{number}")
    git.run("gc", "-q", "--aggressive")
    (path,) = (git.folder / ".git/objects/pack").glob("*.pack")
    wanted = {
        line.split()[0]: line.split()[1]
        for line in git.run("cat-file", "--batch-all-objects", "--batch-check").splitlines()
    }
    with unpacking() as unpacked:
        unpack(unpacked, path.read_bytes(), size=size)
        for oid, kind in wanted.items():
            assert unpacked.kind(oid) == kind
            assert packs.oid(kind, unpacked.data(oid)) == oid
        assert unpacked.oids("commit") == {o for o, kind in wanted.items() if kind == "commit"}


def test_changes_of_what_is_here_already():
    base, new = b"base\n" * 50, b"base\n" * 50 + b"more\n"
    change = b"".join(create_delta(base, new))
    outer = packs.oid("blob", base)
    data = packs.pack([packs.entry(REF_DELTA, change, base=bytes.fromhex(outer))])
    with unpacking() as unpacked:
        unpack(unpacked, data, outside={outer: ("blob", base)})
        assert unpacked.data(packs.oid("blob", new)) == new
        assert outer not in unpacked
    refused(data)


def test_a_long_chain_of_changes():
    """The objects come in the wrong order, and each is a change of the next."""
    contents = [b"%05d" % number * 60 for number in range(3000)]
    entries = []
    for number in range(2999, 0, -1):
        change = b"".join(create_delta(contents[number - 1], contents[number]))
        base = bytes.fromhex(packs.oid("blob", contents[number - 1]))
        entries.append(packs.entry(REF_DELTA, change, base=base))
    with unpacking() as unpacked:
        unpack(unpacked, packs.pack([*entries, packs.whole("blob", contents[0])]))
        assert unpacked.data(packs.oid("blob", contents[-1])) == contents[-1]


def blob(data=b"text"):
    return packs.whole("blob", data)


SOUND = packs.pack([blob(), blob(b"more")])
NOWHERE = packs.entry(REF_DELTA, b"\x04\x04\x04text", base=b"\x07" * 20)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PACK",
        b"pack" + SOUND[4:],
        SOUND[:-1],
        SOUND[:-20],
        SOUND + b"x",
        SOUND[:-1] + bytes([SOUND[-1] ^ 1]),
        packs.pack([blob()], count=2),
        packs.pack([blob(), blob(b"x")], count=1),
        packs.pack([blob()], version=4),
        packs.pack([packs.entry(0, b"x")]),
        packs.pack([packs.entry(5, b"x")]),
        packs.pack([packs.entry(3, b"text", size=3)]),
        packs.pack([packs.entry(3, b"text", size=5)]),
        packs.pack([b"\xb4" + b"\x80" * 40 + zlib.compress(b"text")]),
        packs.pack([b"\x34not zlib"]),
        packs.pack([NOWHERE]),
        packs.pack([blob(), packs.entry(OFS_DELTA, b"\x04\x04\x04text", base=500)]),
        packs.pack([blob(), packs.entry(OFS_DELTA, b"\x04\x04\x04text", base=3)]),
        packs.pack([blob(), packs.entry(OFS_DELTA, b"\x04\x04\x04te", base=len(blob()))]),
        packs.pack([blob(), packs.entry(OFS_DELTA, b"\x04", base=len(blob()))]),
        packs.pack([blob(), packs.entry(OFS_DELTA, b"", base=len(blob()))]),
        packs.pack([blob(), packs.entry(OFS_DELTA, b"\x05\x04\x04text", base=len(blob()))]),
        packs.pack([blob(), packs.entry(OFS_DELTA, b"\x04\x09\x91\x02\x09", base=len(blob()))]),
        packs.pack([blob(), packs.entry(OFS_DELTA, b"\x80" * 30 + b"\1", base=len(blob()))]),
    ],
)
@pytest.mark.parametrize("size", [3, 4096])
def test_damaged_packs(data, size):
    refused(data, size=size)


def test_every_cut_and_every_changed_byte():
    chance = random.Random(5)
    for at in range(len(SOUND)):
        refused(SOUND[:at])
        changed = bytearray(SOUND)
        changed[at] ^= 1 << chance.randrange(8)
        refused(bytes(changed), HubError)


def test_changes_in_a_circle():
    one, two = b"\1" * 20, b"\2" * 20
    change = b"\x04\x04\x04text"
    refused(packs.pack([packs.entry(REF_DELTA, change, base=b) for b in (one, two)]))


class TestBombs:
    def test_more_than_was_claimed(self):
        refused(packs.pack([packs.entry(3, bytes(64 * MIB), size=100)]))

    def test_a_large_file_is_remembered_but_not_kept(self):
        content = os.urandom(64) + bytes(20 * MIB)
        with unpacking() as unpacked:
            unpack(unpacked, packs.pack([blob(content)]))
            found = unpacked.big[packs.oid("blob", content)]
            assert (found.size, found.head[:64]) == (len(content), content[:64])
            assert packs.oid("blob", content) not in unpacked

    @pytest.mark.parametrize("kind", ["commit", "tree", "tag"])
    def test_what_is_no_file_must_be_short(self, kind):
        refused(packs.pack([packs.whole(kind, bytes(5 * MIB))]), TooLarge)

    def test_a_change_that_makes_something_large(self):
        copies = b"\xb0\xff\xff" * 1000  # each copies 64 KiB
        number, made = 1000 * 65535, bytearray()
        while number > 0x7F:
            made.append(number & 0x7F | 0x80)
            number >>= 7
        made.append(number)
        change = b"\x80\x80\x04" + bytes(made) + copies
        base = packs.whole("blob", bytes(65536))
        with unpacking() as unpacked:
            unpack(unpacked, packs.pack([base, packs.entry(OFS_DELTA, change, base=len(base))]))
            assert unpacked.has_lost
        tall = b"\x80\x80\x04" + b"\xff" * 8 + b"\x7f" + copies
        with unpacking() as unpacked:
            unpack(unpacked, packs.pack([base, packs.entry(OFS_DELTA, tall, base=len(base))]))
            assert unpacked.has_lost

    def test_a_large_change(self):
        base = blob()
        change = packs.entry(OFS_DELTA, bytes(30 * MIB), base=len(base))
        with unpacking() as unpacked:
            unpack(unpacked, packs.pack([base, change]))
            assert unpacked.has_lost

    def test_too_many_objects(self):
        refused(packs.pack([], count=limits.PACK_OBJECTS_MAX + 1), TooLarge)

    def test_too_much_in_all(self, monkeypatch):
        monkeypatch.setattr(pack_read, "UNPACKED_MAX", 30 * MIB)
        refused(packs.pack([blob(bytes(MIB)) for _ in range(31)]), TooLarge)
        refused(packs.pack([blob(bytes(2 * MIB)) for _ in range(16)]), TooLarge)


def test_a_change_is_made_and_read_back():
    chance = random.Random(1)
    made = 0
    for _ in range(500):
        base = chance.randbytes(chance.randrange(0, 200_000))
        start = chance.randrange(0, len(base) + 1)
        stop = chance.randrange(start, len(base) + 1)
        target = base[:start] + chance.randbytes(chance.randrange(0, 300)) + base[stop:]
        change = delta(base, target)
        if change is not None:
            made += 1
            assert sizes_of(change) == (len(base), len(target))
            assert b"".join(apply_delta(base, change)) == target
    assert made > 200
