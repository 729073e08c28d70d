"""Tells waiting local workers that a job is there: one datagram to each worker's socket.

Best effort by design. A lost datagram costs at most the second until the next look at the table.
"""

import os
import select
import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

# The kernel's limit for the path of a socket, less its final NUL.
MAX_SOCKET_PATH = 107


class LocalCarrier:
    """The sending side, in the processes that create jobs."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def announce(self, queue: str, job_id: int) -> None:
        del job_id  # whoever wakes takes the oldest
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            for path in self._run_dir.glob(f"{queue}-*.sock"):
                self._poke(sender, path)

    def close(self) -> None:
        pass

    @staticmethod
    def _poke(sender: socket.socket, path: Path) -> None:
        try:
            sender.sendto(b"!", str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)  # its worker was killed
        except OSError:
            pass  # a full buffer: that worker has been told already


class Alarm:
    """The waiting side: sleeps until a job is announced, `stop` is called, or time is up."""

    def __init__(self, run_dir: Path, queues: list[str]) -> None:
        self.stopping = threading.Event()
        self._stop_in, self._stop_out = socket.socketpair()
        self._sockets: list[socket.socket] = []
        self._paths: list[Path] = []
        for queue in queues:
            self._listen(run_dir / f"{queue}-{os.getpid()}.sock")

    def wait(self, timeout_s: float) -> None:
        ready, _, _ = select.select([self._stop_out, *self._sockets], [], [], timeout_s)
        for waker in ready:
            with suppress(BlockingIOError):
                while waker is not self._stop_out and waker.recv(64):
                    pass

    def stop(self) -> None:
        """End the wait for good. Safe in a signal handler and from any thread."""
        self.stopping.set()
        with suppress(OSError):
            self._stop_in.send(b"!")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for waker in (*self._sockets, self._stop_in, self._stop_out):
            waker.close()
        for path in self._paths:
            path.unlink(missing_ok=True)

    def _listen(self, path: Path) -> None:
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            return  # the poll alone will do
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            listener.bind(str(path))
        except OSError:
            listener.close()  # a file system without sockets: the poll alone will do
            return
        listener.setblocking(False)
        self._sockets.append(listener)
        self._paths.append(path)
