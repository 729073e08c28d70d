"""How long commands take to start: it is most of what a small pull costs."""

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

import pytest

pytestmark = pytest.mark.bench
_RUNS = 15


def seconds(code: str) -> float:
    """The median time of a fresh interpreter that runs `code`, compiled as what is installed is."""
    taken = []
    with tempfile.TemporaryDirectory() as compiled:
        env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        env["PYTHONPYCACHEPREFIX"] = compiled
        for _ in range(_RUNS):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, env=env)
            taken.append(time.perf_counter() - began)
    return median(taken)


def test_the_client_starts_like_a_plain_program():
    plain = seconds("import argparse, http.client, ssl, json, hashlib")
    ours = seconds("import lorahub.cli.pull")
    print(f"\nplain {plain * 1000:.0f} ms, lorahub pull {ours * 1000:.0f} ms")
    assert ours < 1.5 * plain


def test_reading_headers_needs_no_numpy():
    light = seconds("from lorahub.adapters import parse_header, summarise")
    heavy = seconds("from lorahub.adapters import parse_header, summarise; import numpy")
    print(f"\nheaders {light * 1000:.0f} ms, with numpy {heavy * 1000:.0f} ms")
    assert light < heavy
