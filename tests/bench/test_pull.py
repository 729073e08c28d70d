"""What a pull costs next to curl: fetch the manifest, fetch the file, hash it.

Both ask the same hub for the same bytes, in turns; so a busy machine slows both.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from support import programs
from support.bad_inputs import container
from support.http import API
from support.server import Hub

pytestmark = pytest.mark.bench
MB = 1_000_000


def adapter_of(size: int) -> bytes:
    """A valid adapter with random weights of about that size."""
    rank, half = 16, size // 2 // 64 * 64
    key = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    width = half // 4 // rank
    header = {
        key.format("A"): {"dtype": "F32", "shape": [rank, width], "data_offsets": [0, half]},
        key.format("B"): {"dtype": "F32", "shape": [width, rank], "data_offsets": [half, 2 * half]},
    }
    return container(header, os.urandom(2 * half))


def milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


class Race:
    """One file on a hub; `ours` and `curls` fetch and verify it, each from nothing."""

    def __init__(self, hub: Hub, size: int, folder: Path) -> None:
        self._curl = str(programs.need("curl", package="curl"))
        self._openssl = str(programs.need("openssl", package="openssl"))
        content = adapter_of(size)
        owner = f"bench{size // MB}"
        made = hub.add_account(owner).publish(f"{owner}/one", {"one.safetensors": content})
        self._repo = f"{owner}/one"
        self._manifest = f"{hub.endpoint}{API}/repos/{self._repo}/manifest/HEAD"
        self._file = f"{hub.endpoint}/{self._repo}/resolve/{made['revision']}/one.safetensors"
        self._sha256 = hashlib.sha256(content).hexdigest()
        self._folder = folder
        # Installed programs are compiled once; the environment may forbid to keep that.
        self._env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        self._env |= {"HOME": str(folder), "LORAHUB_ENDPOINT": hub.endpoint}
        self._env |= {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}

    def ours(self, *more: str) -> float:
        out = self._fresh()
        words = ["pull", self._repo, "--to", str(out), "--quiet", *more]
        taken = milliseconds(lambda: self._run(sys.executable, "-m", "lorahub", *words))
        assert (out / "one.safetensors").stat().st_size > 0
        return taken

    def curls(self) -> float:
        out = self._fresh()
        out.mkdir()
        file = out / "one.safetensors"

        def work() -> None:
            self._run(self._curl, "-fsS", "-o", str(out / "manifest"), self._manifest)
            self._run(self._curl, "-fsS", "-o", str(file), self._file)
            assert self._sha256 in self._run(self._openssl, "sha256", "-r", str(file))

        return milliseconds(work)

    def _fresh(self) -> Path:
        out = self._folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(self._folder / ".cache", ignore_errors=True)
        return out

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, env=self._env, check=True, capture_output=True, text=True)
        return done.stdout


@pytest.mark.parametrize(("size", "rounds", "most"), [(1 * MB, 15, 4.0), (150 * MB, 9, 1.1)])
def test_a_pull_next_to_curl(hub, tmp_path, size, rounds, most):
    race = Race(hub, size, tmp_path / "race")
    race.ours(), race.curls()  # warms the caches of disk and compiler
    pairs = [(race.ours(), race.curls()) for _ in range(rounds)]
    ours, curls = (median(side) for side in zip(*pairs, strict=True))
    ratio = median(one / other for one, other in pairs)
    print(f"\n{size // MB} MB: ours {ours:.0f} ms, curl + curl + openssl {curls:.0f}, {ratio:.2f}")
    assert ratio < most
