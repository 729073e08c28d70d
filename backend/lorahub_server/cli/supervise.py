"""The processes that `serve` runs: started, restarted when they crash, and ended together."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from lorahub_server.kit.child import READY

_log = structlog.get_logger(__name__)

_BACKOFF_MOST_S = 30.0
_HEALTHY_S = 60.0
_LOOK_EVERY_S = 0.1


class Child:
    """One process in one role, through all its restarts.

    Each has a pipe as its stdin and ends when that does. So none outlives this process, however
    it dies. Each has a session of its own, so that Ctrl-C reaches only this process, which then
    ends them in order.
    """

    def __init__(self, name: str, arguments: Sequence[str], fds: Sequence[int] = ()) -> None:
        self.name = name
        self.ready = threading.Event()
        self._command = [sys.executable, "-m", *arguments]
        self._fds = tuple(fds)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self._crashes = 0

    def start(self) -> None:
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=self._fds,
            start_new_session=True,
        )
        threading.Thread(target=self._hear, args=(self._process,), daemon=True).start()

    def look_after(self) -> int | None:
        """Restart the process if it ended; return its exit code when it cannot even start."""
        process = self._process
        if process is None:
            if time.monotonic() >= self._start_at:
                self.start()
            return None
        code = process.poll()
        if code is None:
            return None
        self._forget(process)
        if code > 0 and not self.ready.is_set():
            return code  # it failed before it could work: the next one would too
        healthy = time.monotonic() - self._started_at > _HEALTHY_S
        self._crashes = 1 if healthy else self._crashes + 1
        wait_s = min(2.0 ** (self._crashes - 1), _BACKOFF_MOST_S)
        self._start_at = time.monotonic() + wait_s
        _log.error("process_ended", name=self.name, code=code, restart_in_s=wait_s)
        return None

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            assert self._process is not None
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def close(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._forget(self._process)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.close()
        self._process = None

    def _hear(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as said:
            for line in said:
                if line == READY:
                    self.ready.set()


class Children:
    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        self._ending = threading.Event()
        self._at_once = threading.Event()
        self._patience_s = 0.0

    def run(self, when_ready: Callable[[], None]) -> int:
        """Run until `end` is called or a process cannot start; return the exit code."""
        try:
            for child in self._children:
                child.start()
            told = False
            while not self._ending.wait(_LOOK_EVERY_S):
                failed = [child for child in self._children if child.look_after() is not None]
                if failed:
                    return 1
                if not told and all(child.ready.is_set() for child in self._children):
                    told = True
                    when_ready()
        finally:
            self._end_all()
        return 0

    def end(self, patience_s: float) -> None:
        """Ask for the end; a second call ends everything at once. Safe in a signal handler."""
        if self._ending.is_set():
            self._at_once.set()
        self._patience_s = patience_s
        self._ending.set()

    def _end_all(self) -> None:
        # The last step cannot be refused; the one before makes a web server drop its transfers.
        for number, wait_s in (
            (signal.SIGTERM, self._patience_s),
            (signal.SIGINT, 1.5),
            (signal.SIGKILL, 5.0),
        ):
            if self._at_once.is_set() and number is not signal.SIGKILL:
                continue
            for child in self._children:
                child.signal(number)
            if self._gone_within(wait_s, last=number is signal.SIGKILL):
                break
        for child in self._children:
            child.close()

    def _gone_within(self, wait_s: float, *, last: bool) -> bool:
        until = time.monotonic() + wait_s
        while any(child.alive for child in self._children):
            if time.monotonic() >= until or (self._at_once.is_set() and not last):
                return False
            time.sleep(0.02)
        return True
