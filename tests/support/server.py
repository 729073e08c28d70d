"""A real `lorahub-server serve`, and what a test does to it from outside."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lorahub_server.accounts import service as accounts
from lorahub_server.accounts import tokens
from lorahub_server.config import Settings
from lorahub_server.kit.db import Database
from support import commands, programs
from support.http import API, Api

COMMAND = [sys.executable, "-c", "from lorahub_server.cli import main; main()"]
PASSWORD = "correct-horse-battery-9"
_LOG_SHOWN = 6000
_PREFIX = "LORAHUB_"


class Hub:
    """One hub in one data folder. Starts, stops, dies and comes back at the same address."""

    def __init__(self, data: Path, env: Mapping[str, str] | None = None) -> None:
        """`env` adds LORAHUB_* settings; those of the caller's own environment do not count."""
        self.data = data
        self.port = programs.free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = data.with_name(f"{data.name}.log")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("LORAHUB_")}
        self.env |= {"LORAHUB_DATA": str(data), "LORAHUB_PORT": str(self.port)}
        # Tests that render say so.
        self.env |= {"LORAHUB_GPU_WORKERS": "0", **(env or {})}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._server is not None, "the hub is not running"
        return self._server.pid

    def start(self, *arguments: str) -> "Hub":
        """Start it and wait until it answers."""
        # A web process of a killed server may hold the port for a moment longer.
        programs.wait(self._port_is_free, f"port {self.port} to be free")
        self._server = self.spawn("serve", *arguments)
        programs.wait(self.healthy, "the hub to answer", 60, 0.05)
        return self

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it as Ctrl-C does (or with another signal); return the exit code."""
        assert self._server is not None, "the hub is not running"
        code = programs.end(self._server, number, 30)
        self._server = None
        return code

    def kill(self) -> None:
        """End the main process without any warning; its children notice by themselves."""
        assert self._server is not None, "the hub is not running"
        self._server.kill()
        self._server.wait()
        self._server = None

    def restart(self, *arguments: str) -> "Hub":
        if self._server is not None:
            self.stop()
        return self.start(*arguments)

    def spawn(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a long-running command (`worker`, `relay`) of this hub; `close` ends it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as said:
            process = subprocess.Popen(
                [*COMMAND, *arguments],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)
        return process

    def run(self, *arguments: str, given: str = "") -> str:
        """Run a command of this hub to its end; return its standard output."""
        done = commands.run(arguments, self.env, given, 120)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def add_account(self, name: str, *, admin: bool = False, password: str = PASSWORD) -> Api:
        """Make an account; return a caller with a token of it (scopes read and write).

        As `accounts add` does, which has tests of its own, without the second that it takes.
        """
        ours = {k: v for k, v in self.env.items() if k.startswith(_PREFIX)}
        given: dict[str, Any] = {k.removeprefix(_PREFIX).lower(): v for k, v in ours.items()}
        settings = Settings(**given)
        database = Database(settings.database_url)
        with database.write() as session:
            account = accounts.create_account(session, name, password, is_admin=admin)
            scopes = ["read", "write"]
            _, token = tokens.create_token(session, settings, account, "for a test", scopes)
        database.engine.dispose()
        return self.as_token(token)

    def as_token(self, token: str | None) -> Api:
        return Api(self.endpoint, token)

    @property
    def anonymous(self) -> Api:
        return self.as_token(None)

    def healthy(self) -> bool:
        if self._server is not None and self._server.poll() is not None:
            raise AssertionError(f"the hub ended at once\n{self.said()}")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", f"{API}/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False

    def said(self) -> str:
        """The end of what its processes wrote."""
        return self.log.read_text(errors="replace")[-_LOG_SHOWN:] if self.log.exists() else ""

    def close(self) -> None:
        for process in self._processes:
            programs.end(process, signal.SIGINT, 20)
        self._server = None

    def _port_is_free(self) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError:
                return False
        return True
