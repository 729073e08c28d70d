"""Sending one large file in pieces, going on where an earlier run was cut off."""

from collections.abc import Callable, Iterator
from pathlib import Path

from lorahub.errors import (
    UNPROCESSABLE,
    Conflict,
    LorahubError,
    NetworkFailed,
    ServerError,
    VerificationFailed,
)
from lorahub.hub import Hub
from lorahub.models import Upload, Verified
from lorahub.net import patience
from lorahub.transfer.hashing import sha256_of

PIECE_BYTES = 16 * 1024 * 1024
_READ_BYTES = 256 * 1024


class Piece:
    """Bytes of a file as a request's body; each round reads them anew."""

    def __init__(
        self, place: Path, offset: int, length: int, on_bytes: Callable[[int], None]
    ) -> None:
        self._place = place
        self._offset = offset
        self._length = length
        self._on_bytes = on_bytes
        self._told = 0

    def __iter__(self) -> Iterator[bytes]:
        self._on_bytes(-self._told)
        self._told = 0
        left = self._length
        with self._place.open("rb", buffering=0) as file:
            file.seek(self._offset)
            while left > 0:
                data = file.read(min(_READ_BYTES, left))
                if not data:
                    raise changed(self._place)
                yield data
                left -= len(data)
                self._told += len(data)
                self._on_bytes(len(data))


def upload_file(
    hub: Hub,
    place: Path,
    sha256: str | None = None,
    *,
    name: str | None = None,
    on_bytes: Callable[[int], None] = lambda _: None,
    on_there: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Send a file and have it verified. `on_bytes` is told what was sent, less what was in vain;
    `on_there` what the hub had already.
    """
    before = place.stat()
    sha256 = sha256 or sha256_of(place)
    upload = hub.open_upload(name or place.name, before.st_size, sha256)
    if upload.state == "done" and upload.sha256 == sha256:
        on_there(before.st_size)
        return Verified(sha256, before.st_size)
    on_there(upload.offset)
    _send_all(hub, place, upload, on_bytes)
    after = place.stat()
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise changed(place)
    try:
        verified = hub.complete(upload.id, before.st_size)
    except ServerError as error:
        if error.status == UNPROCESSABLE:
            at = f" ({error.place})" if error.place else ""
            shown = name or place.name
            raise VerificationFailed(f"{shown}{at}: {error.message}", code=error.code) from error
        raise
    if verified.sha256 != sha256:
        raise changed(place)
    return verified


def _send_all(hub: Hub, place: Path, upload: Upload, on_bytes: Callable[[int], None]) -> None:
    at = upload.offset
    failures = 0
    while at < upload.size:
        length = min(PIECE_BYTES, upload.size - at)
        sent = _Count(on_bytes)
        trouble: LorahubError | None = None
        try:
            now = hub.append(upload.id, at, Piece(place, at, length, sent), length).offset
        except Conflict as error:
            # Another run, or this one before a connection broke, brought the hub further.
            closed = error.code == "upload_closed"
            now = upload.size if closed else error.details.get("offset", at)
            trouble = error
        except NetworkFailed as error:
            now = hub.get_upload(upload.id).offset
            trouble = error
        if not isinstance(now, int) or not 0 <= now <= upload.size:
            raise NetworkFailed("The hub's answer to a piece of the file was not understood.")
        on_bytes(now - at - sent.total)
        failures = failures + 1 if now <= at else 0
        if failures > hub.session.retries:
            raise trouble or NetworkFailed("The hub takes no more of the file. Push again.")
        if failures:
            hub.session.pause(patience.wait_before(failures - 1))
        at = now


class _Count:
    """Passes on what is told, and remembers it."""

    def __init__(self, on_bytes: Callable[[int], None]) -> None:
        self.total = 0
        self._on_bytes = on_bytes

    def __call__(self, count: int) -> None:
        self.total += count
        self._on_bytes(count)


def changed(place: Path) -> LorahubError:
    return LorahubError(
        f"{place} changed while it was being sent. Push again when it is written.", code="changed"
    )
