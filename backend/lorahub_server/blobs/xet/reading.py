"""Fixed numbers of bytes from a stream of pieces of any size."""

from collections.abc import Iterable


class Source:
    """Holds back at most one piece and what was asked for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = memoryview(b"")

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer only at the end."""
        if len(self._left) >= size:  # the usual case, without a copy of a copy
            taken, self._left = self._left[:size], self._left[size:]
            return bytes(taken)
        parts = [self._left]
        missing = size - len(self._left)
        self._left = memoryview(b"")
        while missing and (piece := next(self._pieces, None)) is not None:
            view = memoryview(piece)
            parts.append(view[:missing])
            self._left = view[missing:]
            missing -= min(missing, len(view))
        return b"".join(parts)

    def drain(self) -> int:
        """Read to the end; return how many bytes that were."""
        size = len(self._left) + sum(len(piece) for piece in self._pieces)
        self._left = memoryview(b"")
        return size
