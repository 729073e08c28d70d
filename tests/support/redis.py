"""A private Redis for one test process; it keeps nothing."""

import subprocess
import tempfile
from pathlib import Path

import redis

from support import programs


class RedisServer:
    """A running server; `url` is a database that `fresh` empties. Can be killed and come back."""

    def __init__(self) -> None:
        self._program = programs.need("redis-server", package="redis-server")
        self._folder = tempfile.TemporaryDirectory(prefix="lorahub-redis-")
        self.port = programs.free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        settings = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no"}
        command = [str(self._program), "--dir", self._folder.name]
        for name, value in settings.items():
            command += [f"--{name}", str(value)]
        log = Path(self._folder.name) / "log"
        with log.open("ab") as said:
            self._process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        programs.wait(self._answers, "redis-server")

    def fresh(self) -> str:
        """Empty it and return its address."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
        return self.url

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        programs.end(self._process)
        self._folder.cleanup()

    def _answers(self) -> bool:
        assert self._process.poll() is None, "redis-server ended at once"
        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=1) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False
