"""Doing several things at once, and stopping when one fails."""

import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TypeVar

_T = TypeVar("_T")


class Trap:
    """Catches what goes wrong in threads, for the one that waits: `with trap: ...` in each, then
    `trap.check()`, which raises the first error.
    """

    def __init__(self, on_error: Callable[[], None] = lambda: None) -> None:
        self.error: BaseException | None = None
        self._on_error = on_error

    def __enter__(self) -> None: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is not None:
            self.error = self.error or error
            self._on_error()
        return True

    def check(self) -> None:
        if self.error is not None:
            raise self.error


def start(count: int, work: Callable[[], None]) -> list[threading.Thread]:
    """Threads that do not keep the process alive."""
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def for_all(items: Iterable[_T], work: Callable[[_T], None], workers: int) -> None:
    """Call `work` with every item, up to `workers` at once. The first error is raised when the
    items that were begun are done; no others are begun.
    """
    waiting = list(items)[::-1]
    if workers <= 1 or len(waiting) <= 1:
        while waiting:
            work(waiting.pop())
        return
    trap = Trap()
    lock = threading.Lock()

    def run() -> None:
        with trap:
            while trap.error is None:
                with lock:
                    if not waiting:
                        return
                    item = waiting.pop()
                work(item)

    threads = start(min(workers, len(waiting)), run)
    try:
        for thread in threads:
            thread.join()
    except BaseException as error:
        trap.error = error
        raise
    trap.check()
