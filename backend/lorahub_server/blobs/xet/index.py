"""What a stored bundle of chunks holds where: it lies behind the chunks' bytes in the store."""

import struct
from itertools import accumulate

from lorahub_server.blobs.xet.hashes import HASH_BYTES

_SIZE = struct.Struct("<I")
ENTRY_BYTES = HASH_BYTES + _SIZE.size


class Index:
    """The hashes and sizes of chunks in their order."""

    def __init__(self) -> None:
        self.hashes = bytearray()
        self.sizes: list[int] = []

    def add(self, value: bytes, size: int) -> None:
        self.hashes += value
        self.sizes.append(size)

    def __len__(self) -> int:
        return len(self.sizes)

    def pack(self) -> bytes:
        return bytes(self.hashes) + struct.pack(f"<{len(self.sizes)}I", *self.sizes)

    @classmethod
    def unpack(cls, data: bytes) -> "Index":
        count = len(data) // ENTRY_BYTES
        index = cls()
        index.hashes += data[: count * HASH_BYTES]
        index.sizes += struct.unpack_from(f"<{count}I", data, count * HASH_BYTES)
        return index

    def offsets(self) -> list[int]:
        """Return where each chunk begins, and where the last one ends."""
        return list(accumulate(self.sizes, initial=0))

    def hashes_of(self, start: int, end: int) -> bytes:
        return bytes(self.hashes[start * HASH_BYTES : end * HASH_BYTES])
