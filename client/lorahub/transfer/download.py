"""Fetching one file into a Part: several ranges at once, hashed in order as they arrive."""

import hashlib
import http.client
import re
import threading
import time
from collections.abc import Callable

from lorahub.errors import NetworkFailed, VerificationFailed
from lorahub.net import patience
from lorahub.net.answer import Answer
from lorahub.net.connect import origin_of
from lorahub.net.session import Session
from lorahub.transfer.parallel import Trap, start
from lorahub.transfer.part import Part
from lorahub.transfer.ranges import Range, Ranges, split

# One request asks for at least and at most so much: enough to forget the cost of asking, little
# enough that the bytes can be hashed from the front while later ones arrive.
PIECE_BYTES = 8 * 1024 * 1024
_MOST_PIECE_BYTES = 64 * 1024 * 1024
# One read takes so much at most; less where bytes come slowly, to see and keep them as they come.
_LEAST_READ, _MOST_READ = 16 * 1024, 1024 * 1024
_QUICK_SECONDS, _SLOW_SECONDS = 0.05, 0.5
_RECORD_BYTES = 1024 * 1024
_HASH_BYTES = 1024 * 1024
_STOP_SECONDS = 1.0
# Where one connection brings so many bytes a second, more of them only cost.
_FAST = 150_000_000
_LOOK_SECONDS = 0.1
_OK, _PARTIAL, _NO_SUCH_RANGE, _ERRORS_FROM = 200, 206, 416, 400
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Mismatch(VerificationFailed):
    """All bytes are there, and they are not the file's."""


class _StorageRefused(OSError):
    """The store that the hub redirects to did not give the file."""


class _Segment:
    """A range on its way; `at` is the next byte, `recorded` where the state file is."""

    def __init__(self, start: int, end: int) -> None:
        self.at = self.recorded = start
        self.end = end


