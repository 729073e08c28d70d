"""Bodies of git's requests: git compresses them when it likes."""

import zlib
from collections.abc import Iterable, Iterator

from fastapi import Request

from lorahub_server.doors.middleware.limits import BODY_MAX
from lorahub_server.doors.streams import Body, pour
from lorahub_server.kit.errors import BadRequest, TooLarge

_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 256 * 1024


async def whole_body(request: Request) -> bytes:
    """Return the body, which is small, as it was before it was compressed."""
    encoding = request.headers.get("content-encoding")

    def gather(chunks: Iterable[bytes]) -> bytes:
        return b"".join(plain(chunks, encoding, limit=BODY_MAX))

    return await pour(Body(request), gather, limit=BODY_MAX)


def plain(chunks: Iterable[bytes], encoding: str | None, *, limit: int) -> Iterator[bytes]:
    """Yield what was sent, in pieces of bounded size; raise TooLarge beyond `limit` bytes."""
    if encoding in {None, "", "identity"}:
        yield from chunks
    elif encoding in {"gzip", "x-gzip"}:
        yield from _unzipped(chunks, limit)
    else:
        raise BadRequest("The body is compressed in a way that is not understood. Use gzip.")


def _unzipped(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    stream = zlib.decompressobj(_GZIP)
    left = limit
    for chunk in chunks:
        rest = chunk
        while rest and not stream.eof:
            try:
                piece = stream.decompress(rest, _PIECE)
            except zlib.error as error:
                raise BadRequest("The body is not sound gzip. Send it again.") from error
            rest = stream.unconsumed_tail
            left -= len(piece)
            if left < 0:
                raise TooLarge(f"The request is larger than {limit} bytes.", limit=limit)
            if piece:
                yield piece
    if not stream.eof:
        raise BadRequest("The body broke off. Send it again.")
