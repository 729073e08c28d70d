"""`lorahub-server` commands, each in a process of its own that has everything imported already.

Most of what a short command takes is to import; here that is done once, in a process that forks.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path

_CONTEXT: ForkServerContext = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "lorahub_server.cli.accounts",
        "lorahub_server.cli.bases",
        "lorahub_server.cli.config",
        "lorahub_server.cli.jobs",
        "lorahub_server.cli.migrate",
        "lorahub_server.cli.orgs",
        "lorahub_server.cli.overview",
        "lorahub_server.library.service",
    ]
)


def run(
    arguments: tuple[str, ...], env: Mapping[str, str], given: str = "", timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end with an environment and a standard input, as a shell does."""
    with tempfile.TemporaryDirectory(prefix="lorahub-cli-") as folder:
        streams = [Path(folder, name) for name in ("in", "out", "err")]
        streams[0].write_text(given)
        process = _CONTEXT.Process(target=_command, args=(arguments, dict(env), streams))
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(list(arguments), timeout_s)
        said = [path.read_text() if path.exists() else "" for path in streams[1:]]
        return subprocess.CompletedProcess(list(arguments), process.exitcode, *said)


def _command(arguments: tuple[str, ...], env: dict[str, str], streams: list[Path]) -> None:
    flags = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT)
    for number, (path, flag) in enumerate(zip(streams, flags, strict=True)):
        opened = os.open(path, flag, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    for number, mode in enumerate("rww"):
        stream = os.fdopen(number, mode, encoding="utf-8", closefd=False)
        setattr(sys, ("stdin", "stdout", "stderr")[number], stream)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["lorahub-server", *arguments]
    from lorahub_server.cli import main

    main()
