"""Outside programs that some tests need: found, or skipped with a reason that says what to do."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

REQUIRE_ALL = "LORAHUB_TEST_REQUIRE_ALL"


def find(*names: str, folders: tuple[str, ...] = ()) -> Path | None:
    """The first of `names` on PATH or in `folders` (globs; the last match, so the newest)."""
    for name in names:
        if found := shutil.which(name):
            return Path(found)
        for folder in folders:
            pattern = folder.lstrip("/") + "/" + name
            if matches := sorted(Path("/").glob(pattern)):
                return matches[-1]
    return None


def need(*names: str, package: str, folders: tuple[str, ...] = ()) -> Path:
    """Like find, but a missing program skips the test, or fails it where all must be there."""
    found = find(*names, folders=folders)
    if found is None:
        absent(f"{names[0]} is missing; install it (Debian: apt-get install {package})")
    assert found is not None
    return found


def absent(reason: str) -> None:
    """Skip for want of something outside, or fail with LORAHUB_TEST_REQUIRE_ALL=1 (as in CI)."""
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(f"{reason} ({REQUIRE_ALL}=1 allows no skips)", pytrace=False)
    pytest.skip(reason)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait(
    condition: Callable[[], object], what: str, seconds: float = 15, every: float = 0.02
) -> None:
    """Return as soon as `condition` holds; fail when it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(every)


def end(
    process: "subprocess.Popen[bytes]", number: int = signal.SIGTERM, seconds: float = 15
) -> int:
    """Ask a process to end, then insist; return its exit code."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()
