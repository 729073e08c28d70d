"""The bytes of a pack as they arrive, read in the portions that its parts have."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator

from lorahub_server.kit.errors import HubError

_PIECE = 64 * 1024
# Seven bits of a number in each; enough for every size that is not nonsense.
_NUMBER_BYTES = 9


class BadPack(HubError):
    """What was pushed is not a sound pack."""

    status = 422
    code = "bad_pack"

    def __init__(self) -> None:
        super().__init__("What arrived is damaged or incomplete. Push again.")


class Source:
    """`position` and `digest` are of what was read since the pack began (`begin_pack`)."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._at = 0
        self._digest = hashlib.sha1(usedforsecurity=False)
        self.position = 0

    def begin_pack(self) -> None:
        self._digest = hashlib.sha1(usedforsecurity=False)
        self.position = 0

    def digest(self) -> bytes:
        return self._digest.digest()

    def read_most(self, size: int) -> bytes:
        """Return so many bytes, fewer only at the end."""
        parts = []
        while size and (part := self._take(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def read(self, size: int) -> bytes:
        """Return so many bytes, or raise BadPack."""
        data = self.read_most(size)
        if len(data) < size:
            raise BadPack
        return data

    def some(self) -> bytes:
        """Return what is at hand; nothing only at the end."""
        return self._take(_PIECE)

    def entry_header(self) -> tuple[int, int]:
        """Return the type and the size of the object that begins here."""
        byte = self.read(1)[0]
        number, size, shift = byte >> 4 & 7, byte & 15, 4
        for _ in range(_NUMBER_BYTES):
            if not byte & 0x80:
                return number, size
            byte = self.read(1)[0]
            size |= (byte & 0x7F) << shift
            shift += 7
        raise BadPack

    def base_distance(self) -> int:
        """Return how far before an object the one lies that it is a change of."""
        byte = self.read(1)[0]
        distance = byte & 0x7F
        for _ in range(_NUMBER_BYTES):
            if not byte & 0x80:
                return distance
            byte = self.read(1)[0]
            distance = (distance + 1) << 7 | byte & 0x7F
        raise BadPack

    def inflated(self, size: int) -> Iterator[bytes]:
        """Yield an object's bytes, exactly so many, in small pieces."""
        stream = zlib.decompressobj()
        left = size
        while not stream.eof:
            data = self._at_hand()
            if not data:
                raise BadPack
            rest = data
            while rest and not stream.eof:
                try:
                    # One more than there may be, so that too many are noticed.
                    piece = stream.decompress(rest, min(left + 1, _PIECE))
                except zlib.error as error:
                    raise BadPack from error
                rest = stream.unconsumed_tail
                left -= len(piece)
                if left < 0:
                    raise BadPack
                if piece:
                    yield piece
            self._go_on(len(data) - len(stream.unused_data))
        if left:
            raise BadPack

    def _take(self, most: int) -> bytes:
        data = self._at_hand()[:most]
        self._go_on(len(data))
        return data

    def _at_hand(self) -> bytes:
        """Return what arrived and was not read yet; nothing only at the end."""
        while self._at == len(self._chunk):
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._chunk, self._at = chunk, 0
        return self._chunk[self._at : self._at + _PIECE]

    def _go_on(self, size: int) -> None:
        self._digest.update(self._chunk[self._at : self._at + size])
        self._at += size
        self.position += size
