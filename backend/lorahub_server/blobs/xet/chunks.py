"""One chunk: an 8-byte header, then its bytes, stored or packed in one of two ways."""

from dataclasses import dataclass

import lz4.frame

from lorahub_server.blobs.xet.errors import BadXorb
from lorahub_server.blobs.xet.limits import CHUNK_BYTES, PACKED_BYTES

HEADER_BYTES = 8
_STORED, _LZ4, _GROUPED_LZ4 = range(3)
_GROUPS = 4


@dataclass(frozen=True, slots=True)
class ChunkHeader:
    """`packed` bytes follow, which are `size` bytes of the file."""

    scheme: int
    packed: int
    size: int


def parse_header(data: bytes) -> ChunkHeader:
    if len(data) != HEADER_BYTES:
        raise _bad("ends inside a chunk's header")
    if data[0] != 0:
        raise _bad(f"has a chunk of version {data[0]}; this hub knows version 0")
    header = ChunkHeader(
        scheme=data[4],
        packed=int.from_bytes(data[1:4], "little"),
        size=int.from_bytes(data[5:8], "little"),
    )
    if header.scheme not in {_STORED, _LZ4, _GROUPED_LZ4}:
        raise _bad(f"has a chunk packed in a way that this hub does not know ({header.scheme})")
    if not 1 <= header.size <= CHUNK_BYTES or not 1 <= header.packed <= PACKED_BYTES:
        raise _bad(f"has a chunk that is empty or larger than {CHUNK_BYTES} bytes")
    return header


def unpack(header: ChunkHeader, packed: bytes) -> bytes:
    """Return the chunk's own bytes, never more than the header says."""
    if len(packed) != header.packed:
        raise _bad("ends inside a chunk")
    data = packed if header.scheme == _STORED else _unpack_lz4(packed, header.size)
    if len(data) != header.size:
        raise _bad("has a chunk whose size is not what its header says")
    return _ungrouped(data) if header.scheme == _GROUPED_LZ4 else data


def _unpack_lz4(packed: bytes, size: int) -> bytes:
    frame = lz4.frame.LZ4FrameDecompressor()
    try:
        data: bytes = frame.decompress(packed, max_length=size + 1)
    except RuntimeError as error:
        raise _bad("has a chunk that does not unpack") from error
    if not frame.eof or frame.unused_data:
        raise _bad("has a chunk whose size is not what its header says")
    return data


def _ungrouped(data: bytes) -> bytes:
    """Undo the sorting of bytes by their place in words of four, which packs weights better."""
    result = bytearray(len(data))
    at = 0
    for group in range(_GROUPS):
        length = len(range(group, len(data), _GROUPS))
        result[group::_GROUPS] = data[at : at + length]
        at += length
    return bytes(result)


def _bad(what: str) -> BadXorb:
    return BadXorb(f"The bundle of chunks {what}. Send it again, with a newer client.")
