"""What a person sees while bytes move: one line that is rewritten, and notes above it.

Everything goes to standard error; standard output is for results.
"""

import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Protocol, TextIO

_EVERY_SECONDS = 0.1
_EARLY_SECONDS = 0.5
_BAR_CELLS = 16
_MINUTE = 60
_HOUR = 3600
_VERY_LONG = 999 * _HOUR
_UNIT = 1000
_EXACT_BELOW = 10


class Reporter(Protocol):
    """Told what happens. `start` opens a line for `total` bytes, `add` moves it, from any thread
    (back, too, when something is done over), `stop` ends it.
    """

    def note(self, text: str) -> None: ...
    def start(self, label: str, total: int, done: int = 0) -> None: ...
    def add(self, count: int) -> None: ...
    def stop(self) -> None: ...


class Silent:
    """Says nothing."""

    def note(self, text: str) -> None: ...
    def start(self, label: str, total: int, done: int = 0) -> None: ...
    def add(self, count: int) -> None: ...
    def stop(self) -> None: ...


class Terminal:
    """Writes for a person: a bar on a terminal, notes alone elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._draws = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._lock = threading.Lock()
        self._label = ""
        self._total = self._done = self._began_with = 0
        self._began = self._drawn = 0.0
        self._shown = False

    def note(self, text: str) -> None:
        with self._lock:
            self._wipe()
            self._stream.write(f"{plain(text)}\n")
            self._stream.flush()

    def start(self, label: str, total: int, done: int = 0) -> None:
        with self._lock:
            self._wipe()
            self._label, self._total = label, total
            self._done = self._began_with = done
            self._began = time.monotonic()
            self._drawn = 0.0

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            moment = time.monotonic()
            if self._draws and self._total and moment - self._drawn >= _EVERY_SECONDS:
                self._drawn = moment
                self._draw(moment)

    def stop(self) -> None:
        with self._lock:
            self._wipe()
            self._total = 0

    def _draw(self, moment: float) -> None:
        seconds = moment - self._began
        # The first moments tell little.
        speed = (self._done - self._began_with) / seconds if seconds > _EARLY_SECONDS else 0.0
        line = bar_line(self._label, self._done, self._total, speed, _columns(self._stream))
        self._stream.write(f"\r\x1b[K{line}")
        self._stream.flush()
        self._shown = True

    def _wipe(self) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._shown = False


def bar_line(label: str, done: int, total: int, speed: float, columns: int) -> str:
    """One line that fits: the label is cut first, then the bar is left out."""
    done = max(0, min(done, total))
    part = done / total if total else 1.0
    facts = f"{part:4.0%}  {size(done)} of {size(total)}"
    if speed > 0:
        facts += f", {size(int(speed))}/s"
        facts += f", {duration((total - done) / speed)} left" if done < total else ""
    full = int(part * _BAR_CELLS)
    drawn = f"[{'#' * full}{'.' * (_BAR_CELLS - full)}] "
    room = columns - 1
    if len(label) + len(drawn) + len(facts) + 1 > room:
        drawn = ""
    space = room - len(drawn) - len(facts) - 1
    return f"{label[: max(space, 0)]} {drawn}{facts}"[:room]


def size(count: int) -> str:
    """A size as people say it, in powers of ten as disks and providers count."""
    if count < _UNIT:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= _UNIT
        if value < _UNIT or unit == "TB":
            break
    return f"{value:.1f} {unit}" if value < _EXACT_BELOW else f"{value:.0f} {unit}"


def plain(text: str) -> str:
    """A stranger's text in one line, without what a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in a sentence, the first few of them."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def duration(seconds: float) -> str:
    whole = int(min(seconds, _VERY_LONG) + 0.5)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
