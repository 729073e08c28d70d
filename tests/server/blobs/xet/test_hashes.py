import random

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.blobs.xet import hashes
from lorahub_server.blobs.xet.reading import Source

NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")


def plain_root(nodes: list[tuple[bytes, int]]) -> bytes:
    """The tree as it is defined, all levels in memory."""
    if not nodes:
        return bytes(32)
    while len(nodes) > 1:
        above = []
        while nodes:
            cut = len(nodes[:9])
            for at in range(2, cut):
                if int.from_bytes(nodes[at][0][24:], "little") % 4 == 0:
                    cut = at + 1
                    break
            group, nodes = nodes[:cut], nodes[cut:]
            text = "".join(f"{hashes.to_text(value)} : {size}\n" for value, size in group)
            value = blake3(text.encode(), key=NODE_KEY).digest()
            above.append((value, sum(size for _, size in group)))
        nodes = above
    return nodes[0][0]


@given(count=st.integers(0, 400), seed=st.integers(0, 2**32))
def test_the_tree_in_little_memory_is_the_defined_one(count, seed):
    rng = random.Random(seed)
    nodes = [(rng.randbytes(32), rng.randint(1, 10**6)) for _ in range(count)]
    tree = hashes.Tree()
    for value, size in nodes:
        tree.add(value, size)
    assert tree.root() == plain_root(nodes)


def test_known_hashes():
    # From the client's capture: the one chunk `x`, and a bundle of it alone.
    value = hashes.chunk_hash(b"x")
    assert hashes.to_text(value) == (
        "06ce6a7a21b7b0a1d5f78961c0121bad538b70f033b096dfa588f37bc0805276"
    )
    tree = hashes.Tree()
    tree.add(value, 1)
    assert tree.root() == value
    assert hashes.file_hash(hashes.ZERO) == hashes.ZERO


@given(value=st.binary(min_size=32, max_size=32))
def test_text_and_back(value):
    assert hashes.from_text(hashes.to_text(value)) == value


@pytest.mark.parametrize("text", ["", "00", "g" * 64, "0" * 63, "0" * 65, " " * 64, "00 " * 32])
def test_texts_that_are_no_hash(text):
    with pytest.raises(hashes.InvalidHash):
        hashes.from_text(text)


@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 30)), sizes=st.data())
def test_a_source_gives_what_was_asked(data, cuts, sizes):
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(data[at : at + cut])
        at += cut
    pieces.append(data[at:])
    source, taken = Source(pieces), b""
    while True:
        size = sizes.draw(st.integers(1, 50))
        part = source.take(size)
        taken += part
        if len(part) < size:
            break
    assert taken == data
    assert source.drain() == 0
