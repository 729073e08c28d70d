import http.client
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import commands

COMMAND = [sys.executable, "-c", "from lorahub_server.cli import main; main()"]


class Hub:
    """The command line of one hub, whose data is in one folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("LORAHUB_")}
        self.env["LORAHUB_DATA"] = str(data)
        self.env["LORAHUB_GPU_WORKERS"] = "0"
        self.servers: list[subprocess.Popen[str]] = []
        self.said = ""
        self.port = 0

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return commands.run(arguments, self.env, given)

    def serve(self, *arguments: str) -> "subprocess.Popen[str]":
        server = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", *arguments],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.servers.append(server)
        self.said = self.hear(server, "Ctrl-C ends it.")
        self.port = int(re.search(r"listens on http://127\.0\.0\.1:(\d+)", self.said)[1])
        return server

    @staticmethod
    def hear(server: "subprocess.Popen[str]", until: str, seconds: float = 30) -> str:
        """Read what the server says up to a line that holds `until`."""
        said, end = "", time.monotonic() + seconds
        while until not in said:
            left = end - time.monotonic()
            assert left > 0, said
            if select.select([server.stderr], [], [], left)[0]:
                piece = os.read(server.stderr.fileno(), 65536).decode()
                assert piece, said
                said += piece
        return said

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def end(self, server: "subprocess.Popen[str]", number: int = signal.SIGINT) -> tuple[int, str]:
        server.send_signal(number)
        return self.ended(server)

    @staticmethod
    def ended(server: "subprocess.Popen[str]") -> tuple[int, str]:
        said = server.stderr.read()
        return server.wait(30), said

    def children(self, server: "subprocess.Popen[str]") -> dict[int, str]:
        found = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(server.pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        rows = (line.strip().split(" ", 1) for line in found.splitlines())
        return {int(pid): command for pid, command in rows}

    def jobs(self, *arguments: str) -> list[dict]:
        done = self.run("jobs", "list", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path / "data")
    yield made
    for server in made.servers:
        if server.poll() is None:
            server.kill()
        server.wait()
        server.stderr.close()


@pytest.fixture(scope="session")
def _migrated_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("migrated") / "data"
    done = Hub(data).run("migrate")
    assert done.returncode == 0, done.stderr
    return data


@pytest.fixture
def migrated(hub: Hub, _migrated_data: Path) -> Hub:
    """The hub, with its database in shape."""
    shutil.copytree(_migrated_data, hub.data)
    return hub


@pytest.fixture
def until() -> Callable:
    def wait(condition: Callable[[], object], seconds: float = 15) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not within {seconds} s"
            time.sleep(0.05)

    return wait
