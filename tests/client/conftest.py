"""The client as people run it: a process of its own, with a home of its own."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.client import Client
from support.fakehub import FakeHub
from support.server import Hub

_OWN = ("LORAHUB_", "XDG_", "COMFYUI_", "A1111_", "FORGE_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Here(Client):
    """A person in a folder `here`, with a home beside it and nothing of this machine's set-up."""

    def __init__(self, folder: Path) -> None:
        super().__init__("http://127.0.0.1:9", None, folder / "home")
        self.here = folder / "here"
        self.here.mkdir()
        self.name = ""
        self.cache = self.home / ".cache" / "lorahub"
        self.env = {name: value for name, value in self.env.items() if not _is_dropped(name)}
        self.env |= {"LORAHUB_RETRIES": "3"}

    def __str__(self) -> str:
        return self.name

    def use(self, endpoint: str, token: str | None = None) -> "Here":
        self.env["LORAHUB_ENDPOINT"] = endpoint
        if token is not None:
            self.env["LORAHUB_TOKEN"] = token
        return self

    def start(self, *words: object, cwd: Path | None = None) -> "subprocess.Popen[str]":
        return super().start(*words, cwd=cwd or self.here)

    def ends(
        self, code: int, *words: object, given: str = "", **env: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end and check how it ended."""
        before, self.env = self.env, {**self.env, **env}
        try:
            done = self.run(*words, given=given, cwd=self.here)
        finally:
            self.env = before
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: object, code: int = 0, **env: str) -> Any:
        return json.loads(self.ends(code, *words, "--json", **env).stdout)

    def files(self, folder: str = ".") -> dict[str, bytes]:
        """What lies below a folder of `here`."""
        root = self.here / folder
        found = sorted(path for path in root.rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def _is_dropped(name: str) -> bool:
    return name.startswith(_OWN) or name.lower() in _PROXIES or name == "NETRC"


@pytest.fixture(scope="session")
def shared_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A running hub for all tests of the client, each with accounts of its own."""
    hub = Hub(tmp_path_factory.mktemp("shared-hub") / "data").start()
    yield hub
    hub.close()


@pytest.fixture
def client(tmp_path: Path) -> Here:
    return Here(tmp_path)


@pytest.fixture
def new_client(tmp_path: Path) -> Callable[[str], Here]:
    """Further clients, each a person of their own."""

    def make(name: str) -> Here:
        folder = tmp_path / name
        folder.mkdir()
        return Here(folder)

    return make


@pytest.fixture
def fake() -> Iterator[Callable[..., FakeHub]]:
    """Start hubs that only give files: fake({"path": bytes})."""
    hubs: list[FakeHub] = []

    def start(files: dict[str, bytes] | None = None, **more: Any) -> FakeHub:
        hub = FakeHub(files or {}, **more)
        hubs.append(hub)
        return hub

    yield start
    for hub in hubs:
        hub.close()


@pytest.fixture
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process with an empty home, in an empty folder: for calls of the Python interface."""
    for name in list(os.environ):
        if _is_dropped(name):
            monkeypatch.delenv(name)
    home = tmp_path / "own-home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LORAHUB_RETRIES", "3")
    here = tmp_path / "own-here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here
