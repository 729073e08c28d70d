"""The hashes of Xet: of a chunk, of the tree above a sequence of chunks, of a file."""

from blake3 import blake3

from lorahub_server.kit.errors import BadRequest

HASH_BYTES = 32
ZERO = bytes(HASH_BYTES)

_DATA_KEY = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
_NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
_RANGE_KEY = bytes.fromhex("7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3")

# A node of the tree has 3 to 9 children; one whose hash is divisible by 4 is the last of them.
_FEWEST = 3
_MOST = 9
_CUT_MASK = 3
_CUT_BYTE = 24

_Node = tuple[bytes, int]


class InvalidHash(BadRequest):
    code = "invalid_hash"


def chunk_hash(data: bytes) -> bytes:
    return blake3(data, key=_DATA_KEY).digest()


def range_hash(chunk_hashes: bytes) -> bytes:
    """Return what proves knowledge of a run of chunks, from their hashes joined."""
    return blake3(chunk_hashes, key=_RANGE_KEY).digest()


def file_hash(root: bytes) -> bytes:
    """Return the hash of a file from that of the tree above its chunks; an empty one has zeros."""
    return ZERO if root == ZERO else blake3(root, key=ZERO).digest()


def to_text(value: bytes) -> str:
    """Return a hash as addresses have it: four little-endian numbers in hex."""
    return b"".join(value[at : at + 8][::-1] for at in range(0, HASH_BYTES, 8)).hex()


def from_text(text: str) -> bytes:
    """Return the bytes of a hash in an address; raise InvalidHash."""
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != HASH_BYTES or len(text) != 2 * HASH_BYTES:
        raise InvalidHash("A hash has 64 hexadecimal digits; correct it.")
    return b"".join(value[at : at + 8][::-1] for at in range(0, HASH_BYTES, 8))


class Tree:
    """The tree above a sequence of chunks, of any length in little memory."""

    def __init__(self) -> None:
        # On each level the nodes that have no parent yet, and how many there were.
        self._open: list[list[_Node]] = [[]]
        self._seen = [0]

    def add(self, value: bytes, size: int) -> None:
        self._put(0, (value, size))

    def root(self) -> bytes:
        """Return the hash above all that was added; nothing can be added any more."""
        level = 0
        while self._seen[level] > 1:
            if self._open[level]:
                self._close(level)
            level += 1
        return self._open[level][0][0] if self._open[level] else ZERO

    def _put(self, level: int, node: _Node) -> None:
        if level == len(self._open):
            self._open.append([])
            self._seen.append(0)
        nodes = self._open[level]
        nodes.append(node)
        self._seen[level] += 1
        last = not node[0][_CUT_BYTE] & _CUT_MASK
        if len(nodes) >= (_FEWEST if last else _MOST):
            self._close(level)

    def _close(self, level: int) -> None:
        nodes = self._open[level]
        lines = "".join(f"{to_text(value)} : {size}\n" for value, size in nodes)
        parent = blake3(lines.encode(), key=_NODE_KEY).digest()
        total = sum(size for _, size in nodes)
        nodes.clear()
        self._put(level + 1, (parent, total))
