"""The `lorahub` command as a person runs it: own home, own cache, no settings of this machine."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

_DROPPED = ("LORAHUB_", "HF_", "XDG_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


class Client:
    """One person's machine. `home` holds the login and the cache."""

    def __init__(self, endpoint: str, token: str | None, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(_DROPPED)}
        self.env |= {"HOME": str(home), "LORAHUB_ENDPOINT": endpoint}
        if token is not None:
            self.env["LORAHUB_TOKEN"] = token

    def run(
        self, *arguments: object, given: str = "", cwd: Path | None = None, seconds: float = 120
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, whatever its exit code."""
        return subprocess.run(
            self._command(arguments),
            env=self.env,
            input=given,
            cwd=cwd or self.home,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def ok(self, *arguments: object, **more: Any) -> str:
        """Run a command that must succeed; return its standard output."""
        done = self.run(*arguments, **more)
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *arguments: object, **more: Any) -> Any:
        return json.loads(self.ok(*arguments, "--json", **more))

    def start(self, *arguments: object, cwd: Path | None = None) -> "subprocess.Popen[str]":
        """Start a command that a test will watch or kill."""
        return subprocess.Popen(
            self._command(arguments),
            env=self.env,
            cwd=cwd or self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def kill(process: "subprocess.Popen[str]") -> None:
        process.send_signal(signal.SIGKILL)
        process.communicate()

    @staticmethod
    def _command(arguments: tuple[object, ...]) -> list[str]:
        return [sys.executable, "-m", "lorahub", *(str(word) for word in arguments)]
