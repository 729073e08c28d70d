"""The child's side of a supervised process: say when ready, end when the parent is gone."""

import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress

READY = b"ready\n"


def supervised() -> bool:
    """Tell whether stdin is a parent's pipe; a terminal or /dev/null says nothing of a parent."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def tell_ready() -> None:
    """Tell the parent that this process now does its work."""
    with suppress(OSError):
        os.write(1, READY)


def end_with_parent(end: Callable[[], None]) -> None:
    """Call `end`, from a thread, when stdin ends: the parent is gone."""

    def watch() -> None:
        with suppress(OSError):
            while os.read(0, 1024):
                pass
        end()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
