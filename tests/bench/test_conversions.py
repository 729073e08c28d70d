"""What remaking an adapter costs next to reading and hashing its file.

All in one process, as the command line and the worker start it. Each remake writes its file, reads
it again and proves it; the ratios include that.
"""

import subprocess
import sys
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from support.weights import kohya, packed, sdxl_shapes

pytestmark = pytest.mark.bench
_PROGRAM = r"""
import os, sys, time
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
from pathlib import Path
path, other, rounds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
import hashlib
from lorahub.adapters import Ingredient, convert, merge, resize

out = path.with_name("out")

def hashed():
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(4 << 20):
            digest.update(piece)

def cast():
    convert(path, out, dtype="bf16", force=True)

def converted():
    convert(path, out, layout="diffusers", force=True)

def unproven():
    convert(path, out, layout="diffusers", force=True, prove=False)

def resized():
    resize(path, out, rank=8, force=True)

def merged():
    merge([Ingredient(path, 0.6), Ingredient(other, 0.4)], out, force=True)

works = (hashed, cast, converted, unproven, resized, merged)
for work in works[:2]:
    work()
for _ in range(rounds):
    for work in works:
        began = time.perf_counter()
        work()
        print(work.__name__, time.perf_counter() - began)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print("memory", int(status["VmHWM"].split()[0]) * 1024)
"""
# Times reading and hashing the file: twice what was measured beside busy neighbours (6.5, 24, 54 and
# 124; the memory was 660 MB), so that only a fault breaks it.
PROMISED = {"cast": 13, "converted": 48, "resized": 110, "merged": 250}
_WORDS = {
    "cast": "to bf16",
    "converted": "kohya to diffusers, proven",
    "unproven": "the same without the proof",
    "resized": "cut to rank 8, proven",
    "merged": "two merged by concatenation, proven",
}


@pytest.mark.timeout(1800)
def test_a_file_of_sdxl(tmp_path):
    """986 modules of real shapes, 150 MB in F16."""
    files = [tmp_path / "one.safetensors", tmp_path / "two.safetensors"]
    for seed, path in enumerate(files):
        arrays = kohya(sdxl_shapes(), 21, np.random.default_rng(seed), alpha=10.5)
        path.write_bytes(packed(arrays, dtype="F16"))
    figures = run(*files)
    size = files[0].stat().st_size / 1e6
    print(f"\n{size:.0f} MB read and hashed in {figures['hashed'] * 1000:.0f} ms; times that:")
    for name, words in _WORDS.items():
        print(f"  {figures[f'ratio {name}']:6.1f}  {words}")
    print(f"  {figures['memory'] / 1e6:.0f} MB of memory")
    for name, most in PROMISED.items():
        assert figures[f"ratio {name}"] <= most, name
    assert figures["memory"] < 900e6


def run(path: Path, other: Path, rounds: int = 2) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(path), str(other), str(rounds)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    times: dict[str, list[float]] = {}
    for line in done.stdout.splitlines():
        name, value = line.split()
        times.setdefault(name, []).append(float(value))
    figures = {name: median(values) for name, values in times.items()}
    for name in _WORDS:
        pairs = zip(times[name], times["hashed"], strict=True)
        figures[f"ratio {name}"] = median(ours / theirs for ours, theirs in pairs)
    return figures
