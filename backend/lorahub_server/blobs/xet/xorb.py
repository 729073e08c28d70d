"""A xorb: a bundle of chunks, named by the hash of the tree above them. Read as it arrives."""

from collections.abc import Iterable, Iterator

from lorahub_server.blobs.xet import chunks
from lorahub_server.blobs.xet.errors import BadXorb
from lorahub_server.blobs.xet.hashes import Tree, chunk_hash
from lorahub_server.blobs.xet.index import Index
from lorahub_server.blobs.xet.limits import XORB_BYTES, XORB_CHUNKS
from lorahub_server.blobs.xet.reading import Source

# Clients may send their index behind the chunks; the server makes its own.
_FOOTER = b"XETBLOB"


def read_xorb(pieces: Iterable[bytes], expected: bytes, index: Index) -> Iterator[bytes]:
    """Give the chunks' own bytes while filling `index`; raise BadXorb unless the hash is right.

    The error comes at the latest after the last chunk, so nothing may be kept before the end.
    """
    source, tree, total = Source(pieces), Tree(), 0
    while head := source.take(chunks.HEADER_BYTES):
        if head.startswith(_FOOTER):
            source.drain()
            break
        header = chunks.parse_header(head)
        total += header.size
        if total > XORB_BYTES or len(index) >= XORB_CHUNKS:
            raise BadXorb(
                f"A bundle has at most {XORB_CHUNKS} chunks and {XORB_BYTES} bytes. "
                "Send several smaller ones."
            )
        data = chunks.unpack(header, source.take(header.packed))
        value = chunk_hash(data)
        index.add(value, len(data))
        tree.add(value, len(data))
        yield data
    if not len(index) or tree.root() != expected:
        raise BadXorb(
            "The chunks that arrived are not those that were announced; they were damaged on "
            "the way. Send them again."
        )
