"""Hugging Face's own client, several versions of it, each in an environment of its own."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support import programs

SCRIPTS = Path(__file__).parents[1] / "compat" / "hf" / "scripts"
# By the names that tests show.
VERSIONS = {
    "0.36": "huggingface_hub==0.36.2",
    "1.19": "huggingface_hub==1.19.0",
    "1.x": "huggingface_hub>=1.33,<2",
    "2.4": "huggingface_hub==2.4.0",
}
_DROPPED = ("LORAHUB_", "HF_", "HUGGING", "TRANSFORMERS_", "XDG_", "PYTHON", "HTTP_PROXY",
            "HTTPS_PROXY", "http_proxy", "https_proxy")  # fmt: skip


def environments(cache: Path) -> dict[str, Path]:
    """Return the Python of each version's environment; make those that are not there.

    They stay in `cache` for later runs. Making all of them takes about half a minute.
    """
    cache.mkdir(parents=True, exist_ok=True)
    homes = {name: cache / _key(wanted) for name, wanted in VERSIONS.items()}
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = {name: home for name, home in homes.items() if not (home / "ready").exists()}
        making = {name: _begin(home, VERSIONS[name]) for name, home in missing.items()}
        for name, process in making.items():
            said, _ = process.communicate()
            if process.returncode:
                programs.absent(f"pip can't install {VERSIONS[name]} ({said.strip()[-300:]})")
            (homes[name] / "ready").touch()
    return {name: home / "bin" / "python" for name, home in homes.items()}


def _key(wanted: str) -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"{version}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"


def _begin(home: Path, wanted: str) -> "subprocess.Popen[str]":
    shutil.rmtree(home, ignore_errors=True)
    # With the pip that is here: putting one into each takes longer than all the rest.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")]
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--timeout", "30"]
    return subprocess.Popen(
        [*pip, "install", *options, wanted],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@dataclass(frozen=True)
class Client:
    """One version on one person's machine; `settings` are further variables of theirs."""

    python: Path
    home: Path
    endpoint: str
    token: str | None
    settings: Mapping[str, str]

    def run(self, script: str, *arguments: object, seconds: float = 240) -> dict[str, object]:
        """Run one of the scripts to its end, which must be a good one; return what it tells."""
        done = self.start(script, *arguments)
        try:
            said, complained = done.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            done.kill()
            said, complained = done.communicate()
        assert done.returncode == 0, f"{script} {arguments}\n{said}\n{complained[-6000:]}"
        lines = said.strip().splitlines()
        return dict(json.loads(lines[-1])) if lines and lines[-1].startswith("{") else {}

    def start(self, script: str, *arguments: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [str(self.python), str(SCRIPTS / f"{script}.py"), *(str(word) for word in arguments)],
            env=self.env,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def env(self) -> dict[str, str]:
        """Nothing but where the hub is and who asks, as people set it."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(_DROPPED)}
        env |= {"HOME": str(self.home), "HF_ENDPOINT": self.endpoint, **self.settings}
        if self.token is not None:
            env["HF_TOKEN"] = self.token
        return env


@dataclass(frozen=True)
class Shell:
    """The client's command, as a person types it."""

    client: Client
    command: str = "hf"

    def __call__(self, *words: object, code: int | None = 0) -> str:
        """Run it to its end, and return what it said; None is any exit code."""
        command = [self.client.python.with_name(self.command), *(str(word) for word in words)]
        done = subprocess.run(
            command,
            env=self.client.env,
            cwd=self.client.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        said = done.stdout + done.stderr
        assert code in {None, done.returncode}, f"{words}\n{done.stdout}\n{done.stderr[-3000:]}"
        return said
