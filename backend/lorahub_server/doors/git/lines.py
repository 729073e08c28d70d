"""The lines that git's protocol consists of, and what both of its ends may say of themselves."""

from collections.abc import Iterator, Mapping

from dulwich.errors import GitProtocolError
from dulwich.protocol import (
    CAPABILITY_NO_PROGRESS,
    CAPABILITY_QUIET,
    CAPABILITY_SIDE_BAND_64K,
    SIDE_BAND_CHANNEL_DATA,
    SIDE_BAND_CHANNEL_FATAL,
    SIDE_BAND_CHANNEL_PROGRESS,
    Protocol,
    capability_object_format,
    pkt_line,
)

from lorahub import __version__
from lorahub_server.kit.errors import BadRequest, HubError

# Bytes of one line, without the four of its length and the one of its band.
_LINE_MAX = 65515
AGENT = b"agent=lorahub/" + __version__.encode()
FORMAT = capability_object_format("sha1")


class BadLines(BadRequest):
    """What came is not git's protocol."""

    code = "bad_git_protocol"

    def __init__(self) -> None:
        super().__init__("This is not what git sends. Use a git program to fetch and push.")


class WrongType(HubError):
    status = 415
    code = "unsupported_media_type"

    def __init__(self) -> None:
        super().__init__("Only git programs can use this address.")


def name_of(name: str) -> str:
    """Return the repository's name: addresses may end in .git."""
    return name.removesuffix(".git")


def no_cache(kind: str) -> Mapping[str, str]:
    return {"Content-Type": f"application/x-{kind}", "Cache-Control": "no-cache"}


def check_type(content_type: str | None, service: str) -> None:
    """Raise unless a program says that it speaks git: a page's form can't."""
    if content_type != f"application/x-{service}-request":
        raise WrongType


def read_line(wire: Protocol) -> bytes | None:
    """Return the next line, without its end; None at the end of a section."""
    try:
        line = wire.read_pkt_line()
    except GitProtocolError as error:
        raise BadLines from error
    return None if line is None else line.removesuffix(b"\n")


def capabilities(texts: list[bytes]) -> frozenset[bytes]:
    """Return the client's capabilities by their names alone."""
    return frozenset(text.partition(b"=")[0] for text in texts)


class Bands:
    """Data, progress and errors in one stream, for clients that can tell them apart."""

    def __init__(self, client: frozenset[bytes]) -> None:
        self._has_bands = CAPABILITY_SIDE_BAND_64K in client
        self._is_quiet = bool({CAPABILITY_NO_PROGRESS, CAPABILITY_QUIET} & client)

    def data(self, piece: bytes) -> bytes:
        return self._on(SIDE_BAND_CHANNEL_DATA, piece) if self._has_bands else piece

    def progress(self, text: str) -> bytes:
        """Return what a person sees behind `remote:`, unless they want no progress."""
        return b"" if self._is_quiet else self.message(text)

    def message(self, text: str) -> bytes:
        """Return what a person sees behind `remote:` in any case."""
        return self._on(SIDE_BAND_CHANNEL_PROGRESS, text.encode()) if self._has_bands else b""

    def failure(self, text: str) -> bytes:
        return self._on(SIDE_BAND_CHANNEL_FATAL, text.encode()) if self._has_bands else b""

    def end(self) -> bytes:
        return pkt_line(None) if self._has_bands else b""

    @staticmethod
    def _on(channel: int, piece: bytes) -> bytes:
        return b"".join(pkt_line(bytes([channel]) + part) for part in _cut(piece))


def _cut(piece: bytes) -> Iterator[bytes]:
    for at in range(0, len(piece), _LINE_MAX):
        yield piece[at : at + _LINE_MAX]
