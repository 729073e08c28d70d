"""What measuring an adapter costs next to reading and hashing its file.

Both run in a process of their own, as the command line and the worker start it.
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
path, rounds = sys.argv[1], int(sys.argv[2])
import hashlib
from lorahub.adapters import measure_modules, open_tensors, read_modules, sketch_of
from lorahub.adapters.report import inspect_file

def hashed():
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(4 << 20):
            digest.update(piece)

def measured():
    with open_tensors(path) as tensors:
        found = measure_modules(read_modules(tensors.header), tensors)
        assert all(each.figures is not None for each in found)

def sketched():
    with open_tensors(path) as tensors:
        assert sketch_of(read_modules(tensors.header), tensors, "sdxl")

def told():
    inspect_file(path)

for work in (hashed, measured, sketched, told):
    work()
for _ in range(rounds):
    for work in (hashed, measured, sketched, told):
        began = time.perf_counter()
        work()
        print(work.__name__, time.perf_counter() - began)
# The pages of the mapped file, which the kernel may take back at any time, are among these.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print("memory", int(status["VmHWM"].split()[0]) * 1024)
"""


@pytest.mark.parametrize(("dtype", "rank"), [("F16", 21), ("BF16", 21), ("F32", 10)])
def test_a_file_of_sdxl(dtype, rank, tmp_path):
    """986 modules of real shapes, 150 MB."""
    path = tmp_path / "sdxl.safetensors"
    arrays = kohya(sdxl_shapes(), rank, np.random.default_rng(1), alpha=rank / 2)
    path.write_bytes(packed(arrays, dtype=dtype))
    assert 140e6 < path.stat().st_size < 160e6
    figures = run(path)
    print(
        f"\n{dtype}: {path.stat().st_size / 1e6:.0f} MB read and hashed in "
        f"{figures['hashed'] * 1000:.0f} ms; measured in {figures['ratio measured']:.2f} times, "
        f"sketched in {figures['ratio sketched']:.2f}, reported with all hashes in "
        f"{figures['ratio told']:.2f} times that; {figures['memory'] / 1e6:.0f} MB of memory"
    )
    assert figures["ratio measured"] <= 3
    assert figures["memory"] < 600e6


def run(path: Path, rounds: int = 9) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(path), str(rounds)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    times: dict[str, list[float]] = {}
    for line in done.stdout.splitlines():
        name, value = line.split()
        times.setdefault(name, []).append(float(value))
    figures = {name: median(values) for name, values in times.items()}
    for name in ("measured", "sketched", "told"):
        pairs = zip(times[name], times["hashed"], strict=True)
        figures[f"ratio {name}"] = median(ours / theirs for ours, theirs in pairs)
    return figures