class Download:
    """`run` returns when the part holds exactly the file with this hash, or raises."""

    def __init__(
        self,
        session: Session,
        url: str,
        part: Part,
        sha256: str,
        *,
        connections: int,
        on_bytes: Callable[[int], None],
    ) -> None:
        self._session = session
        self._url = url
        self._part = part
        self._sha256 = sha256
        self._on_bytes = on_bytes
        self._connections = connections
        self._digest = hashlib.sha256()
        self._hashed = 0
        self._hash_buffer = memoryview(bytearray(min(_HASH_BYTES, part.size)))
        self._in_threads = False
        self._arrived = threading.Condition()
        # What some thread has or will have written. No byte is written twice: one that was hashed
        # must stay what it was.
        self._claimed = Ranges(part.there)
        self._waiting: list[Range] = []
        self._trap = Trap(self._wake)
        self._whole: _Segment | None = None

    def run(self) -> None:
        missing = self._part.there.gaps(0, self._part.size)
        size = self._part.size // (2 * self._connections)
        piece = min(max(size, PIECE_BYTES), _MOST_PIECE_BYTES)
        pieces = split(missing, piece) if self._connections > 1 else missing
        if len(pieces) <= 1:
            for start, end in pieces:
                self._hash_to(start)
                self._persist(_Segment(start, end))
        else:
            self._run_threads(pieces)
        self._hash_to(self._part.size)
        if self._digest.hexdigest() != self._sha256:
            raise Mismatch(
                f"What arrived has the SHA-256 {self._digest.hexdigest()} instead of "
                f"{self._sha256}. It was thrown away."
            )

    def _run_threads(self, pieces: list[Range]) -> None:
        """Fetch in threads; hash in this one what is there without a gap."""
        self._in_threads = True
        self._waiting = pieces[::-1]
        threads = start(1, self._work)
        more = min(self._connections, len(pieces)) - 1
        began, had = time.monotonic(), self._part.there.total
        try:
            while self._hashed < self._part.size:
                with self._arrived:
                    if not self._trap.error and self._part.there.frontier <= self._hashed:
                        self._arrived.wait(_LOOK_SECONDS)
                    self._trap.check()
                    ready = self._part.there.frontier
                    arrived = self._part.there.total - had
                seconds = time.monotonic() - began
                if more and seconds >= _LOOK_SECONDS and arrived < seconds * _FAST:
                    threads += start(more, self._work)
                    more = 0
                self._hash_to(min(ready, self._hashed + _HASH_BYTES))
        except BaseException as error:
            self._trap.error = self._trap.error or error
            raise
        finally:
            end = time.monotonic() + _STOP_SECONDS
            for thread in threads:
                thread.join(max(end - time.monotonic(), 0))
            self._part.is_in_use = any(thread.is_alive() for thread in threads)

    def _work(self) -> None:
        with self._trap:
            while True:
                with self._arrived:
                    if self._trap.error or self._whole or not self._waiting:
                        return
                    piece = self._waiting.pop()
                self._persist(_Segment(*piece))

    def _wake(self) -> None:
        with self._arrived:
            self._arrived.notify_all()

    def _persist(self, segment: _Segment) -> None:
        """Fetch a segment, asking again for the rest when the connection breaks."""
        failures = 0
        while segment.at < segment.end and not self._trap.error:
            before = segment.at
            trouble: BaseException | None = None
            try:
                if self._fetch(segment):
                    return
            except (OSError, http.client.HTTPException) as error:
                trouble = error
            finally:
                self._record(segment)
            if segment.at >= segment.end or self._trap.error:
                return
            failures = failures + 1 if segment.at == before else 1
            what = patience.what_broke(trouble) if trouble else "the answer ended too early"
            if failures > self._session.retries:
                raise NetworkFailed(
                    f"Fetching failed {failures} times in a row: {what}. What arrived is kept: "
                    "run the same command again to go on."
                ) from trouble
            wait = patience.wait_before(failures - 1)
            self._session.notify(f"{what}; going on in {wait:.1f} s")
            self._session.pause(wait)

    def _fetch(self, segment: _Segment) -> bool:
        """Ask once for the rest of a segment. True: another thread fetches the file as a whole."""
        headers = {}
        if (segment.at, segment.end) != (0, self._part.size):
            headers["Range"] = f"bytes={segment.at}-{segment.end - 1}"
        with self._session.open("GET", self._url, headers=headers) as answer:
            self._check(answer, segment)
            if answer.status == _OK and headers:
                # This server knows no ranges: one thread takes all of it, the others end.
                with self._arrived:
                    self._whole = self._whole or segment
                if self._whole is not segment:
                    return True
                segment.at = segment.recorded = 0
                segment.end = self._part.size
            self._receive(answer, segment)
        return False

    def _check(self, answer: Answer, segment: _Segment) -> None:
        if answer.status == _NO_SUCH_RANGE:
            raise VerificationFailed("The hub has fewer bytes of the file than it promised.")
        if answer.status >= _ERRORS_FROM and answer.origin != origin_of(self._session.endpoint):
            # A signed address may have expired; asking the hub again gives another.
            raise _StorageRefused(f"{answer.origin} answered {answer.status}")
        answer.check()
        length = answer.headers.get("Content-Length", "")
        if answer.status == _OK and length.isdigit() and int(length) != self._part.size:
            raise VerificationFailed(
                f"The file should have {self._part.size} bytes, and {answer.origin} sends {length}."
            )
        if answer.status == _PARTIAL:
            match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            size = str(self._part.size)
            if not match or int(match[1]) != segment.at or match[3] not in ("*", size):
                raise VerificationFailed(
                    f"{answer.origin} sends other bytes of the file than it was asked for."
                )
        elif answer.status != _OK:
            raise NetworkFailed(f"{answer.origin} answered {answer.status} instead of the file.")

    def _receive(self, answer: Answer, segment: _Segment) -> None:
        buffer = memoryview(bytearray(min(_MOST_READ, segment.end - segment.at)))
        window = 4 * _LEAST_READ
        while segment.at < segment.end and not self._trap.error:
            began = time.monotonic()
            count = answer.readinto(buffer[: min(window, segment.end - segment.at)])
            if count == 0:
                return
            self._keep(segment, buffer[:count])
            taken = time.monotonic() - began
            if taken < _QUICK_SECONDS:
                window = min(window * 2, _MOST_READ)
            elif taken > _SLOW_SECONDS:
                window = max(window // 2, _LEAST_READ)

    def _keep(self, segment: _Segment, data: memoryview) -> None:
        start = segment.at
        end = start + len(data)
        with self._arrived:
            gaps = self._claimed.gaps(start, end)
            self._claimed.add(start, end)
        for low, high in gaps:
            new = data[low - start : high - start]
            self._part.write(low, new)
            if low == self._hashed and not self._in_threads:
                self._digest.update(new)
                self._hashed = high
            with self._arrived:
                self._part.there.add(low, high)
                self._arrived.notify()
            self._on_bytes(high - low)
        segment.at = end
        if segment.at - segment.recorded >= _RECORD_BYTES:
            self._record(segment)

    def _record(self, segment: _Segment) -> None:
        self._part.record((segment.recorded, segment.at))
        segment.recorded = segment.at

    def _hash_to(self, end: int) -> None:
        """Hash what is there up to `end`, reading it back from the part."""
        while self._hashed < end:
            count = self._part.read(self._hashed, self._hash_buffer[: end - self._hashed])
            if count == 0:
                return
            self._digest.update(self._hash_buffer[:count])
            self._hashed += count
